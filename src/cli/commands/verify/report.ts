import type { QueueDepth } from "../../../drain/ports.ts";
import type { Repeated } from "../../../postgres/token-counts.ts";
import type { Verification, VerifiedColumn } from "../../../postgres/verify.ts";
import type { Context } from "../../context.ts";
import { barLines } from "../../terminal/bars.ts";
import { SEVERAL_REASONS } from "../quarantine/report.ts";
import { writeJson } from "../../output.ts";
import { count, styleFor, plural, printable, type Style } from "../../terminal/style.ts";
import { MOST_DRAWN, spreadsOf } from "./spread.ts";
import { columnsWithin, USUAL_COLUMNS, wrap } from "../../terminal/table.ts";

export interface Verified extends Verification {
  /** The table: schema, dot, name. */
  readonly table: string;
  /** Null if the queue was unreachable. */
  readonly queue: QueueDepth | null;
  readonly expected: number | undefined;
  readonly ok: boolean;
}

export function writeVerifiedJson(context: Context, verified: Verified): void {
  writeJson(context.stdout, {
    command: "verify",
    table: verified.table,
    rows: verified.rows,
    columns: Object.fromEntries([...verified.columns].map(([name, column]) => [name, columnFields(column)])),
    unmasked: verified.unmasked,
    quarantined: verified.quarantined,
    quarantineReasons: verified.quarantineReasons,
    repeatedBodies: verified.repeatedBodies,
    queue: verified.queue,
    ...(verified.expected === undefined ? {} : { expected: verified.expected }),
    ok: verified.ok,
  });
}

/** In this order. JSON leaves out what is undefined. */
function columnFields(column: VerifiedColumn): Record<string, unknown> {
  const { type, nulls, distinct, min, max, unmasked, keyIds, values, others, repeats, mostRepeated } = column;
  return { type, nulls, distinct, min, max, unmasked, keyIds, values, others, repeats, mostRepeated };
}

export function writeVerified(context: Context, verified: Verified): void {
  const { stdout } = context;
  const style = styleFor(stdout, context.env);
  const lines = [
    ["rows", count(verified.rows)],
    ["unmasked values", count(verified.unmasked)],
    ...(verified.repeatedBodies === null
      ? []
      : [["repeated message bodies", count(verified.repeatedBodies)]]),
    ["quarantined", count(verified.quarantined)],
    ["queue", queueText(verified.queue)],
  ];
  stdout.write(columnsWithin(lines, stdout.columns));
  stdout.write(columnsWithin(columnLines(verified.columns), stdout.columns));
  if (verified.unmaskedQuery !== undefined) {
    stdout.write(`${wrap(`${QUERY_MEANING}:`, stdout.columns).join("\n")}\n`);
    stdout.write(`${verified.unmaskedQuery.replace(/^/gm, "  ")}\n`);
  }
  writeKeyIds(context, keyIdRows(verified.columns));
  writeDistributions(context, verified.columns);
  for (const [name, { mostRepeated = [] }] of verified.columns)
    writeRepeated(context, `most repeated ${printable(name)}`, mostRepeated);
  writeReasons(context, verified);
  const verdict = style[VERDICT_COLORS[gradeOf(verified)]](verdictText(verified));
  stdout.write(`${verdict}${verified.queue === null ? " (the queue was not checked)" : ""}\n`);
}

export const QUERY_MEANING = "to find unmasked values (the result may contain personal data)";

const VERDICT_COLORS = { ok: "green", warning: "yellow", bad: "red" } as const satisfies Record<
  string,
  keyof Style
>;

/** A warning while messages wait in the quarantine: their rows are missing. */
export function gradeOf({ ok, quarantined }: Verified): keyof typeof VERDICT_COLORS {
  if (!ok) return "bad";
  return quarantined === 0 ? "ok" : "warning";
}

export function verdictText(verified: Verified): string {
  const texts = { ok: "ok", warning: `ok, ${count(verified.quarantined)} quarantined`, bad: "mismatch" };
  return texts[gradeOf(verified)];
}

