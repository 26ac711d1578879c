// Hands batches to the loader: waits out a database that is away, and finds the row that a batch was refused for.
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

/** A held message and what it became; its body where that may still be needed: that of a rejection is sealed in the entry. */
export interface Item {
  readonly message: Omit<SentMessage, "body"> & { readonly body: string | undefined };
  readonly entry: Entry;
}

export interface WriterOptions {
  readonly loader: Loader;
  readonly entries: EntryMaker;
  readonly counts: Counts;
  /** What becomes of an item that Postgres refuses by itself. */
  readonly onReject: OnReject;
  /** Told once of each reason for which Postgres refuses what is left, which no table keeps. */
  readonly warn?: (line: string) => void;
  /** For a database that is away; made anew for each batch. */
  readonly backoff: () => Backoff;
  /** Aborted when a lost database is not to be waited for any more. */
  readonly hurry: AbortSignal;
}

const NONE: ReadonlySet<Item> = new Set();

/** The SQLSTATE, and where it points to. */
function reasonOf({ refusal: { sqlState, column, constraint } }: RowRefused): string {
  if (column !== undefined) return `SQLSTATE ${sqlState}, column ${column}`;
  return `SQLSTATE ${sqlState}${constraint === undefined ? "" : `, constraint ${constraint}`}`;
}

/** Writes batches one after the other. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #told = new Set<string>();
  readonly #items = new Bisection<Item>((items) => this.#load(items.map(({ entry }) => entry)));
  readonly #rejections = new Bisection<Entry>((entries) => this.#load(entries));
  /** Why rows were refused. */
  readonly #reasons = new Map<string, RefusalOf>();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * Writes every item, as a row or into the quarantine; those that are refused may be left out instead. Message ids must be distinct.
   *
   * @returns the items that were left out
   * @throws {Failure} when the database could not be reached for as long as is waited, or refuses for good
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
        `Postgres refuses every row (${reasonOf(first.error)}), so that it must be the table: a missing ` +
          "partition, a constraint, a trigger. Nothing was quarantined for it; mend the table and run again.",
        first.error,
      );
    }
    for (const { error } of refused) this.#reasons.set(reasonOf(error), error.refusal.of);
    const { entries, onReject, counts: tally } = this.#options;
    if (onReject === "leave") {
      tally.left += refused.length;
      for (const each of refused) this.#tell(each);
      return new Set(refused.map(({ item }) => item));
    }
    // A rejection's body is gone: it is sealed in its entry, and was told of above.
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

  /** Warns, at the end of a run, where every row was refused for one reason: that may be the table. */
  end(): void {
    const [only, ...others] = this.#reasons;
    if (only === undefined || others.length > 0 || this.#items.passed) return;
    const [reason, of] = only;
    if (of === "value") return;
    this.#options.warn?.(
      `Postgres refused every row of this run for the same reason (${reason}): look at the table's constraints and triggers.`,
    );
  }

  #tell({ item: { message }, error }: Refused<Item>): void {
    const reason = reasonOf(error);
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#options.warn?.(
      `Postgres refuses the row of message ${message.messageId} (${reason}): left in the queue, as others like it.`,
    );
  }

  async #load(entries: readonly Entry[]): Promise<number> {
    const { loaded, duplicates, quarantined } = await this.#loadWithRetry(entries);
    const { counts: tally } = this.#options;
    tally.loaded += loaded;
    tally.duplicates += duplicates;
    tally.quarantined += quarantined;
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

/** What the quarantine refuses has no other place. */
function throwIfRejection(refused: readonly Refused<Entry>[]): void {
  const rejection = refused.find(({ item }) => item.kind === "rejection");
  if (rejection !== undefined) throw rejection.error.failure;
}
