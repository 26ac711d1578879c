// Pure: the type `text`.
import type { ColumnType } from "../column-type.ts";
import { Invalid, type Column, type Json } from "../mapping.ts";
import { utf8Masking } from "../utf8-masking.ts";

const text: ColumnType["text"] =
  ({ min = 0, max = Infinity }: Column) =>
  (value: Json) => {
    if (typeof value !== "string") return new Invalid("not a string");
    return wrongLength(value, min, max) ?? unstorable(value) ?? value;
  };

export const TEXT: ColumnType = {
  name: "text",
  sqlType: "pg_catalog.text",
  accepted: ["text", "character varying", "character", "enum"],
  hasRange: false,
  text,
  masking: utf8Masking(text),
};

/** What Postgres cannot store in a text. */
export function unstorable(text: string): Invalid | undefined {
  if (text.includes("\0")) return new Invalid("has a NUL character");
  return text.isWellFormed() ? undefined : new Invalid("has a lone surrogate");
}

/** Counts code points, of one or two UTF-16 units, only where the number of units does not decide. */
function wrongLength(text: string, min: number, max: number): Invalid | undefined {
  const units = text.length;
  if (units > 2 * max || (units > max && codePoints(text) > max)) {
    return new Invalid(`longer than ${max} characters`);
  }
  if (units >= 2 * min || (units >= min && codePoints(text) >= min)) return undefined;
  return new Invalid(units === 0 ? "empty" : `shorter than ${min} characters`);
}

function codePoints(text: string): number {
  let count = 0;
  for (let unit = 0; unit < text.length; unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1) count += 1;
  return count;
}
