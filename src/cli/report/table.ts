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

/** In characters, which are not always as many as JavaScript's units. */
function width(text: string): number {
  return Array.from(text).length;
}

/** A text cut to `most` characters, the last of them an ellipsis where something is missing. */
export function shorten(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
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
