// What `quarantine show` shows of a message.
import type { OpenedBody } from "../../drainer/held.ts";
import type { FoundMessage } from "../../loader/quarantine.ts";
import type { Context } from "../context.ts";
import { writeJson } from "./json.ts";
import { paintFor, plural, printable } from "./paint.ts";
import { columns } from "./table.ts";

export interface ShownMessage {
  readonly message: FoundMessage;
  /** Undefined where the body is not to be shown. */
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

/** A few lines a message; after them its body, on a terminal without the characters that would steer it. */
export function writeFound(context: Context, shown: readonly ShownMessage[]): void {
  const { stdout } = context;
  const paint = paintFor(stdout, context.env);
  for (const { message, opened } of shown) {
    const reasons = message.reasons.map((reason, index) => [index === 0 ? "because" : "", printable(reason)]);
    stdout.write(
      paint.bold(`${printable(message.messageId)}\n`) +
        columns([
          ["queue", printable(message.queue)],
          ["sent", isoTime(message.sentAt) ?? "not known"],
          ...reasons,
          ["key id", printable(message.body.keyId)],
          ["size", `${plural(message.sealedBytes, "byte")}, sealed`],
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
