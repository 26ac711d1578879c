// Pure: what mappings of other tools have, and a mapping of fetch-etl has not: what to do instead.
import { TYPES } from "./mapping.ts";
import { nearest } from "./nearest.ts";

const ONE_TABLE =
  "A mapping has one table. Give each table a queue and a mapping of its own, such as by a filter of the SNS subscription.";
const INSERT_ONLY =
  "Rows are only inserted. Load every message, and read the newest row of each key through a view.";
const JSON_ONLY = "A body is JSON. Convert CSV and form bodies before they are sent.";
const NO_EXPRESSIONS =
  "There are no expressions. Load the values as they are, and compute in a view or a generated column.";
const NO_RENAMING =
  "Values are not renamed. Load them as they are, and rename them in a view. A column's name is its key; from names the path.";
const NO_PATTERNS =
  "There are no patterns. Dates and times are ISO 8601 or RFC 5322; unit reads numbers, and zone is for times without one.";
const NO_ARRAYS = "Postgres arrays are not possible. Use type jsonb, or records for a row for each element.";
const NO_ROWS_OF_MAPS = "A map does not become rows. Load it as jsonb, and unpack it in a view.";

function sentences(
  groups: readonly (readonly [sentence: string, ...names: string[]])[],
): Map<string, string> {
  return new Map(groups.flatMap(([sentence, ...names]) => names.map((name) => [name, sentence] as const)));
}

/** By a key of the file. */
export const FILE_KEYS: ReadonlyMap<string, string> = sentences([
  [ONE_TABLE, "tables", "targets", "outputs", "routes"],
  [INSERT_ONLY, "upsert", "on_conflict", "conflict", "merge", "primary_key", "merge_key", "unique", "delete"],
  [JSON_ONLY, "format", "csv", "delimiter", "form"],
  [NO_EXPRESSIONS, "expression", "expressions", "transform", "transforms", "script"],
  [NO_RENAMING, "rename", "renames"],
  [NO_ROWS_OF_MAPS, "unpivot", "flatten", "entries"],
]);

/** By a key of a column. */
export const COLUMN_KEYS: ReadonlyMap<string, string> = sentences([
  [INSERT_ONLY, "upsert", "on_conflict", "primary_key", "merge_key", "unique"],
  [
    NO_EXPRESSIONS,
    "expression",
    "expr",
    "sql",
    "transform",
    "template",
    "formula",
    "value",
    "concat",
    "script",
  ],
  [NO_RENAMING, "rename", "renames", "map", "values", "mapping", "lookup", "enum", "replace"],
  [NO_PATTERNS, "format", "pattern", "regex", "date_format"],
  [NO_ARRAYS, "array", "items", "repeated"],
  [NO_ROWS_OF_MAPS, "unpivot", "flatten", "entries"],
]);

/** The name that a type has here, by its name elsewhere. */
const TYPE_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    text: ["string", "str", "varchar", "char", "character varying", "citext", "bpchar"],
    integer: ["int", "int4", "int32", "smallint", "int2"],
    bigint: ["int8", "int64", "long"],
    numeric: ["decimal", "money", "number"],
    double: ["float", "float4", "float8", "real", "double precision"],
    boolean: ["bool"],
    timestamptz: ["timestamp", "datetime", "timestamp with time zone", "time"],
    uuid: ["guid"],
    ip: ["inet", "cidr", "ip_address", "ipv4", "ipv6"],
    jsonb: ["json", "object", "map", "struct", "hstore", "record"],
    version: ["semver"],
  }).flatMap(([here, names]) => names.map((name) => [name, here] as const)),
);

/** What to write instead of a type of another tool. */
export function typeElsewhere(given: string): string | undefined {
  const name = given.trim().toLowerCase();
  if (name === "array" || name === "list" || /^array\b|\[\d*\]$/.test(name)) return NO_ARRAYS;
  const [bare = "", length = ""] = name.split(/[()]/);
  const here = [name, bare.trimEnd()]
    .map((each) => TYPE_NAMES.get(each) ?? TYPES.find((type) => type === each))
    .find((type) => type !== undefined);
  if (here === undefined) return undefined;
  const max = here === "text" && /^\d{1,8}$/.test(length) ? ` with max: ${length}` : "";
  return `Use type ${here}${max}.`;
}

/** The same for a misspelt name of another tool's type. */
export function typeNearby(given: string): string | undefined {
  const name = nearest(given, [...TYPE_NAMES.keys()]);
  return name === undefined ? undefined : typeElsewhere(name);
}
