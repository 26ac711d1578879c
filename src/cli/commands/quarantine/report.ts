import type {
  FoundMessage,
  HeldReason,
  Listed,
  ListedMessage,
  QuarantineSummary,
} from "../../../postgres/quarantine.ts";
import type { OpenedBody } from "../../../quarantine/message.ts";
import { grouped, type ReasonGroup } from "../../../mapping/reason-group.ts";
import type { CountedReason } from "../../../quarantine/reasons.ts";
import type { ReplayReport } from "../../../quarantine/replay.ts";
import type { Context } from "../../context.ts";
import { isoTime, writeJson } from "../../output.ts";
import { count, styleFor, plural, printable } from "../../terminal/style.ts";
import { columns, columnsWithText, wrapLines } from "../../terminal/table.ts";

/** @param listed undefined without `--messages` */
export function writeHeldJson(
  { stdout }: Context,
  { total, reasons, keys }: QuarantineSummary,
  listed: Listed | undefined,
): void {
  const messages = listed?.messages.map(({ messageId, queue, quarantinedAt, reasons: own }) => ({
    ...{ messageId, queue },
    quarantinedAt: isoTime(quarantinedAt),
    reasons: own,
  }));
  writeJson(stdout, { command: "quarantine list", total, reasons, keys, ...(messages && { messages }) });
}

type ShortId = (messageId: string) => string;

/** @param keyIds ids of the configured masking keys */
export function writeHeld(
  context: Context,
  summary: QuarantineSummary,
  { keyIds, shortId }: { readonly keyIds: readonly string[]; readonly shortId: ShortId },
): void {
  const { stdout } = context;
  const { total, reasons, keys } = summary;
  writeTotal(context, total);
  if (total === 0) return;
  stdout.write(reasonTable(reasons, shortId, stdout.columns));
  if (sum(reasons) > total) stdout.write(SEVERAL_REASONS);
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

export const SEVERAL_REASONS = "A message counts once for each of its reasons.\n";

function writeTotal(context: Context, total: number): void {
  const style = styleFor(context.stdout, context.env);
  context.stdout.write(`${style.bold("fetch_etl.quarantine")}: ${plural(total, "message")}\n`);
}

function sum(reasons: readonly Pick<CountedReason, "count">[]): number {
  return reasons.reduce((total, { count: messages }) => total + messages, 0);
}

/** @param width of the terminal; 0 without one */
function reasonTable(
  reasons: readonly (CountedReason & Partial<Pick<HeldReason, "oldest">>)[],
  shortId: ShortId,
  width: number,
): string {
  const hasOldest = reasons.some(({ oldest }) => oldest !== undefined);
  const lines = reasons.map(({ reason, count: messages, oldest = "", example }) => [
    `  ${count(messages)}`,
    ...(hasOldest ? [oldest.slice(0, 10)] : []),
    printable(shortId(example)),
    printable(reason),
  ]);
  const heading = ["  messages", ...(hasOldest ? ["oldest"] : []), "example", "reason"];
  return columnsWithText([heading, ...lines], width);
}

/** One entry per message. */
export function writeListed(
  context: Context,
  total: number,
  { messages }: Listed,
  { group, shortId }: { readonly group: ReasonGroup | undefined; readonly shortId: ShortId },
): void {
  writeTotal(context, total);
  if (messages.length === 0) return;
  const reasonsOf = ({ reasons }: ListedMessage): string => grouped(reasons, group).join("; ");
  const lines = messages.map((message) => [
    `  ${printable(shortId(message.messageId))}`,
    (isoTime(message.quarantinedAt) ?? "-").slice(0, 16).replace("T", " "),
    printable(reasonsOf(message)),
  ]);
  const heading = ["  id", "quarantined", "reasons"];
  context.stdout.write(columnsWithText([heading, ...lines], context.stdout.columns));
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
      ...(opened === undefined ? {} : bodyFields(opened)),
    })),
  });
}

function bodyFields(opened: OpenedBody): object {
  return opened.outcome === "opened"
    ? { body: opened.text, attributes: opened.attributes }
    : { body: null, attributes: null };
}

