// Pure: the type `jsonb`.
import type { ColumnType } from "../column-type.ts";
import { plainText, readDecimal } from "../decimal.ts";
import { isList, isObject, stringify } from "../json.ts";
import { keeper } from "../keep.ts";
import { Invalid, LongNumber, type Json } from "../mapping.ts";
import { unstorable } from "./text.ts";

export const JSONB: ColumnType = {
  name: "jsonb",
  sqlType: "pg_catalog.jsonb",
  accepted: ["jsonb"],
  hasRange: false,
  text: ({ keep }) => {
    const kept = keep && keeper(keep);
    return (value) => {
      const stored = kept ? kept(value) : value;
      return stored instanceof Invalid ? stored : (flaw(stored) ?? stringify(stored));
    };
  },
};

/** What `jsonb` cannot store. It recurses no deeper than a body may be nested. */
function flaw(value: Json): Invalid | undefined {
  if (typeof value === "string") return unstorable(value);
  if (value instanceof LongNumber) return numberFlaw(value);
  if (isList(value)) return firstFlaw(value);
  return isObject(value) ? (firstFlaw(Object.keys(value)) ?? firstFlaw(Object.values(value))) : undefined;
}

function firstFlaw(values: readonly Json[]): Invalid | undefined {
  for (const value of values) {
    const found = flaw(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Postgres writes numbers without an exponent: one of a few characters can take more memory than a server has. */
function numberFlaw(number: LongNumber): Invalid | undefined {
  const decimal = readDecimal(number);
  const plain = decimal instanceof Invalid ? decimal : plainText(decimal);
  return plain instanceof Invalid ? plain : undefined;
}
