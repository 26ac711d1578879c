// A second reader of mappings, plain and slow, that shares nothing with `src/mapping` but its types: the fuzz test holds
// the two against each other.
import type { Column, Condition, Json, MappedMessage, Mapping, Path } from "../../src/mapping/mapping.ts";
import { LongNumber } from "../../src/mapping/mapping.ts";
import { addressBytes, networkOf } from "./reference/addresses.ts";
import { readBody } from "./reference/body.ts";
import { normalize } from "./reference/normalize.ts";
import { find, openMessage, type Opened, type Record } from "./reference/opening.ts";
import { cellOf } from "./reference/types.ts";
import { canonical, Num, Unreadable, type Value } from "./reference/value.ts";

const RECORDS = 50_000;

export interface ReferenceMask {
  /** The name of the mask's key. */
  readonly key: string;
  readonly type: string;
  /** Canonical bytes. */
  readonly value: Uint8Array;
}

export type ReferenceRecord =
  | { readonly kind: "rejected" | "skipped" }
  | {
      readonly kind: "row";
      /** Of `jsonb`, one text for equal values; of a masked column, what it is the mask of. */
      readonly cells: readonly (string | ReferenceMask | null)[];
      readonly setNull: readonly string[];
      /** One text for equal lists of parts. */
      readonly idempotency: string | undefined;
    };

/** Of a message: what became of it as a whole, or of each of its records. */
export type ReferenceReading = "rejected" | "skipped" | readonly ReferenceRecord[];

export function readReference(mapping: Mapping, sent: MappedMessage): ReferenceReading {
  try {
    return readOpened(mapping, openMessage(mapping, sent));
  } catch (error) {
    if (error instanceof Unreadable) return "rejected";
    throw error;
  }
}

function readOpened(mapping: Mapping, opened: Opened): ReferenceReading {
  const { records, when } = mapping;
  const whole = { value: opened.message, index: 0, isBeyond: false };
  if (records === undefined) return [readRecord(mapping, when, opened, whole)];

  const ofMessage = when.filter(({ path }) => !isOfRecord(path));
  const unmatched = outcomeOf(mapping, ofMessage, opened, whole);
  if (unmatched !== undefined) return unmatched;
  const list = listAt(records, opened, whole);
  if (list.length > RECORDS) return "rejected";
  if (list.length === 0) return "skipped";
  const ofRecord = when.filter(({ path }) => isOfRecord(path));
  return list.map((value, index) => readRecord(mapping, ofRecord, opened, { value, index, isBeyond: false }));
}

function isOfRecord(path: Path): boolean {
  return path.kind === "keys" ? path.root === "record" : path.kind === "fact" && path.fact === "index";
}

/** @throws {Unreadable} if there is no list */
function listAt(path: Path, opened: Opened, whole: Record): Value[] {
  const value = find(opened, whole, path);
  const list = typeof value === "string" ? readBody(value, { left: 3 }) : value;
  if (whole.isBeyond || !Array.isArray(list)) throw new Unreadable("no list");
  return list;
}

/** The masked values in all records, whatever else becomes of these: normalized, and as they were sent where that may differ. */
export function readReferenceMasks(mapping: Mapping, sent: MappedMessage): ReferenceMask[] {
  try {
    const opened = openMessage(mapping, sent);
    const whole = { value: opened.message, index: 0, isBeyond: false };
    const list = mapping.records === undefined ? [opened.message] : listAt(mapping.records, opened, whole);
    if (list.length > RECORDS) return [];
    const masked = mapping.columns
      .filter(({ mask }) => mask !== undefined)
      .flatMap((column) => (column.normalize.length > 0 ? [column, { ...column, normalize: [] }] : [column]));
    return list.flatMap((value, index) =>
      masked.flatMap((column) => maskIn(column, opened, { value, index, isBeyond: false })),
    );
  } catch (error) {
    if (error instanceof Unreadable) return [];
    throw error;
  }
}

function maskIn(column: Column, opened: Opened, record: Record): ReferenceMask[] {
  try {
    const value = normalizedValue(column, opened, record);
    const cell = value === null ? null : readCell(column, value);
    return cell === null || typeof cell === "string" ? [] : [cell];
  } catch (error) {
    if (error instanceof Unreadable) return [];
    throw error;
  }
}

/** Undefined if all conditions hold. */
function outcomeOf(
  mapping: Mapping,
  conditions: readonly Condition[],
  opened: Opened,
  record: Record,
): "rejected" | "skipped" | undefined {
  const results = conditions.map((condition) => holds(condition, find(opened, record, condition.path)));
  if (record.isBeyond) return "rejected";
  if (results.every((result) => result)) return undefined;
  return mapping.unmatched === "skip" ? "skipped" : "rejected";
}

function holds({ test }: Condition, value: Value | undefined): boolean {
  if (test.kind === "missing") return value === undefined;
  if (test.kind === "prefix") return typeof value === "string" && value.startsWith(test.prefix);
  if (value === undefined || Array.isArray(value) || value instanceof Map) return false;
  return test.values.some((each) => canonical(fromJson(each)) === canonical(value));
}

/** A value of the mapping. */
function fromJson(json: Json): Value {
  if (json instanceof LongNumber) return new Num(json.text);
  if (typeof json === "number") return new Num(String(json));
  if (json === null || typeof json !== "object") return json;
  if (Array.isArray(json)) return json.map((each: Json) => fromJson(each));
  return new Map(Object.entries(json).map(([key, member]: [string, Json]) => [key, fromJson(member)]));
}

function readRecord(
  mapping: Mapping,
  conditions: readonly Condition[],
  opened: Opened,
  record: Record,
): ReferenceRecord {
  const unmatched = outcomeOf(mapping, conditions, opened, record);
  if (unmatched !== undefined) return { kind: unmatched };
  const [cells, setNull]: [(string | ReferenceMask | null)[], string[]] = [[], []];
  let isRejected = false;
  for (const column of mapping.columns) {
    try {
      const value = normalizedValue(column, opened, record);
      cells.push(value === null ? null : readCell(column, value));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      if (column.invalid === "set_null" && !(error instanceof Absent)) {
        cells.push(null);
        setNull.push(column.name);
      } else isRejected = true;
    }
  }
  const parts = mapping.dedupe.map((path) => find(opened, record, path) ?? null);
  if (isRejected || record.isBeyond || parts.includes(null)) return { kind: "rejected" };
  const idempotency = parts.length === 0 ? undefined : canonical(parts);
  return { kind: "row", cells, setNull, idempotency };
}

/** A value that is missing, or null where it may not be: no `set_null` is for it. */
class Absent extends Unreadable {}

function normalizedValue(column: Column, opened: Opened, record: Record): Value {
  let value: Value | undefined;
  for (const path of column.from) {
    const found = find(opened, record, path);
    if (found === null) value = null;
    if (found === undefined || found === null) continue;
    value = found;
    break;
  }
  if (column.default !== undefined) value ??= fromJson(column.default);
  if (value === undefined && column.required) throw new Absent("missing");
  const normalized = normalize(column.normalize, value ?? null);
  if (normalized === null && !column.nullable) throw new Absent("null");
  return normalized;
}

function readCell(column: Column, value: Value): string | ReferenceMask {
  const cell = cellOf(column, value);
  const { mask, type } = column;
  if (mask === undefined) return cell;
  const bytes = type === "ip" ? addressBytes(cell) : new TextEncoder().encode(cell);
  if (mask.kind === "token") return { key: mask.field, type, value: bytes };
  return { key: `network/${mask.field}`, type: "network", value: networkOf(bytes, mask.v4, mask.v6) };
}
