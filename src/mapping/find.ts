// Pure: finds the messages that have a value in a column that is not masked, also among those that a drain rejects.
import { createLookup } from "./lookup.ts";
import { Invalid, LongNumber, type Column, type Json, type MappedMessage, type Mapping } from "./mapping.ts";
import { normalizer } from "./normalize.ts";
import { createRecordOpener } from "./records.ts";
import { COLUMN_TYPES } from "./types.ts";

/** A value of a column to look for. */
export interface SoughtValue {
  readonly column: Column;
  /** As a person wrote it. */
  readonly text: string;
  /** As a drain writes it to the table: text that Postgres reads as the column's type. */
  readonly cell: string;
}

/** Reads a text as a value of a column, as a drain does; `Invalid` if no row can have it. */
export function readSought(column: Column, text: string): SoughtValue | Invalid {
  const cell = cellReader(column)(text);
  return cell instanceof Invalid ? cell : { column, text, cell };
}

/**
 * Whether a record of a message has the value, as the column reads it or as it was sent: a value of another type is a usual reason for a
 * rejection. Conditions of the mapping do not count.
 */
export function createFinder(
  mapping: Mapping,
  { column, text, cell }: SoughtValue,
): (message: MappedMessage) => boolean {
  const open = createRecordOpener(mapping, []);
  const lookups = column.from.map(createLookup);
  const read = cellReader(column);
  const isSought = (value: Json): boolean => {
    const sent = value instanceof LongNumber ? value.text : value;
    if (typeof sent === "object") return false;
    return [text, cell].includes(String(sent)) || read(value) === cell;
  };
  return (message) => {
    const opened = open(message);
    if (opened.kind !== "records") return false;
    for (const record of opened.records) {
      if (record.kind !== "opened") continue;
      const sent = lookups.map((find) => find(record) ?? null).find((value) => value !== null);
      if (isSought(sent ?? column.default ?? null)) return true;
    }
    return false;
  };
}

function cellReader(column: Column): (value: Json) => string | Invalid {
  const normalize = normalizer(column.normalize);
  const read = COLUMN_TYPES[column.type].text(column);
  return (sent) => {
    const value = normalize === undefined ? sent : normalize(sent);
    if (value instanceof Invalid) return value;
    return value === null ? new Invalid("null") : read(value);
  };
}