/** A few lines per message, then its body. On a terminal, control characters in the body are replaced. */
export function writeFound(context: Context, shown: readonly ShownMessage[]): void {
  const { stdout } = context;
  const style = styleFor(stdout, context.env);
  for (const { message, opened } of shown) {
    const reasons = message.reasons.map((reason, index) => [index === 0 ? "reason" : "", printable(reason)]);
    stdout.write(
      `${style.bold(printable(message.messageId))}\n` +
        columnsWithText(
          [
            ["queue", printable(message.queue)],
            ["sent", isoTime(message.sentAt) ?? "unknown"],
            ...reasons,
            ["key id", printable(message.body.keyId)],
            ["size", `${plural(message.sealedBytes, "byte")}, encrypted`],
            ["quarantined", isoTime(message.quarantinedAt) ?? "-"],
            ["replayed", isoTime(message.replayedAt) ?? "no"],
            ...attributeLines(opened),
          ],
          stdout.columns,
        ),
    );
    if (opened?.outcome !== "opened") continue;
    stdout.write(`${stdout.isTerminal ? printable(opened.text) : opened.text}\n`);
  }
}

/** The names of the message attributes. Their values are in the JSON. */
function attributeLines(opened: OpenedBody | undefined): string[][] {
  const names = opened?.outcome === "opened" ? Object.keys(opened.attributes) : [];
  return names.length === 0 ? [] : [["attributes", printable(names.join(", "))]];
}

export function writeReplayedJson({ stdout }: Context, report: ReplayReport, dryRun: boolean): void {
  const { loaded, skipped, rejected, remaining } = report;
  writeJson(stdout, {
    command: "quarantine replay",
    ...(dryRun && { dryRun }),
    ...{ loaded, skipped, rejected, unopened: unopened(report), remaining: remaining.list },
  });
}

/** One line, and why messages stay. */
export function writeReplayed(
  context: Context,
  report: ReplayReport,
  { dryRun, shortId }: { readonly dryRun: boolean; readonly shortId: ShortId },
): void {
  const { stdout } = context;
  const style = styleFor(stdout, context.env);
  const parts = [`${count(report.loaded)} loaded`];
  if (report.skipped > 0) parts.push(`${count(report.skipped)} skipped`);
  parts.push(`${count(report.rejected)} still rejected`);
  const closed = unopened(report);
  if (closed > 0) parts.push(`${count(closed)} not decrypted`);
  const end = dryRun ? " (dry run: nothing was changed)" : "";
  const heading = `${style.bold("fetch_etl.quarantine")}: ${parts.join(", ")}${end}\n`;
  stdout.write(wrapLines(heading, stdout.columns));
  const { list } = report.remaining;
  if (list.length === 0) return;
  stdout.write(reasonTable(list, shortId, stdout.columns));
  if (sum(list) > report.rejected + closed) stdout.write(SEVERAL_REASONS);
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

/** What is deleted if the user confirms it: on stderr, beside the question. */
export function writeChosen(
  { stderr, log }: Context,
  { total, reasons }: QuarantineSummary,
  shortId: ShortId,
): void {
  if (log.format !== "text") {
    log.note(`${plural(total, "message")} to delete`, {
      reasons: Object.fromEntries(reasons.map(({ reason, count: messages }) => [reason, messages])),
    });
    return;
  }
  stderr.write(`${plural(total, "message")} to delete:\n${reasonTable(reasons, shortId, stderr.columns)}`);
  if (sum(reasons) > total) stderr.write(SEVERAL_REASONS);
}

export function writePurged(context: Context, purged: number, kept: number): void {
  const style = styleFor(context.stdout, context.env);
  const rest = kept === 0 ? "" : `, ${count(kept)} kept that ${kept === 1 ? "was" : "were"} never replayed`;
  const line = `${style.bold("fetch_etl.quarantine")}: ${plural(purged, "message")} purged${rest}\n`;
  context.stdout.write(wrapLines(line, context.stdout.columns));
}
