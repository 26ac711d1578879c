// Pure: the few macros of man(7) that a manual page is made of. What is handed in is plain text.

/** A page's title line. It has no date, so that one source always gives one page. */
export function title(name: string, version: string): string {
  return `.TH ${escape(name.toUpperCase())} 1 "" "${escape(`${name} ${version}`)}" "User Commands"`;
}

export function section(heading: string, ...content: readonly string[]): string {
  return [`.SH ${escape(heading)}`, ...content].join("\n");
}

export function subsection(heading: string, ...content: readonly string[]): string {
  return [`.SS ${escape(heading)}`, ...content].join("\n");
}

/** Text right after a heading; further paragraphs are {@link paragraph}s. */
export function text(plain: string): string {
  return escape(plain);
}

export function paragraph(plain: string): string {
  return `.PP\n${escape(plain)}`;
}

/** A term to be typed as it stands, but for what is in brackets, with its meaning beside or below it. */
export function tagged(term: string, meaning: string): string {
  return `.TP\n${typed(term)}\n${escape(meaning)}`;
}

/** Lines to be typed, broken nowhere. */
export function lines(each: readonly string[]): string {
  return [".nf", ...each.map(typed), ".fi"].join("\n");
}

function typed(term: string): string {
  const parts = term.split(/(<[^>]+>|\[[^\]]+\])/).filter((part) => part !== "");
  return parts.map((part) => `\\f${/^[<[]/.test(part) ? "I" : "B"}${escape(part)}\\fR`).join("");
}

function escape(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replace(/[^\x20-\x7e]/gu, (character) => `\\[u${hex(character)}]`)
    .replace(/^[.']/, "\\&$&");
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
