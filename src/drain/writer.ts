// Passes batches to the loader: retries while the database is unavailable, and finds the rows that Postgres refuses.
import { Failure } from "../failure.ts";
import { chunkByBytes } from "./batches.ts";
import type { EntryMaker } from "./entry.ts";
import type { Backoff } from "./backoff.ts";
import type { OnReject } from "./settings.ts";
import { ALIKE, Bisection, type Refused } from "./bisection.ts";
import {
  DatabaseLost,
  type Entry,
  type Loader,
  type SentMessage,
  type RefusalOf,
  type RowRefused,
} from "./ports.ts";
import type { Counts } from "./counts.ts";

/** A message and its entry. A rejection has its body, sealed, in the entry only. */
export interface Item {
  readonly message: Omit<SentMessage, "body"> & { readonly body: string | undefined };
  readonly entry: Entry;
}

export interface WriterOptions {
  readonly loader: Loader;
  readonly entries: EntryMaker;
  readonly counts: Counts;
  /** What happens to an item that Postgres refuses. */
  readonly onReject: OnReject;
  /** Called once for each reason why rows are left in the queue: no table records it. */
  readonly warn?: (line: string) => void;
  /** For an unavailable database; one per batch. */
  readonly backoff: () => Backoff;
  /** Aborted when retries must end. */
  readonly hurry: AbortSignal;
}

const NONE: ReadonlySet<Item> = new Set();

/** The SQLSTATE, and the column or constraint if Postgres names one. */
function reasonOf({ refusal: { sqlState, column, constraint } }: RowRefused): string {
  if (column !== undefined) return `SQLSTATE ${sqlState}, column ${column}`;
  return `SQLSTATE ${sqlState}${constraint === undefined ? "" : `, constraint ${constraint}`}`;
}

/** Writes batches, one at a time. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #warnedReasons = new Set<string>();
  readonly #items = new Bisection<Item>((items) => this.#load(items.map(({ entry }) => entry)));
  readonly #rejections = new Bisection<Entry>((entries) => this.#load(entries));
  /** Why rows were refused. */
  readonly #reasons = new Map<string, RefusalOf>();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * Writes every item, as a row or into the quarantine. With `onReject` `leave`, refused items are left out. Message ids must be distinct.
   *
   * @returns the items that were left out
   * @throws {Failure} if the database stays unavailable, or if a retry cannot fix the error
   */
  async write(items: readonly Item[]): Promise<ReadonlySet<Item>> {
    const refused = await this.#items.write(items);
    const [first] = refused;
    if (first === undefined) return NONE;
    throwIfRejection(refused.map(({ item, error }) => ({ item: item.entry, error })));
    const rows = items.filter(({ entry }) => entry.kind === "row");
    const reasons = new Set(refused.map(({ error }) => reasonOf(error)));
    const alike = refused.length >= ALIKE && refused.length === rows.length && reasons.size === 1;
    const { of } = first.error.refusal;
    if (alike && of === "table") throw first.error.failure;
    if (alike && of === "row" && !this.#items.passed) {
      throw new Failure(
        "configuration",
        `Postgres refuses every row (${reasonOf(first.error)}). The cause is probably the table. Check its partitions, constraints ` +
          "and triggers, then run again. These rows were not quarantined.",
        first.error,
      );
    }
    for (const { error } of refused) this.#reasons.set(reasonOf(error), error.refusal.of);
    const { entries, onReject, counts } = this.#options;
    if (onReject === "leave") {
      counts.left += refused.length;
      for (const each of refused) this.#warnOnce(each);
      return new Set(refused.map(({ item }) => item));
    }
    // Only rows are left: a refused rejection has thrown above.
    const bodies = refused.flatMap(({ item: { message }, error }) =>
      message.body === undefined ? [] : [{ message: { ...message, body: message.body }, error }],
    );
    for (const part of chunkByBytes(bodies, ({ message }) => message.body.length)) {
      throwIfRejection(
        await this.#rejections.write(
          part.map(({ message, error }) =>
            entries.reject(message, [`row: refused by Postgres, ${reasonOf(error)}`]),
          ),
        ),
      );
    }
    return NONE;
  }

  /** Call at the end of a run. Warns if every row was refused for the same reason, because the table may be the cause. */
  end(): void {
    const [only, ...others] = this.#reasons;
    if (only === undefined || others.length > 0 || this.#items.passed) return;
    const [reason, of] = only;
    if (of === "value") return;
    this.#options.warn?.(
      `Postgres refused every row of this run for the same reason (${reason}). Check the table's constraints and triggers.`,
    );
  }

  #warnOnce({ item: { message }, error }: Refused<Item>): void {
    const reason = reasonOf(error);
    if (this.#warnedReasons.has(reason)) return;
    this.#warnedReasons.add(reason);
    this.#options.warn?.(
      `Postgres refuses the row of message ${message.messageId} (${reason}). This message, and others with the same error, stay in the queue.`,
    );
  }

  async #load(entries: readonly Entry[]): Promise<number> {
    const { loaded, duplicates, quarantined } = await this.#loadWithRetry(entries);
    const { counts } = this.#options;
    counts.loaded += loaded;
    counts.duplicates += duplicates;
    counts.quarantined += quarantined;
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

/** An entry that the quarantine refuses cannot be stored anywhere else. */
function throwIfRejection(refused: readonly Refused<Entry>[]): void {
  const rejection = refused.find(({ item }) => item.kind === "rejection");
  if (rejection !== undefined) throw rejection.error.failure;
}
