// How `verify` reads the columns of a table: as texts of one format, whatever the table's types and the session's settings. Pure.
import { TYPE_IDS } from "../mapping/column-type.ts";
import type { Column, TypeName } from "../mapping/mapping.ts";
import { COLUMN_TYPES } from "../mapping/types.ts";
import { spellVersion } from "../mapping/types/version.ts";
import { identifier } from "./quote.ts";

export interface ReadColumn {
  readonly name: string;
  readonly type: TypeName;
  readonly isMasked: boolean;
  /** Whether it has a smallest and a largest value. */
  readonly hasRange: boolean;
  /** SQL: a value that can be compared, as the column's own type where that is one of the mapping's type, otherwise as a text. */
  readonly value: string;
}

/** For a transaction that casts values to text. */
export const FIXED_FORMATS =
  "set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local extra_float_digits = 3; set local bytea_output = 'hex'";

/** Text is compared by its bytes: faster than by a language's rules, and no different texts are equal. */
const TEXTS: ReadonlySet<number> = new Set([
  TYPE_IDS.text,
  TYPE_IDS["character varying"],
  TYPE_IDS.character,
]);

/** @param baseId the object id of the column's type in the table, or of the type under its domains */
export function readColumn({ name, type, mask }: Column, baseId: number): ReadColumn {
  const { accepted, hasRange } = COLUMN_TYPES[type];
  const isOwnType =
    mask === undefined &&
    !TEXTS.has(baseId) &&
    accepted.some((each) => each !== "enum" && TYPE_IDS[each] === baseId);
  return {
    name,
    type,
    isMasked: mask !== undefined,
    hasRange: hasRange && isOwnType,
    value: isOwnType ? identifier(name) : `(${identifier(name)}::pg_catalog.text collate pg_catalog."C")`,
  };
}

/** Characters of a value in a report. */
const LONGEST = 64;

/** SQL for {@link spellValue}: of a long value no more than shows that it is longer. */
export function shownText(value: string): string {
  return `pg_catalog.substr(${value}::pg_catalog.text, 1, ${LONGEST + 1})`;
}

/** A value as reports show it: ISO dates and times in UTC, decoded versions, at most 64 characters and then an ellipsis. */
export function spellValue(type: TypeName, text: string): string {
  if (text.length > LONGEST) {
    const characters = Array.from(text);
    if (characters.length > LONGEST) return `${characters.slice(0, LONGEST).join("")}…`;
  }
  return SPELLINGS[type]?.(text) ?? text;
}

/** From Postgres's text in {@link FIXED_FORMATS}. */
const SPELLINGS: Partial<Record<TypeName, (text: string) => string>> = {
  double: (text) => String(Number(text)),
  timestamptz: (text) => text.replace(/^(\S+) (\S+?)(?:\+00)?$/, "$1T$2Z"),
  ip: (text) => text.replace(/^([\d.]+)\/32$|^([\d.:a-f]+)\/128$/, "$1$2"),
  version: (text) => (/^-?\d+$/.test(text) ? spellVersion(Number(text)) : text),
};
