// Turns a message into what is to be written for it: rows, and a rejection with its sealed body.
import type { Plan } from "../mapping/compile.ts";
import { reasonGroup, type ReasonGroup } from "../mapping/reason-group.ts";
import type { MappedMessage, MaskedValue, Reading, RecordReading } from "../mapping/mapping.ts";
import { textMac, type TextMac } from "../masking/token.ts";
import type { MaskingKeys } from "../masking/keys.ts";
import { seal, NONCE_BYTES } from "../masking/seal.ts";
import { RejectedRecords } from "./rejected-records.ts";
import {
  WHOLE_MESSAGE,
  type Entry,
  type RejectionEntry,
  type RowEntry,
  type SealedValue,
  type SentMessage,
  type ValueSealer,
} from "./ports.ts";

/** Makes entries with one mapping and one masking key, for one queue. */
export interface EntryMaker {
  /** Whether every message has one item. */
  readonly isOneRecord: boolean;
  /** The reasons of a message that lacks every field. */
  readonly reasonGroup: ReasonGroup | undefined;
  /**
   * Reads and masks a message, item by item. There is at least one. At the last one all rejected records are known.
   *
   * @param only ignores the other records; one that the message does not have is rejected
   */
  items(message: SentMessage, only?: ReadonlySet<number>): Iterable<Item>;
  /**
   * Rejects a message. Reasons must not contain values.
   *
   * @param records the rejected ones; undefined for the whole message
   */
  reject(message: SentMessage, reasons: readonly string[], records?: readonly number[]): RejectionEntry;
}

/** A record of a message that is written; or a message of which none is. */
export interface Item {
  readonly message: Omit<SentMessage, "body"> & {
    /** Undefined where the entry has the body, sealed. */
    readonly body: string | undefined;
  };
  /** Undefined where no record is written. */
  readonly entry: Entry | undefined;
  /** Whether the message has no further item. */
  readonly isLast: boolean;
  /** Records that the mapping skips: of the whole message, at its last item. */
  readonly skipped: number;
  /** Columns whose value could not be read and is NULL. */
  readonly setNull: readonly string[];
  /** What was rejected so far of a message with several records, which is written after its rows; undefined where a message is one record. */
  readonly rejected?: RejectedRecords;
}

export interface EntrySettings {
  readonly plan: Plan;
  readonly keys: MaskingKeys;
  readonly queueId: string;
  readonly queueName: string;
  /** The sent time of messages that have none, epoch milliseconds. */
  readonly now: number;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Undefined without a vault. */
  readonly sealer?: ValueSealer | undefined;
}

/**
 * The additional authenticated data of a sealed body: it can be opened only for the same queue and message.
 *
 * @param what `message`: a JSON object with the body and the attributes
 */
export function sealContext(queueId: string, messageId: string, what: "body" | "message" = "body"): string {
  return JSON.stringify(["fetch-etl/v1/quarantine", queueId, messageId, ...(what === "body" ? [] : [what])]);
}

export function createEntryMaker(settings: EntrySettings): EntryMaker {
  return new Maker(settings);
}

class Maker implements EntryMaker {
  readonly reasonGroup: ReasonGroup | undefined;
  readonly #settings: EntrySettings;
  readonly #bodyMac: TextMac;
  readonly #idempotencyMac: TextMac;

  constructor(settings: EntrySettings) {
    const { keys } = settings;
    this.#settings = settings;
    this.reasonGroup = reasonGroup(settings.plan.mapping);
    this.#bodyMac = textMac(keys.body);
    this.#idempotencyMac = textMac(keys.idempotency);
  }

  get isOneRecord(): boolean {
    return this.#settings.plan.mapping.records === undefined;
  }

  items(message: SentMessage, only?: ReadonlySet<number>): Iterable<Item> {
    return this.isOneRecord && only === undefined ? this.#single(message) : this.#several(message, only);
  }

