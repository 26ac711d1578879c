// Turns a mapping into a plan, once a run: a reader for each column, so that a message costs no look-up. Pure.
import type { MaskingKeys } from "../masking/keys.ts";
import { maskOf } from "../masking/token.ts";
import { createLookup } from "./lookup.ts";
import {
  Invalid,
  type Column,
  type Json,
  type MappedMessage,
  type Mapping,
  type MaskedValue,
  type Reading,
  type RecordReading,
} from "./mapping.ts";
import { pathsText } from "./fields.ts";
import { columnMask, type ColumnMask } from "./masks.ts";
import { normalizer } from "./normalize.ts";
import type { OpenedRecord } from "./opened.ts";
import { createDedupe, createRecordOpener, type RecordOpening } from "./records.ts";
import { COLUMN_TYPES } from "./types.ts";

/** Reads messages by one mapping, and masks with one key. */
export interface Plan {
  readonly mapping: Mapping;
  readonly read: (message: MappedMessage) => Reading;
  /**
   * The tokens of the masked values in a message, also where the rest of it is invalid or `when` excludes the record; both as `normalize`
   * makes the values and as they were sent, because a row may be older than the mapping's `normalize`.
   */
  readonly tokensIn: (message: MappedMessage) => string[];
}

export function compile(mapping: Mapping, keys: MaskingKeys): Plan {
  const open = createRecordOpener(mapping);
  const openAny = createRecordOpener(mapping, []);
  const readers: RowReaders = {
    columns: mapping.columns.map((column) => columnReader(column, keys)),
    dedupe: mapping.dedupe.length === 0 ? undefined : createDedupe(mapping.dedupe),
  };
  const masked = mapping.columns
    .filter(({ mask }) => mask !== undefined)
    .flatMap((column) => (column.normalize.length === 0 ? [column] : [column, { ...column, normalize: [] }]))
    .map((column) => columnReader(column, keys));
  return {
    mapping,
    read: (message) => {
      const opened = open(message);
      return opened.kind === "records"
        ? { kind: "records", records: readAll(opened.records, readers) }
        : opened;
    },
    tokensIn: (message) => {
      const opened = openAny(message);
      if (opened.kind !== "records") return [];
      const tokens: string[] = [];
      for (const record of opened.records) {
        if (record.kind !== "opened") continue;
        const row = new Row();
        for (const read of masked) read(record, row);
        tokens.push(...row.masked.map(({ token }) => token));
      }
      return tokens;
    },
  };
}

/** A row while it is read. */
class Row {
  readonly cells: (string | null)[] = [];
  readonly masked: MaskedValue[] = [];
  readonly setNull: string[] = [];
  readonly reasons: string[] = [];
}

/** Adds a cell to the row, or a reason. */
type ColumnReader = (record: OpenedRecord, row: Row) => void;

interface RowReaders {
  readonly columns: readonly ColumnReader[];
  /** Undefined without an idempotency key. */
  readonly dedupe: ReturnType<typeof createDedupe> | undefined;
}

function* readAll(
  records: Iterable<RecordOpening>,
  readers: RowReaders,
): Generator<RecordReading, void, undefined> {
  for (const record of records) yield record.kind === "opened" ? readRecord(record, readers) : record;
}

function readRecord(record: OpenedRecord, { columns, dedupe }: RowReaders): RecordReading {
  const { index } = record;
  const row = new Row();
  for (const read of columns) read(record, row);
  const { cells, masked, setNull, reasons } = row;
  const key = dedupe?.(record);
  if (typeof key === "object") reasons.push(...key);
  if (record.beyond !== undefined) reasons.push(record.beyond);
  if (reasons.length > 0) return { index, kind: "rejected", reasons };
  return {
    index,
    kind: "row",
    cells,
    masked,
    setNull,
    idempotencyKey: typeof key === "string" ? key : undefined,
  };
}

function columnReader(column: Column, keys: MaskingKeys): ColumnReader {
  const sources = column.from.map((path) => ({ find: createLookup(path), label: path.text }));
  const everySource = pathsText(column);
  const read = valueReader(column, keys);
  /** The label of the source that the value is from. */
  const labelOf = (record: OpenedRecord): string =>
    sources.find(({ find }) => (find(record) ?? null) !== null)?.label ?? everySource;
  const find = (record: OpenedRecord): Json | undefined => {
    let found: Json | undefined;
    for (const source of sources) {
      const value = source.find(record);
      if (value !== undefined && value !== null) return value;
      if (value === null) found = null;
    }
    return found;
  };
  return (record, row) => {
    const found = find(record);
    const value = found ?? column.default ?? found;
    if (value === undefined && column.required) {
      row.reasons.push(`${everySource}: missing`);
      return;
    }
    const cell = read(value ?? null, row);
    if (!(cell instanceof Invalid)) row.cells.push(cell);
    else if (column.invalid === "reject") row.reasons.push(`${labelOf(record)}: ${cell.reason}`);
    else {
      row.cells.push(null);
      row.setNull.push(column.name);
    }
  };
}

/** A cell from a value: normalized, read as its type, masked. */
type ValueReader = (value: Json, row: Row) => string | null | Invalid;

function valueReader(column: Column, keys: MaskingKeys): ValueReader {
  const normalize = normalizer(column.normalize);
  const mask = columnMask(column);
  const toCell = mask === undefined ? COLUMN_TYPES[column.type].text(column) : masker(mask, keys);
  return (sent, row) => {
    const value = sent === null || normalize === undefined ? sent : normalize(sent);
    if (value instanceof Invalid) return value;
    if (value !== null) return toCell(value, row);
    return column.nullable ? null : new Invalid("null");
  };
}

/** Why the column's `default` is no value of the column; undefined if it is one. */
export function faultOfDefault(column: Column): string | undefined {
  const read = columnMask(column)?.bytes ?? COLUMN_TYPES[column.type].text(column);
  const normalize = normalizer(column.normalize);
  const sent = column.default ?? null;
  const value = sent === null || normalize === undefined ? sent : normalize(sent);
  if (value === null) return column.nullable ? undefined : "null";
  const cell = value instanceof Invalid ? value : read(value);
  return cell instanceof Invalid ? cell.reason : undefined;
}

function masker(
  { keyName: field, type, bytes: toBytes }: ColumnMask,
  keys: MaskingKeys,
): (value: Json, row: Row) => string | Invalid {
  const mask = maskOf(keys, field);
  return (value, row) => {
    const bytes = toBytes(value);
    if (bytes instanceof Invalid) return bytes;
    const token = mask(bytes);
    row.masked.push({ field, type, token, value: bytes });
    return token;
  };
}
