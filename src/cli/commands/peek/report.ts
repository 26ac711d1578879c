// The output of `peek`: a table, or one JSON object per line.
import type { ReceivedMessage } from "../../../drain/ports.ts";
import type { Column, Reading } from "../../../mapping/mapping.ts";
import { spellVersion } from "../../../mapping/types/version.ts";
import type { Context } from "../../context.ts";
import { isoTime, writeJson, type Output } from "../../output.ts";
import { recordFields, recordsToShow, type ShownRecord } from "../../records.ts";
import { listText, styleFor, printable } from "../../terminal/style.ts";
import { columns, shorten, USUAL_COLUMNS, width, wrapLines } from "../../terminal/table.ts";

type Heading = Pick<ReceivedMessage, "messageId" | "sentAt" | "receiveCount">;

/** A message as a drain would load or quarantine it, without its body. */
export interface Shown {
  readonly heading: Heading;
  readonly records: readonly ShownRecord[];
}

export function toShow({ messageId, sentAt, receiveCount }: ReceivedMessage, reading: Reading): Shown {
  return { heading: { messageId, sentAt, receiveCount }, records: recordsToShow(reading) };
}

/** One line a record. */
export function writePeekedJson(
  context: Context,
  columnsOfRow: readonly Column[],
  messages: readonly Shown[],
): void {
  for (const { heading, records } of messages) {
    for (const record of records)
      writeJson(context.stdout, { ...headingFields(heading), ...recordFields(columnsOfRow, record) });
  }
}

export function writeRawJson(context: Context, message: ReceivedMessage): void {
  writeJson(context.stdout, { ...headingFields(message), body: message.body });
}

function headingFields({ messageId, sentAt, receiveCount }: Heading): Record<string, unknown> {
  return { messageId, sentAt: isoTime(sentAt), receiveCount: receiveCount ?? null };
}

/** One body per line. On a terminal, control characters are replaced. */
export function writeRaw({ stdout }: Context, { body }: ReceivedMessage): void {
  stdout.write(`${stdout.isTerminal ? printable(body) : body}\n`);
}

/** Maximum widths of a heading and of a cell, widest first. A cell can always be as wide as its heading. */
const LAYOUTS = [
  [24, 36],
  [24, 12],
  [12, 12],
  [12, 8],
] as const;

/**
 * A table of shortened values that fits the terminal. A message that has no row is a sentence in its place. Columns that do not fit are
 * left out from the right, and named below.
 */
export function writePeeked(
  context: Context,
  columnsOfRow: readonly Column[],
  messages: readonly Shown[],
): void {
  const { stdout } = context;
  const style = styleFor(stdout, context.env);
  const rows = messages.flatMap(({ records }) =>
    records.flatMap((record) => ("cells" in record ? [record.cells] : [])),
  );
  const { lines, shown } = tableOf(columnsOfRow, rows, stdout.columns === 0 ? USUAL_COLUMNS : stdout.columns);
  const heading = lines.shift() ?? "";
  if (rows.length > 0) stdout.write(`${style.bold(heading)}\n`);
  for (const {
    heading: { messageId },
    records,
  } of messages) {
    for (const record of records) {
      if ("cells" in record) {
        stdout.write(`${lines.shift() ?? ""}\n`);
        continue;
      }
      const of = `(message ${printable(messageId)})`;
      const place = records.length > 1 ? `record ${record.record}: ` : "";
      if ("skipped" in record) writeSentence(stdout, "would be skipped:", `${place}${of}`, style.dim);
      else {
        const reasons = record.rejection.join("; ");
        writeSentence(stdout, "would be quarantined:", `${place}${reasons} ${of}`, style.yellow);
      }
    }
  }
  const left = columnsOfRow.slice(shown);
  if (rows.length > 0 && left.length > 0) {
    const names = listText(left.map(({ name }) => printable(name)));
    writeSentence(stdout, "not shown:", `${names}; --json shows all columns`, style.dim);
  }
}

/** A line without a terminal, so that programs can search it; wrapped at words on one. */
function writeSentence(stdout: Output, start: string, rest: string, paint: (text: string) => string): void {
  stdout.write(`${wrapLines(`${paint(start)} ${rest}`, stdout.columns)}\n`);
}

type Cells = readonly (string | null)[];

/** The heading and a line for each row, and how many of the columns they have, in the widest layout that shows as many. */
function tableOf(
  columnsOfRow: readonly Column[],
  rows: readonly Cells[],
  available: number,
): { readonly lines: string[]; readonly shown: number } {
  const shown = Math.max(1, columnsThatFit(layOut(NARROWEST, columnsOfRow, rows), available));
  const first = columnsOfRow.slice(0, shown);
  const layout =
    LAYOUTS.find((each) => columnsThatFit(layOut(each, first, rows), available) === shown) ??
    ([available, available] as const);
  return {
    lines: columns(layOut(layout, first, rows))
      .trimEnd()
      .split("\n"),
    shown,
  };
}

const NARROWEST = LAYOUTS[LAYOUTS.length - 1] ?? LAYOUTS[0];
const GAP = 2;

/** How many of the first columns of a table fit. */
function columnsThatFit(table: readonly (readonly string[])[], available: number): number {
  const widths = (table[0] ?? []).map((_, index) =>
    table.reduce((most, row) => Math.max(most, width(row[index] ?? "")), 0),
  );
  let taken = -GAP;
  const past = widths.findIndex((each) => (taken += GAP + each) > available);
  return past === -1 ? widths.length : past;
}

/** The texts of the heading and of each row. */
function layOut(
  [mostOfHeading, mostOfCell]: readonly [heading: number, cell: number],
  columnsOfRow: readonly Column[],
  rows: readonly Cells[],
): string[][] {
  const headings = columnsOfRow.map(({ name }) => shorten(printable(name), mostOfHeading));
  const texts = rows.map((row) =>
    columnsOfRow.map((column, index) =>
      cellText(column, row[index] ?? null, Math.max(mostOfCell, width(headings[index] ?? ""))),
    ),
  );
  return [headings, ...texts];
}

/** Versions as people write them. Of a token, the start of its last part, which depends on the value: enough to recognize equal ones. */
function cellText({ type, mask }: Column, cell: string | null, most: number): string {
  if (cell === null) return "-";
  if (mask !== undefined) return shorten(cell.slice(cell.lastIndexOf(".") + 1), Math.min(most, TOKEN_WIDTH));
  return shorten(printable(type === "version" ? spellVersion(Number(cell)) : cell), most);
}

const TOKEN_WIDTH = 10;
