// Plain columns for a terminal.

/** Lines of cells, each column as wide as its widest cell, two spaces between. Trailing blanks are cut. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell));
  }
  const pad = (cell: string, index: number): string => cell + " ".repeat((widths[index] ?? 0) - width(cell));
  return rows.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("");
}

/** Scripts whose characters take two columns of a terminal, and pictures. */
const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303e\uff01-\uff60]/u;
/** What is drawn over the character before it. */
const MARK = /\p{M}/u;

/** How many columns of a terminal a text takes, which are not always as many as it has characters. */
export function width(text: string): number {
  return Array.from(text).reduce((sum, character) => sum + columnsOf(character), 0);
}

function columnsOf(character: string): number {
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** A text cut to `most` columns, the last of them an ellipsis where something is missing. */
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

/** A text in lines of up to `most` characters, broken at its spaces; in one line where `most` leaves no room for a word. */
export function wrap(text: string, most: number): string[] {
  if (most < LEAST_WIDTH) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && width(`${line} ${word}`) > most) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const LEAST_WIDTH = 20;
