/** A page without the blanks by which Prettier pads the cells of its tables. */
export function unpadded(markdown: string): string {
  return markdown.replace(/ +/g, " ").replace(/-{3,}/g, "---");
}
