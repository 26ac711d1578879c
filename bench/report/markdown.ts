// Tables and numbers as the documentation has them.

/** Without padding: Prettier does that. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Of the nearest whole number. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