  reject(message: SentMessage, reasons: readonly string[], records?: readonly number[]): RejectionEntry {
    const { keys, queueId, randomBytes } = this.#settings;
    const { messageId, sentAt, body, attributes = {} } = message;
    const what = Object.keys(attributes).length === 0 ? "body" : "message";
    const plain = what === "body" ? body : JSON.stringify({ body, attributes });
    const context = sealContext(queueId, messageId, what);
    const bytes = seal(keys.quarantine, plain, context, randomBytes(NONCE_BYTES));
    const sealed = { keyId: keys.keyId, bytes };
    return {
      kind: "rejection",
      ...{ messageId, sentAt, record: WHOLE_MESSAGE, bodyMac: this.#bodyMac(body) },
      rejection: { reasons, sealed, ...(records === undefined ? {} : { records }) },
    };
  }

  #single(message: SentMessage): Item[] {
    const reading = this.#read(message);
    if (reading.kind !== "records") return [this.#unread(message, reading)];
    return Array.from(reading.records, (record) =>
      record.kind === "row"
        ? this.#row(message, this.#bodyMac(message.body), record, true)
        : this.#unread(message, record),
    );
  }

  /** Reads the message only when it is asked for its first item. */
  *#several(message: SentMessage, only: ReadonlySet<number> | undefined): Generator<Item> {
    const reading = this.#read(message, only);
    if (reading.kind !== "records") {
      yield this.#unread(message, reading);
      return;
    }
    const rejected = new RejectedRecords();
    const mac = this.#bodyMac(message.body);
    let skipped = 0;
    let last: Item | undefined;
    for (const record of reading.records) {
      if (record.kind === "row") {
        if (last !== undefined) yield last;
        last = { ...this.#row(message, mac, record, false), rejected };
      } else if (record.kind === "skipped") skipped += 1;
      else rejected.add(record.index, record.reasons);
    }
    yield { message, entry: undefined, setNull: [], rejected, ...last, isLast: true, skipped };
  }

  #read(message: SentMessage, only?: ReadonlySet<number>): Reading {
    const reading = this.#settings.plan.read(asMapped(message, this.#settings));
    if (only === undefined || reading.kind !== "records") return reading;
    return { kind: "records", records: those(reading.records, only) };
  }

  /** The only item of a message of which no record is written. */
  #unread(message: SentMessage, reading: Exclude<Reading, { kind: "records" }>): Item {
    return reading.kind === "rejected"
      ? this.#rejection(message, reading.reasons)
      : { message, entry: undefined, isLast: true, skipped: 1, setNull: [] };
  }

  #row(
    message: SentMessage,
    bodyMac: string,
    record: RecordReading & { kind: "row" },
    isLast: boolean,
  ): Item {
    const { messageId, sentAt } = message;
    const { index, cells, masked, setNull, idempotencyKey } = record;
    const sealed = this.#sealed(masked);
    const idempotency = idempotencyKey === undefined ? undefined : this.#idempotencyMac(idempotencyKey);
    const entry: RowEntry = {
      kind: "row",
      messageId,
      sentAt,
      record: index,
      bodyMac,
      cells,
      sealed,
      idempotency,
    };
    return { message, entry, isLast, skipped: 0, setNull };
  }

  /** The entry has the sealed body, so that the plain one can be freed. */
  #rejection(message: SentMessage, reasons: readonly string[]): Item {
    const entry = this.reject(message, reasons);
    return {
      message: { ...message, body: undefined, attributes: {} },
      entry,
      isLast: true,
      skipped: 0,
      setNull: [],
    };
  }

  #sealed(masked: readonly MaskedValue[]): readonly SealedValue[] {
    const { sealer } = this.#settings;
    if (sealer === undefined) return [];
    return masked.map((value) => {
      const { field, type, token } = value;
      return { field, type, token, sealed: sealer.seal(value) };
    });
  }
}

function* those(records: Iterable<RecordReading>, only: ReadonlySet<number>): Generator<RecordReading> {
  const missing = new Set(only);
  for (const record of records) if (missing.delete(record.index)) yield record;
  for (const index of missing) yield { index, kind: "rejected", reasons: ["missing"] };
}

/** A message as its mapping sees it. */
export function asMapped(
  { messageId, sentAt, body, attributes = {} }: SentMessage,
  { now, queueName }: Pick<EntrySettings, "now" | "queueName">,
): MappedMessage {
  return { messageId, sentAt: sentAt ?? now, queue: queueName, body, attributes };
}
