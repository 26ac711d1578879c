// What a column type is: the form of each module in `types/`.
import type { Column, Invalid, Json, TypeName } from "./mapping.ts";

/** Reads a value that is not null; made once for a column, so that nothing is looked up for each value. */
export type Reader<T> = (value: Json) => T | Invalid;

export interface ColumnType {
  readonly name: TypeName;
  /** In `create table`, and in casts: a type of `pg_catalog`, such as `integer`. */
  readonly sqlType: string;
  /**
   * The types that a column of an existing table may have, the own one first. A domain over one of them may be used too. `"enum"` stands
   * for any enum: a text has to be cast to it. A `timestamp` gets the time in UTC.
   */
  readonly accepted: readonly (keyof typeof TYPE_IDS | "enum")[];
  /** Whether `verify` reports the smallest and the largest value: numbers, dates and times. */
  readonly hasRange: boolean;
  /** The cell: text that Postgres reads as the type, whatever its settings. */
  readonly text: (column: Column) => Reader<string>;
  /** For types that may be masked. */
  readonly masking?: Masking;
}

export interface Masking {
  /** Canonical bytes: equal for equal values. */
  readonly bytes: (column: Column) => Reader<Uint8Array>;
  /** The value of canonical bytes, as `reveal` shows it. */
  readonly spell: (canonical: Uint8Array) => string;
}

/** Object ids of types (PostgreSQL source, pg_type.dat), by the names that `format_type` gives. */
export const TYPE_IDS = {
  boolean: 16,
  bigint: 20,
  integer: 23,
  text: 25,
  "double precision": 701,
  inet: 869,
  character: 1042,
  "character varying": 1043,
  date: 1082,
  "timestamp without time zone": 1114,
  "timestamp with time zone": 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const;
