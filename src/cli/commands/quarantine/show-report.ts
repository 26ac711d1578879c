// The report of `quarantine show`.
import type { OpenedBody } from "../../../quarantine/message.ts";
import type { FoundMessage } from "../../../postgres/quarantine.ts";
import type { Context } from "../../context.ts";
import { writeJson } from "../../json.ts";
import { styleFor, plural, printable } from "../../terminal/style.ts";
import { columns } from "../../terminal/table.ts";

export interface ShownMessage {
  readonly message: FoundMessage;
  /** Undefined without `--raw`. */
  readonly opened: OpenedBody | undefined;
}

export function writeFoundJson({ stdout }: Context, shown: readonly ShownMessage[]): void {
  writeJson(stdout, {
    command: "quarantine show",
    messages: shown.map(({ message, opened }) => ({
      messageId: message.messageId,
      queue: message.queue,
      sentAt: isoTime(message.sentAt),
      reasons: message.reasons,
      keyId: message.body.keyId,
      sealedBytes: message.sealedBytes,
      quarantinedAt: isoTime(message.quarantinedAt),
      replayedAt: isoTime(message.replayedAt),
      ...(opened === undefined ? {} : { body: opened.outcome === "opened" ? opened.text : null }),
    })),
  });
}

/** A few lines per message, then its body. On a terminal, control characters in the body are replaced. */
export function writeFound(context: Context, shown: readonly ShownMessage[]): void {
  const { stdout } = context;
  const style = styleFor(stdout, context.env);
  for (const { message, opened } of shown) {
    const reasons = message.reasons.map((reason, index) => [index === 0 ? "reason" : "", printable(reason)]);
    stdout.write(
      style.bold(`${printable(message.messageId)}\n`) +
        columns([
          ["queue", printable(message.queue)],
          ["sent", isoTime(message.sentAt) ?? "unknown"],
          ...reasons,
          ["key id", printable(message.body.keyId)],
          ["size", `${plural(message.sealedBytes, "byte")}, encrypted`],
          ["quarantined", isoTime(message.quarantinedAt) ?? "-"],
          ["replayed", isoTime(message.replayedAt) ?? "no"],
        ]),
    );
    if (opened?.outcome !== "opened") continue;
    stdout.write(`${stdout.isTerminal ? printable(opened.text) : opened.text}\n`);
  }
}

function isoTime(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : new Date(epochMs).toISOString();
}
