// The output of `peek`: a table, or one JSON object per line.
import type { ReceivedMessage } from "../../../drain/ports.ts";
import type { Column, Reading } from "../../../mapping/mapping.ts";
import type { Context } from "../../context.ts";
import { isoTime, writeJson, type Output } from "../../output.ts";
import { recordFields, recordsToShow, type ShownRecord } from "../../records.ts";
import { styleFor, printable } from "../../terminal/style.ts";
import { columns, shorten, width } from "../../terminal/table.ts";

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

/** The most of a cell of a table that is not a token. */
const CELL_WIDTH = 12;
/** The most of a heading, and of a cell. The first that fits the terminal is taken. */
const COLUMN_WIDTHS = [24, 12, 10, 8] as const;

/** A table of shortened values or, on a terminal that is too narrow for it, a block of lines for each row. `--json` shows full values. */
export function writePeeked(
  context: Context,
  columnsOfRow: readonly Column[],
  messages: readonly Shown[],
): void {
  const style = styleFor(context.stdout, context.env);
  const rows = messages.flatMap(({ records }) =>
    records.flatMap((record) => ("cells" in record ? [record.cells] : [])),
  );
  if (rows.length > 0) {
    const table = fittingTable(columnsOfRow, rows, context.stdout);
    const [heading = "", ...lines] = table ?? [];
    context.stdout.write(
      table === undefined
        ? blocks(columnsOfRow, rows, context.stdout)
        : [style.bold(heading), ...lines].join("\n"),
    );
  }
  for (const { heading, records } of messages) {
    for (const record of records) {
      if ("rejection" in record) {
        const reasons = record.rejection.join("; ");
        const place = records.length > 1 ? `record ${record.record}: ` : "";
        context.stdout.write(
          `${style.yellow("would be quarantined:")} ${printable(heading.messageId)}: ${place}${reasons}\n`,
        );
      } else if ("skipped" in record) {
        context.stdout.write(`${style.dim("would be skipped:")} ${printable(heading.messageId)}\n`);
      }
    }
  }
}

type Cells = readonly (string | null)[];

function fittingTable(
  columnsOfRow: readonly Column[],
  rows: readonly Cells[],
  { columns: available }: Output,
): string[] | undefined {
  for (const most of COLUMN_WIDTHS) {
    const headings = columnsOfRow.map(({ name }) => shorten(printable(name), most));
    const shortRows = rows.map((cells) => shortCells(columnsOfRow, cells, Math.min(most, CELL_WIDTH)));
    const lines = columns([headings, ...shortRows]).split("\n");
    if (available === 0 || lines.every((line) => width(line) <= available)) return lines;
  }
  return undefined;
}

/** A line for each column, and an empty line between rows. */
function blocks(
  columnsOfRow: readonly Column[],
  rows: readonly Cells[],
  { columns: available }: Output,
): string {
  const names = columnsOfRow.map(({ name }) => shorten(printable(name), COLUMN_WIDTHS[0]));
  const room = Math.max(available - Math.max(...names.map(width)) - 2, CELL_WIDTH);
  const block = (cells: Cells): string =>
    columns(shortCells(columnsOfRow, cells, room).map((cell, index) => [names[index] ?? "", cell]));
  return rows.map(block).join("\n");
}

function shortCells(columnsOfRow: readonly Column[], cells: Cells, most: number): string[] {
  return columnsOfRow.map(({ mask }, index) => {
    const cell = cells[index] ?? null;
    if (cell === null) return "-";
    return mask === undefined ? shorten(printable(cell), most) : shortToken(cell);
  });
}

/** The first characters of the token's last part, which depends on the value: enough to recognize equal ones. */
function shortToken(token: string): string {
  return `${token.slice(token.lastIndexOf(".") + 1).slice(0, 9)}…`;
}
