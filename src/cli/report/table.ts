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
