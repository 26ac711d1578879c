import type { FoundMessage, QuarantineSummary } from "../../../postgres/quarantine.ts";
import type { OpenedBody } from "../../../quarantine/message.ts";
import type { ReplayReport } from "../../../quarantine/replay.ts";
import type { Context } from "../../context.ts";
import { isoTime, writeJson } from "../../output.ts";
import { count, styleFor, plural, printable } from "../../terminal/style.ts";
import { columns } from "../../terminal/table.ts";

export function writeHeldJson({ stdout }: Context, { total, reasons, keys }: QuarantineSummary): void {
  writeJson(stdout, { command: "quarantine list", total, reasons, keys });
}

/** @param keyIds ids of the configured masking keys */
export function writeHeld(context: Context, summary: QuarantineSummary, keyIds: readonly string[]): void {
  const { stdout } = context;
  const { total, reasons, keys } = summary;
  const style = styleFor(stdout, context.env);
  stdout.write(`${style.bold("fetch_etl.quarantine")}: ${plural(total, "message")}\n`);
  if (total === 0) return;
  const lines = reasons.map(({ reason, count: messages, oldest, example }) => [
    `  ${printable(reason)}`,
    count(messages),
    oldest.slice(0, 10),
    printable(example),
  ]);
  stdout.write(columns([["  reason", "messages", "oldest", "example id"], ...lines]));
  if (reasons.reduce((sum, { count: messages }) => sum + messages, 0) > total)
    stdout.write("A message with several reasons is counted once for each reason.\n");
  // List the keys unless all messages use the current key, so that nobody removes an earlier key that is still needed.
  if (keys.length === 1 && (keyIds.length === 0 || keys[0]?.keyId === keyIds[0])) return;
  const isMissing = (keyId: string): boolean => keyIds.length > 0 && !keyIds.includes(keyId);
  const keyLines = keys.map(({ keyId, count: messages }) => [
    `  ${printable(keyId)}`,
    plural(messages, "message"),
    isMissing(keyId) ? "not configured" : "",
  ]);
  stdout.write(`encrypted with masking key\n${columns(keyLines)}`);
}

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
      `${style.bold(printable(message.messageId))}\n` +
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

export function writeReplayedJson({ stdout }: Context, report: ReplayReport): void {
  const { loaded, skipped, rejected } = report;
  writeJson(stdout, { command: "quarantine replay", loaded, skipped, rejected, unopened: unopened(report) });
}

/** One line. */
export function writeReplayed(context: Context, report: ReplayReport): void {
  const style = styleFor(context.stdout, context.env);
  const parts = [`${count(report.loaded)} loaded`];
  if (report.skipped > 0) parts.push(`${count(report.skipped)} skipped`);
  parts.push(`${count(report.rejected)} still rejected`);
  const closed = unopened(report);
  if (closed > 0) parts.push(`${count(closed)} not decrypted`);
  context.stdout.write(`${style.bold("fetch_etl.quarantine")}: ${parts.join(", ")}\n`);
}

/** Reports which bodies could not be decrypted, and what to do. */
export function writeUnopened({ log }: Context, { missingKeys, altered }: ReplayReport): void {
  for (const [keyId, messages] of missingKeys) {
    log.warn(
      `Cannot decrypt ${plural(messages, "message")}: masking key ${printable(keyId)} is not configured. ` +
        "Add it to FETCH_ETL_MASKING_KEY after the first key, separated by a comma.",
    );
  }
  const [example] = altered;
  if (example === undefined) return;
  log.error(
    `Cannot decrypt ${plural(altered.length, "message")} with a body that was altered after encryption, such as ${printable(example)}.`,
  );
}

function unopened({ missingKeys, altered }: ReplayReport): number {
  return [...missingKeys.values()].reduce((sum, messages) => sum + messages, altered.length);
}

export function writePurged(context: Context, purged: number): void {
  const style = styleFor(context.stdout, context.env);
  context.stdout.write(`${style.bold("fetch_etl.quarantine")}: ${plural(purged, "message")} purged\n`);
}
