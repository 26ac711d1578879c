// Turns a message into what is to be written for it: rows, and a rejection with its sealed body.
import type { Plan } from "../mapping/compile.ts";
import type { MappedMessage, MaskedValue, RecordReading } from "../mapping/mapping.ts";
import { textMac } from "../masking/token.ts";
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
  /**
   * Reads and masks a message, item by item. There is at least one. At the last one all rejected records are known.
   *
   * @param only ignores the other records; one that the message does not have is rejected
   */
  items(message: SentMessage, only?: ReadonlySet<number>): Generator<Item, void, undefined>;
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

const NOTHING: Pick<Item, "skipped" | "setNull"> = { skipped: 0, setNull: [] };

class Maker implements EntryMaker {
  readonly #settings: EntrySettings;

  constructor(settings: EntrySettings) {
    this.#settings = settings;
  }

  get isOneRecord(): boolean {
    return this.#settings.plan.mapping.records === undefined;
  }

  *items(message: SentMessage, only?: ReadonlySet<number>): Generator<Item, void, undefined> {
    const { plan } = this.#settings;
    const reading = plan.read(asMapped(message, this.#settings));
    if (reading.kind === "rejected") yield this.#rejection(message, reading.reasons);
    else if (reading.kind === "skipped")
      yield { message, entry: undefined, isLast: true, skipped: 1, setNull: [] };
    else {
      const records = only === undefined ? reading.records : those(reading.records, only);
      const isOne = this.isOneRecord && only === undefined;
      yield* isOne ? this.#single(message, records) : this.#several(message, records);
    }
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
      ...{ messageId, sentAt, record: WHOLE_MESSAGE, bodyMac: textMac(keys.body, body) },
      rejection: { reasons, sealed, ...(records === undefined ? {} : { records }) },
    };
  }

  *#single(message: SentMessage, records: Iterable<RecordReading>): Generator<Item> {
    const mac = textMac(this.#settings.keys.body, message.body);
    for (const record of records) {
      if (record.kind === "rejected") yield this.#rejection(message, record.reasons);
      else if (record.kind === "skipped")
        yield { message, entry: undefined, isLast: true, skipped: 1, setNull: [] };
      else yield { ...this.#row(message, mac, record), isLast: true };
    }
  }

  *#several(message: SentMessage, records: Iterable<RecordReading>): Generator<Item> {
    const rejected = new RejectedRecords();
    const mac = textMac(this.#settings.keys.body, message.body);
    let skipped = 0;
    let last: Omit<Item, "isLast"> | undefined;
    for (const record of records) {
      if (record.kind === "row") {
        if (last !== undefined) yield { ...last, isLast: false };
        last = { ...this.#row(message, mac, record), rejected };
      } else if (record.kind === "skipped") skipped += 1;
      else rejected.add(record.index, record.reasons);
    }
    yield { message, entry: undefined, setNull: [], rejected, ...last, isLast: true, skipped };
  }

  #row(message: SentMessage, mac: Uint8Array, record: RecordReading & { kind: "row" }): Omit<Item, "isLast"> {
    const { keys } = this.#settings;
    const { messageId, sentAt } = message;
    const { index, cells, masked, setNull, idempotencyKey } = record;
    const entry: RowEntry = {
      kind: "row",
      ...{ messageId, sentAt, record: index, bodyMac: mac, cells },
      sealed: this.#sealed(masked),
      idempotency: idempotencyKey === undefined ? undefined : textMac(keys.idempotency, idempotencyKey),
    };
    return { message, entry, skipped: 0, setNull };
  }

  /** The entry has the sealed body, so that the plain one can be freed. */
  #rejection(message: SentMessage, reasons: readonly string[]): Item {
    const entry = this.reject(message, reasons);
    return { message: { ...message, body: undefined, attributes: {} }, entry, isLast: true, ...NOTHING };
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
