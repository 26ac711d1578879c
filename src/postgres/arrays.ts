// One-dimensional arrays, as parameters and in results. The driver could read the array types from the database (`fetch_types`), but it
// would do so on every connection, and an error of that statement would end the process.
import type postgres from "postgres";

/** What an element is, and the object ids of the array types that have such elements (`pg_catalog.pg_type`). */
const ELEMENTS: readonly (readonly [parse: (text: string) => unknown, arrays: readonly number[]])[] = [
  // text, varchar, char, name, uuid; bigint and numeric, which a number may not hold; json, jsonb; inet, oid
  [String, [1009, 1015, 1014, 1003, 2951, 1016, 1231, 199, 3807, 1041, 1028]],
  // smallint, integer, real, double precision
  [Number, [1005, 1007, 1021, 1022]],
  [(text) => text === "t", [1000]],
  // date, timestamp, timestamptz
  [(text) => new Date(text), [1182, 1115, 1185]],
];

/** For the driver's `types`. */
export const ARRAYS: Record<string, postgres.PostgresType> = Object.fromEntries(
  ELEMENTS.flatMap(([parse, arrays]) =>
    arrays.map((oid) => [
      `array${oid}`,
      { to: oid, from: [oid], serialize: arrayText, parse: (text: string) => elements(text, parse) },
    ]),
  ),
);

type Element = string | number | bigint | boolean | Date | null;

/** An array as Postgres reads it (PostgreSQL documentation, "Array Input and Output Syntax"). */
function arrayText(values: readonly Element[]): string {
  return `{${values.map(elementText).join(",")}}`;
}

function elementText(value: Element): string {
  if (value === null) return "NULL";
  const text = value instanceof Date ? value.toISOString() : String(value);
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** An element, quoted or not. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^,{}"]+)/gs;

function elements(text: string, parse: (text: string) => unknown): unknown[] {
  return Array.from(text.matchAll(ELEMENT), ([, quoted, plain = ""]) => {
    if (quoted !== undefined) return parse(quoted.replace(/\\(.)/gs, "$1"));
    return plain === "NULL" ? null : parse(plain);
  });
}
