// Passes batches to the loader: retries while the database is unavailable, and finds the rows that Postgres refuses.
import { Failure } from "../failure.ts";
import { chunkByBytes } from "./batches.ts";
import type { EntryMaker, Item } from "./entry.ts";
import type { Backoff } from "./backoff.ts";
import type { OnReject } from "./settings.ts";
import { ALIKE, Bisection, type Refused } from "./bisection.ts";
import { DatabaseLost, type Entry, type Loader, type RefusalOf, type RowRefused } from "./ports.ts";
import { countReasons, type Counts } from "./counts.ts";

export interface WriterOptions {
  readonly loader: Loader;
  readonly entries: EntryMaker;
  readonly counts: Counts;
  /** What happens to an item that Postgres refuses. */
  readonly onReject: OnReject;
  /** Called once for each reason why rows are left in the queue: no table records it. */
  readonly warn: (line: string) => void;
  /** For an unavailable database; one per batch. */
  readonly backoff: () => Backoff;
  /** Aborted when retries must end. */
  readonly hurry: AbortSignal;
}

const NONE: ReadonlySet<string> = new Set();

/** An item with something to write. */
interface Writable {
  readonly item: Item;
  readonly entry: Entry;
}

/** What goes into the quarantine after the rows of a batch. */
interface RejectedMessage {
  readonly message: Item["message"];
  readonly reasons: readonly string[];
  readonly records?: readonly number[];
}

/** The messages that end here, and of which some records were rejected. */
function partlyRejected(items: readonly Item[]): RejectedMessage[] {
  return items.flatMap(({ message, isLast, rejected }) =>
    isLast && rejected !== undefined && rejected.size > 0
      ? [{ message, reasons: rejected.reasons, records: rejected.records }]
      : [],
  );
}

/** Counts what needs no table. */
export function tally(counts: Counts, { skipped, setNull }: Item): void {
  counts.skipped += skipped;
  for (const column of setNull) counts.invalid.set(column, (counts.invalid.get(column) ?? 0) + 1);
}

/** The SQLSTATE, and the column or constraint if Postgres names one. */
function reasonOf({ refusal: { sqlState, column, constraint } }: RowRefused): string {
  if (column !== undefined) return `SQLSTATE ${sqlState}, column ${column}`;
  return `SQLSTATE ${sqlState}${constraint === undefined ? "" : `, constraint ${constraint}`}`;
}

/** The reason why a row is in the quarantine. */
export function refusedReason(error: RowRefused): string {
  return `row: refused by Postgres, ${reasonOf(error)}`;
}

