// Pure: a part of a mapping's file in a sentence. The file is configuration, but it may be the wrong file.
const MOST_CHARACTERS = 40;

/** A name or a text in quotes, as {@link shown}. */
export function quoted(text: string): string {
  return `"${shown(text)}"`;
}

/** What stands where something else should: a short value in full. */
export function found(value: unknown): string {
  if (value === null || value === undefined) return "an empty value";
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "this";
}

/** Keys joined by dots, as far as a sentence has room for them. */
export function placeOf(path: readonly PropertyKey[]): string {
  return path.map((key) => shown(String(key))).join(".");
}

/** At most 40 characters, on one line, with control characters escaped. */
export function shown(text: string): string {
  const characters = Array.from(text.slice(0, 2 * MOST_CHARACTERS + 2));
  const isLong = characters.length > MOST_CHARACTERS;
  return escaped(characters.slice(0, MOST_CHARACTERS).join("")) + (isLong ? "…" : "");
}

function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
