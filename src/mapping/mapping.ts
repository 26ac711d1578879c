// A mapping as plain data: which message becomes which row. Types only. `file.ts` reads one, `compile.ts` makes it a plan.

/** Names as in the system catalogs: case-sensitive, unquoted, without a dot. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

export const ENVELOPES = ["sns", "eventbridge", "cloudevents"] as const;
export type EnvelopeName = (typeof ENVELOPES)[number];

export const TYPES = [
  ...(["text", "integer", "bigint", "numeric", "double", "boolean", "date", "timestamptz"] as const),
  ...(["uuid", "ip", "jsonb", "version", "version_major"] as const),
] as const;
export type TypeName = (typeof TYPES)[number];

/** What a number counts since 1970: days, seconds, milliseconds, microseconds, nanoseconds. */
export const UNITS = ["d", "s", "ms", "us", "ns"] as const;
export type Unit = (typeof UNITS)[number];

export const NORMALIZATIONS = [
  ...(["trim", "lower", "uuid", "url_decode", "empty", "nil", "first", "last", "decode"] as const),
] as const;
export type Normalization = (typeof NORMALIZATIONS)[number];

/** What a path can start from. */
export type Root = "record" | "message" | EnvelopeName;

/** What SQS says of a message, and the record's place in it. */
export const FACTS = ["index", "message_id", "sent_at", "queue", "body"] as const;
export type Fact = (typeof FACTS)[number];

/** Where a value is. `text` is the path as the file has it, for reasons and mistakes. */
export type Path =
  | { readonly kind: "keys"; readonly text: string; readonly root: Root; readonly keys: readonly string[] }
  | { readonly kind: "fact"; readonly text: string; readonly fact: Fact }
  | { readonly kind: "attribute"; readonly text: string; readonly name: string };

export type Scalar = string | number | boolean | null;

/** One condition of `when`; all must hold. */
export interface Condition {
  readonly path: Path;
  readonly test:
    | { readonly kind: "equals"; readonly values: readonly Scalar[] }
    | { readonly kind: "prefix"; readonly prefix: string }
    | { readonly kind: "missing" };
}

/** Networks are prefixes of IPv4 and IPv6, in bits. */
export type MaskName =
  | { readonly kind: "token"; readonly field: string }
  | { readonly kind: "network"; readonly field: string; readonly v4: number; readonly v6: number };

export interface Column {
  readonly name: string;
  /** The first whose value is neither missing nor null counts. */
  readonly from: readonly Path[];
  readonly type: TypeName;
  /** Length in code points. */
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly unit: Unit | undefined;
  /** Of a time that has none, minutes east of UTC. */
  readonly zone: number | undefined;
  /** The paths that stay of a jsonb value, from that value; undefined: all. */
  readonly keep: readonly (readonly string[])[] | undefined;
  readonly required: boolean;
  readonly nullable: boolean;
  readonly default: Json | undefined;
  readonly invalid: "reject" | "set_null";
  readonly normalize: readonly Normalization[];
  readonly mask: MaskName | undefined;
}

export interface Mapping {
  readonly table: TableName;
  readonly envelopes: readonly EnvelopeName[];
  /** The path of the list whose elements are the records; undefined if the message is the one record. */
  readonly records: Path | undefined;
  readonly when: readonly Condition[];
  readonly unmatched: "quarantine" | "skip";
  /** The parts of the idempotency key; empty without one. */
  readonly dedupe: readonly Path[];
  readonly columns: readonly Column[];
}

/** A number that a double cannot hold as it was written. */
export class LongNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A JSON value as it was sent. Objects may have own keys such as `__proto__`. */
export type Json = null | boolean | number | LongNumber | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Why a value cannot be read. The reason quotes no value. */
export class Invalid {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** A message as its mapping sees it. */
export interface MappedMessage {
  readonly messageId: string;
  /** When SQS accepted the message, epoch milliseconds; where the server does not say, the start of the run. */
  readonly sentAt: number;
  /** The queue's name. */
  readonly queue: string;
  readonly body: string;
  /** SQS's message attributes; binary ones as base64. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A type whose values can be masked; the network of an IP address. */
export type MaskedType = TypeName | "network";

/** A masked value of a row: what the vault can keep. */
export interface MaskedValue {
  readonly field: string;
  /** By which `reveal` spells the value. */
  readonly type: MaskedType;
  readonly token: string;
  /** Canonical bytes. */
  readonly value: Uint8Array;
}

/** One record as it was read; `index` is its place in the message, from 0. */
export type RecordReading = { readonly index: number } & (
  | {
      readonly kind: "row";
      /** In the order of the mapping's columns, as texts that Postgres casts to the column's type. */
      readonly cells: readonly (string | null)[];
      readonly masked: readonly MaskedValue[];
      /** The columns with `invalid: set_null` whose value could not be read. */
      readonly setNull: readonly string[];
      /** The parts of `dedupe` as a JSON list; undefined without one. */
      readonly idempotencyKey: string | undefined;
    }
  | { readonly kind: "rejected"; readonly reasons: readonly string[] }
  | { readonly kind: "skipped" }
);

/** A message as it was read. Records are read one by one, as they are asked for. */
export type Reading =
  | { readonly kind: "records"; readonly records: Iterable<RecordReading> }
  | { readonly kind: "rejected"; readonly reasons: readonly string[] }
  | { readonly kind: "skipped" };
