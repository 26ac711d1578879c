// Columns and line wrapping for a terminal.
import { stripVTControlCharacters } from "node:util";

/** The width without a terminal. */
export const USUAL_COLUMNS = 80;

/** Lines of cells. Each column is as wide as its widest cell, with two spaces between. Trailing spaces are removed. */
export function columns(rows: readonly (readonly string[])[]): string {
  return columnsWithin(rows, 0);
}

/** The same in lines of up to `most` columns, 0 for any number: cells that do not fit go below, wrapped at words. */
export function columnsWithin(rows: readonly (readonly string[])[], most: number): string {
  const lines = padded(rows).flatMap((row) => {
    const fitting = row.findLastIndex((_, last) => most === 0 || width(lineOf(row, last + 1)) <= most) + 1;
    const below = row.slice(fitting).map((cell) => cell.trim());
    const indent = fitting === 0 ? "  " : BELOW;
    return [
      ...(fitting === 0 ? [] : [lineOf(row, fitting)]),
      ...wrap(below.join(GAP).trim(), most - indent.length)
        .filter((line) => line !== "")
        .map((line) => indent + line),
    ];
  });
  return lines.map((line) => `${line}\n`).join("");
}

const GAP = "  ";
const BELOW = "      ";

function lineOf(row: readonly string[], cells: number): string {
  return row.slice(0, cells).join(GAP).trimEnd();
}

/** All cells of a column have the same width. */
function padded(rows: readonly (readonly string[])[]): string[][] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell));
  }
  return rows.map((row) => row.map((cell, index) => cell + " ".repeat((widths[index] ?? 0) - width(cell))));
}

/** As {@link columnsWithin}, for rows that end with a text: it is wrapped within its own column, and nothing goes below. */
export function columnsWithText(rows: readonly (readonly string[])[], most: number): string {
  const starts = padded(rows.map((row) => [...row.slice(0, -1), ""])).map((cells) => cells.join(GAP));
  const room = most - Math.max(...starts.map(width));
  return rows
    .map((row, index) => {
      const start = starts[index] ?? "";
      const [first = "", ...others] = most === 0 ? row.slice(-1) : wrap(row.at(-1) ?? "", room);
      const indent = " ".repeat(width(start));
      return `${[start + first, ...others.map((line) => indent + line)].map((line) => line.trimEnd()).join("\n")}\n`;
    })
    .join("");
}

/** Characters that take two columns of a terminal: East Asian scripts and emoji. */
const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303e\uff01-\uff60]/u;
/** Combining marks, which take no column. */
const MARK = /\p{M}/u;

/** The width of a text in terminal columns. Colors take none. */
export function width(text: string): number {
  return Array.from(stripVTControlCharacters(text)).reduce((sum, character) => sum + columnsOf(character), 0);
}

function columnsOf(character: string): number {
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The text, cut to `most` columns. If anything is cut, the last column is an ellipsis. */
export function shorten(text: string, most: number): string {
  if (width(text) <= most) return text;
  const kept: string[] = [];
  let left = most - 1;
  for (const character of text) {
    left -= columnsOf(character);
    if (left < 0) break;
    kept.push(character);
  }
  return `${kept.join("")}…`;
}

/**
 * Wraps a text at spaces into lines of up to `most` columns. One line if `most` is less than {@link LEAST_WIDTH}. What a user may copy stays
 * whole, even if it is longer: the terminal then wraps it, and does not copy a line end.
 *
 * @param indent before all lines but the first
 */
export function wrap(text: string, most: number, indent = ""): string[] {
  if (most < LEAST_WIDTH) return [text];
  const lines: string[] = [];
  let line = "";
  for (const [word] of text.matchAll(WORD)) {
    if (line !== "" && width(line + word) > most) {
      lines.push(line);
      line = indent + word.trimStart();
    } else line += word;
  }
  return [...lines, line];
}

const LEAST_WIDTH = 20;

/** Leading spaces or a space, and a word. Text in quotation marks, such as a command, and an SQL statement up to its semicolon are parts of one word. */
const WORD = /(?:^ *| )(?:(?:GRANT|ALTER|REVOKE|revoke) (?:[^;.]|\.(?! ))*;|"[^"]*"|[^ "])*(?:"[^ ]*)?/g;

/** Wraps each line of a text for people. Its second and later lines are indented by two more spaces than the first. */
export function wrapLines(text: string, most: number): string {
  return text
    .split("\n")
    .flatMap((line) => wrap(line, most, `${/^ */.exec(line)?.[0] ?? ""}  `))
    .join("\n");
}