/** Writes batches, one at a time. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #warnedReasons = new Set<string>();
  readonly #items = new Bisection<Writable>((items) => this.#load(items.map(({ entry }) => entry)));
  readonly #rejections = new Bisection<Entry>((entries) => this.#load(entries));
  /** Why rows were refused. */
  readonly #reasons = new Map<string, RefusalOf>();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * Writes every item, as a row or into the quarantine. With `onReject` `leave`, what is rejected or refused is left out.
   *
   * @returns the ids of the messages that are left in the queue, of those whose last item is among these
   * @throws {Failure} if the database stays unavailable, or if a retry cannot fix the error
   */
  async write(items: readonly Item[]): Promise<ReadonlySet<string>> {
    const { onReject, counts, entries } = this.#options;
    const writable = items.flatMap((item) => {
      const { entry } = item;
      return entry === undefined || (entry.kind === "rejection" && onReject === "leave")
        ? []
        : [{ item, entry }];
    });
    const refused = await this.#items.write(writable);
    this.#requireOwnFault(refused, writable);
    const refusedItems = new Set(refused.map(({ item }) => item.item));
    for (const item of items) tally(counts, refusedItems.has(item) ? { ...item, setNull: [] } : item);
    const rejected = [...this.#refusedMessages(refused), ...partlyRejected(items)];
    if (onReject === "leave") {
      for (const each of refused) this.#warnOnce(each);
      const whole = items.flatMap(({ message, entry }) =>
        entry?.kind === "rejection" ? [{ message, reasons: entry.rejection.reasons }] : [],
      );
      const all = [...rejected, ...whole];
      const left = new Set(all.map(({ message }) => message.messageId));
      for (const { reasons } of all) countReasons(counts, reasons, entries.reasonGroup);
      counts.left += left.size;
      return left;
    }
    await this.#quarantine(rejected);
    return NONE;
  }

  /** @throws {Failure} if the table is the cause, and not the values of a row */
  #requireOwnFault(refused: readonly Refused<Writable>[], writable: readonly Writable[]): void {
    const [first] = refused;
    if (first === undefined) return;
    throwIfRejection(refused.map(({ item, error }) => ({ item: item.entry, error })));
    const rows = writable.filter(({ entry }) => entry.kind === "row");
    const allRefused = refused.length === rows.length;
    // Some rows may have a fault of their own too.
    const ofTable = refused.filter(({ error }) => error.refusal.of === "table");
    const [structural] = ofTable;
    if (allRefused && structural !== undefined && isMany(ofTable)) throw structural.error.failure;
    const reasons = new Set(refused.map(({ error }) => reasonOf(error)));
    const alike = allRefused && reasons.size === 1 && isMany(refused);
    if (alike && first.error.refusal.of === "row" && !this.#items.passed) {
      throw new Failure(
        "configuration",
        `Postgres refuses every row (${reasonOf(first.error)}). The cause is probably the table. Check its partitions, constraints ` +
          "and triggers, then run again. These rows were not quarantined.",
        first.error,
      );
    }
    for (const { error } of refused) this.#reasons.set(reasonOf(error), error.refusal.of);
  }

  /** The messages whose only row was refused. A refused row of a message with several records is added to its rejected ones. */
  #refusedMessages(refused: readonly Refused<Writable>[]): RejectedMessage[] {
    return refused.flatMap(({ item: { item, entry }, error }) => {
      const reasons = [refusedReason(error)];
      item.rejected?.add(entry.record, reasons);
      return item.rejected === undefined ? [{ message: item.message, reasons }] : [];
    });
  }

  async #quarantine(rejected: readonly RejectedMessage[]): Promise<void> {
    // A rejection that has the body sealed was written, or has thrown.
    const bodies = rejected.flatMap((each) => {
      const { body } = each.message;
      // Stryker disable next-line ConditionalExpression,ArrayDeclaration: only the types allow it here
      return body === undefined ? [] : [{ ...each, message: { ...each.message, body } }];
    });
    const { entries } = this.#options;
    for (const part of chunkByBytes(bodies, ({ message }) => message.body.length)) {
      const made = part.map(({ message, reasons, records }) => entries.reject(message, reasons, records));
      throwIfRejection(await this.#rejections.write(made));
    }
  }

  /** Call at the end of a run. Warns if every row was refused for the same reason, because the table may be the cause. */
  end(): void {
    const [only, ...others] = this.#reasons;
    if (only === undefined || others.length > 0 || this.#items.passed) return;
    const [reason, of] = only;
    if (of === "value") return;
    this.#options.warn(
      `Postgres refused every row of this run for the same reason (${reason}). Check the table's constraints and triggers.`,
    );
  }

  #warnOnce({ item: { entry }, error }: Refused<Writable>): void {
    const reason = reasonOf(error);
    if (this.#warnedReasons.has(reason)) return;
    this.#warnedReasons.add(reason);
    this.#options.warn(
      `Postgres refuses the row of message ${entry.messageId} (${reason}). This message, and others with the same error, stay in the queue.`,
    );
  }

  async #load(entries: readonly Entry[]): Promise<number> {
    const { loaded, duplicates, quarantined } = await this.#loadWithRetry(entries);
    const { counts, entries: maker } = this.#options;
    counts.loaded += loaded;
    counts.duplicates += duplicates;
    counts.quarantined += quarantined;
    // Which of them are duplicates, the database does not say.
    if (quarantined > 0)
      for (const entry of entries)
        if (entry.kind === "rejection") countReasons(counts, entry.rejection.reasons, maker.reasonGroup);
    return loaded;
  }

  async #loadWithRetry(entries: readonly Entry[]): ReturnType<Loader["load"]> {
    const { loader, hurry } = this.#options;
    const backoff = this.#options.backoff();
    for (;;) {
      try {
        return await loader.load(entries);
      } catch (error) {
        if (!(error instanceof DatabaseLost)) throw error;
        if (!(await backoff.pause(hurry))) throw error.failure;
      }
    }
  }
}

/** Whether they are so many that they are no accident. The records of one message may all have the same fault. */
function isMany(refused: readonly Refused<Writable>[]): boolean {
  return new Set(refused.map(({ item }) => item.entry.messageId)).size >= ALIKE;
}

/** An entry that the quarantine refuses cannot be stored anywhere else. */
function throwIfRejection(refused: readonly Refused<Entry>[]): void {
  const rejection = refused.find(({ item }) => item.kind === "rejection");
  if (rejection !== undefined) throw rejection.error.failure;
}
