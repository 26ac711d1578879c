// Pure: what tables, columns and fields may be called.
import { isFieldName, RESERVED_NAMES } from "../masking/keys.ts";
import { isPlain } from "./path.ts";

/** Postgres cuts a longer name. */
export const MOST_NAME_BYTES = 63;

/** Every table has these columns already. */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"]);

/** Why no column can have this name; undefined if one can. */
export function whyNoColumn(name: string): string | undefined {
  if (!isName(name)) {
    return `a column's name has 1 to ${MOST_NAME_BYTES} bytes, no control characters and no lone surrogates`;
  }
  return SYSTEM_COLUMNS.has(name) ? "Postgres has a column of this name in every table" : undefined;
}

/** Why this is not the name of a table with its schema; undefined if it is. */
export function whyNoTable(text: string): string | undefined {
  const names = text.split(".");
  if (names.length !== 2 || !names.every((name) => isName(name) && !name.includes('"'))) {
    return (
      `a table is a schema and a name, as in public.user_logins, each of 1 to ${MOST_NAME_BYTES} bytes, ` +
      "without quotes and control characters"
    );
  }
  const isReserved = /^(?:fetch_etl|information_schema|pg_.*)$/.test(names[0] ?? "");
  return isReserved ? "this schema is reserved for fetch-etl or Postgres" : undefined;
}

/** Why no field can have this name; undefined if one can. */
export function whyNoField(name: string): string | undefined {
  if (RESERVED_NAMES.has(name)) return "fetch-etl uses this name for a key of its own";
  return isFieldName(name) ? undefined : 'a field has 1 to 64 letters, digits, "_" and "-"';
}

/** Whether Postgres can have something of this name, in quotes, and it can be printed. */
export function isName(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes <= MOST_NAME_BYTES && isPlain(text);
}