/** A heading, and a line a column. Numbers are right-aligned. */
function columnLines(verified: Verified["columns"]): string[][] {
  const lines = [...verified].map(([name, column]) => [
    `  ${printable(name)}`,
    column.type,
    count(column.distinct ?? 0),
    count(column.nulls),
    rangeText(column),
  ]);
  const all = [["  column", "type", "distinct", "null", "range"], ...lines];
  const widths = NUMBERS.map((index) => Math.max(...all.map((line) => (line[index] ?? "").length)));
  return all.map((line) => line.map((cell, index) => cell.padStart(widths[NUMBERS.indexOf(index)] ?? 0)));
}

/** The places of numbers in a line. */
const NUMBERS: readonly number[] = [2, 3];

/** Empty for a column without a range. */
function rangeText({ min, max }: VerifiedColumn): string {
  if (min === undefined) return "";
  return min === null ? "-" : `${min} to ${max ?? "-"}`;
}

/** The names of the masked columns, then for each masking key its id and the rows of each column. */
export function keyIdRows(verified: Verified["columns"]): {
  readonly names: readonly string[];
  readonly keys: readonly (readonly [keyId: string, rows: readonly number[]])[];
} {
  const masked = [...verified].filter(([, { keyIds }]) => keyIds !== undefined);
  const ids = new Set(masked.flatMap(([, { keyIds = {} }]) => Object.keys(keyIds)));
  return {
    names: masked.map(([name]) => name),
    keys: [...ids].toSorted().map((id) => [id, masked.map(([, { keyIds }]) => keyIds?.[id] ?? 0)] as const),
  };
}

/** A value that occurs in two rows counts twice. */
function writeKeyIds({ stdout }: Context, { names, keys }: ReturnType<typeof keyIdRows>): void {
  const lines = keys.map(([id, rows]) => [
    `  ${id}`,
    ...rows.map((each, index) => `${count(each)} ${printable(names[index] ?? "")}`),
  ]);
  if (lines.length > 0) stdout.write(`rows by masking key\n${columnsWithin(lines, stdout.columns)}`);
}

function writeDistributions({ stdout, env }: Context, verified: Verified["columns"]): void {
  const style = styleFor(stdout, env);
  for (const { heading, counted } of spreadsOf(verified)) {
    const lines = barLines(counted, stdout.columns === 0 ? USUAL_COLUMNS : stdout.columns);
    const drawn = lines.map(({ before, bar, after }) => `${before}${style.cyan(bar)}${after}\n`);
    stdout.write(`${heading}\n${drawn.join("")}`);
  }
  const omitted = omittedText(verified);
  if (omitted !== undefined) stdout.write(`${wrap(omitted, stdout.columns).join("\n")}\n`);
}

/** Undefined if all columns are drawn. */
export function omittedText({ size }: Verified["columns"]): string | undefined {
  return size > MOST_DRAWN
    ? `Charts show the first ${MOST_DRAWN} of ${count(size)} columns; --json has all of them.`
    : undefined;
}

function writeRepeated({ stdout }: Context, heading: string, repeated: readonly Repeated[]): void {
  if (repeated.length === 0) return;
  const lines = repeated.map(({ token, rows }) => [`  ${token}`, plural(rows, "row")]);
  stdout.write(`${heading}\n${columnsWithin(lines, stdout.columns)}`);
}

export function reasonsToShow({
  quarantineReasons,
  shownReasons = quarantineReasons,
}: Pick<Verification, "quarantineReasons" | "shownReasons">): Readonly<Record<string, number>> {
  return shownReasons;
}

function writeReasons({ stdout }: Context, verified: Verified): void {
  const reasons = Object.entries(reasonsToShow(verified));
  const lines = reasons.map(([reason, messages]) => [`  ${printable(reason)}`, plural(messages, "message")]);
  if (lines.length > 0) stdout.write(`quarantine reasons\n${columnsWithin(lines, stdout.columns)}`);
  if (reasons.reduce((sum, [, messages]) => sum + messages, 0) > verified.quarantined)
    stdout.write(SEVERAL_REASONS);
}

export function queueText(queue: QueueDepth | null): string {
  if (queue === null) return "not checked";
  return `${count(queue.visible)} visible, ${count(queue.inFlight)} in flight, ${count(queue.delayed)} delayed`;
}
