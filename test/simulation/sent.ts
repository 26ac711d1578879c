// The messages that a simulated world sends, and what must become of each.
import { DRAIN_DEFAULTS } from "../../src/drain/settings.ts";
import type { Random } from "./random.ts";

/** Part of every value that is masked: it may be in the queue, and nowhere else. The values are addresses, so that two types can read them. */
export const SECRET = "2001:db8:5ec::";

/**
 * What must become of a record: a mapping that accepts fewer rejects a `doubtful` one, and one that accepts more accepts a `rejected` one.
 * `refused` is valid for every mapping, and refused by Postgres.
 */
export type Fate = "row" | "doubtful" | "rejected" | "refused" | "skipped";

export interface SentRecord {
  readonly fate: Fate;
  /** The first cell of its row. */
  readonly id: string;
  /** What is masked. */
  readonly secret: string;
  /** The value of the mapping's `dedupe`; undefined without one. */
  readonly key: string | undefined;
}

/** A message as one queue or its dead-letter queue has it, under one id and sent time. */
export interface Sent {
  readonly id: string;
  readonly sentAt: number | undefined;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly group: string;
  /** Its place in the queue. */
  sequence: number;
  /** Empty where the message is rejected or skipped as a whole. */
  readonly records: readonly SentRecord[];
  /** Of a message without records. */
  readonly whole: "rejected" | "skipped" | undefined;
  /** What the ledger knows it by: set when it is sent to a queue. */
  identity: string;
  /** Deleted by a drain; the server may still deliver it again. */
  isDeleted: boolean;
  /** Why nobody owes an outcome for it any more. */
  excused: "purged" | "moved" | "lost in a failover" | "purged by the operator" | undefined;
}

/** Rows that begin with this are refused by Postgres. */
export const REFUSED_ID = "refused";

/** The attribute that the last column is read from: of a third of the messages a number, and of a third none. */
const NOTES = [{}, { note: "1" }, { note: "?" }] as const;
/** Twelve of these fill the buffer. No mapping reads it. */
const LARGE = { padding: "x".repeat(1024 * 1024) };

export interface Shape {
  readonly hasRecords: boolean;
  readonly hasDedupe: boolean;
}

const SHAPES = [
  { hasRecords: false, hasDedupe: false },
  { hasRecords: false, hasDedupe: true },
  { hasRecords: true, hasDedupe: false },
  { hasRecords: true, hasDedupe: true },
] as const satisfies readonly Shape[];

export function pickShape(random: Random): Shape {
  return random.pick([...SHAPES, SHAPES[0], SHAPES[0]]);
}

/** Refused rows per world: ten messages that are all refused would be the table's fault. */
const MOST_REFUSED = 4;

/** Messages per world of which Postgres refuses all of many records: a fault of the message. */
const MOST_POISONED = 2;

/** Messages per world with so many rejected records that a replay loads them in several batches, and their number. */
const MOST_LONG = 1;
const LONG = DRAIN_DEFAULTS.batchSize + 50;

/** Writes messages of all kinds. */
export class Author {
  readonly #random: Random;
  readonly #shape: Shape;
  readonly #isLarge: boolean;
  #refused = 0;
  #poisoned = 0;
  #long = 0;
  #count = 0;

  /** @param isLarge whether each message is as large as SQS allows */
  constructor(random: Random, shape: Shape, isLarge: boolean) {
    this.#random = random;
    this.#shape = shape;
    this.#isLarge = isLarge;
  }

  write(sentAt: number | undefined): Sent {
    const random = this.#random;
    const sequence = (this.#count += 1);
    const id = `m${sequence}`;
    const group = `g${random.integer(1, 4)}`;
    const attributes = { ...NOTES[sequence % NOTES.length], ...(this.#isLarge ? LARGE : {}) };
    const own = {
      ...{ id, sentAt, attributes, group, sequence },
      ...{ identity: "", isDeleted: false, excused: undefined },
    };
    if (random.chance(0.03)) return { ...own, body: `{"kind":"${SECRET}`, records: [], whole: "rejected" };
    if (!this.#shape.hasRecords) {
      const record = this.#record(id);
      return { ...own, body: JSON.stringify(bodyOf(record)), records: [record], whole: undefined };
    }
    const isLong = this.#long < MOST_LONG && random.chance(0.002);
    if (isLong) this.#long += 1;
    const isPoisoned = !isLong && this.#poisoned < MOST_POISONED && random.chance(0.02);
    if (isPoisoned) this.#poisoned += 1;
    const count = isLong
      ? LONG
      : isPoisoned
        ? random.integer(10, 14)
        : random.chance(0.1)
          ? 0
          : random.integer(1, 4);
    const records = Array.from({ length: count }, (_, index) =>
      this.#record(`${id}.${index}`, isPoisoned ? "refused" : isLong ? "rejected" : undefined),
    );
    const body = JSON.stringify({ items: records.map(bodyOf), first: records.slice(0, 1).map(bodyOf) });
    return { ...own, body, records, whole: count === 0 ? "skipped" : undefined };
  }

  #record(id: string, given?: Fate): SentRecord {
    const random = this.#random;
    let fate: Fate = random.chance(0.85)
      ? "row"
      : random.pick(["rejected", "rejected", "doubtful", "doubtful", "skipped", "refused"]);
    if (given !== undefined) fate = given;
    else if (fate === "refused" && (this.#refused += 1) > MOST_REFUSED) fate = "row";
    const key = !this.#shape.hasDedupe
      ? undefined
      : random.chance(0.2)
        ? `k${random.integer(1, 5)}`
        : // As many characters as bytes only without the Greek ones.
          `κλειδί of ${id}`;
    // Some values are in several rows, which then have one token.
    const value = random.chance(0.3) ? `b${random.integer(1, 4)}` : id.replace("m", "a").replace(".", ":");
    return {
      fate,
      id: fate === "refused" ? `${REFUSED_ID} ${id}` : id,
      secret: `${SECRET}${value.toUpperCase()}`,
      key,
    };
  }
}

function bodyOf({ fate, id, secret, key }: SentRecord): object {
  const n = fate === "rejected" ? "none" : fate === "doubtful" ? "12" : "1";
  return {
    kind: fate === "skipped" ? "other" : "event",
    // A rejected one has two reasons.
    ...{ id, inner: JSON.stringify({ secret }), n, other: fate === "rejected" ? n : "1" },
    ...(key === undefined ? {} : { key }),
  };
}
