// Hands batches to the loader: waits out a database that is away, and finds the row that a batch was refused for.
import type { EntryMaker } from "./entry.ts";
import type { Patience } from "./patience.ts";
import { DatabaseLost, RowRefused, type Entry, type Loader, type ReceivedMessage } from "./ports.ts";
import type { Tally } from "./tally.ts";

/** A held message and what it became. */
export interface Item {
  readonly message: ReceivedMessage;
  readonly entry: Entry;
}

export interface WriterOptions {
  readonly loader: Loader;
  readonly entries: EntryMaker;
  readonly tally: Tally;
  /** For a database that is away; made anew for each batch. */
  readonly patience: () => Patience;
  /** Aborted when a lost database is not to be waited for any more. */
  readonly hurry: AbortSignal;
}

/** Writes batches one after the other. */
export class Writer {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * Writes every item, as a row or into the quarantine. Message ids must be distinct.
   *
   * @throws {Failure} when the database could not be reached for as long as is waited, or refuses for good
   */
  async write(items: readonly Item[]): Promise<void> {
    try {
      const { loaded, duplicates, quarantined } = await this.#loadWithRetry(items.map(({ entry }) => entry));
      const { tally } = this.#options;
      tally.loaded += loaded;
      tally.duplicates += duplicates;
      tally.quarantined += quarantined;
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      await this.#writeParts(items, error);
    }
  }

  /** Bisects, so that one bad row among 500 costs about twenty statements. */
  async #writeParts(items: readonly Item[], refused: RowRefused): Promise<void> {
    const [first, ...others] = items;
    if (first === undefined) return;
    if (others.length === 0) {
      if ("rejection" in first.entry) throw refused;
      const column = refused.column === undefined ? "" : `, column ${refused.column}`;
      const reasons = [`row: refused by Postgres, SQLSTATE ${refused.sqlState}${column}`];
      await this.write([
        { message: first.message, entry: this.#options.entries.reject(first.message, reasons) },
      ]);
      return;
    }
    const middle = Math.ceil(items.length / 2);
    await this.write(items.slice(0, middle));
    await this.write(items.slice(middle));
  }

  async #loadWithRetry(entries: readonly Entry[]): ReturnType<Loader["load"]> {
    const { loader, hurry } = this.#options;
    const patience = this.#options.patience();
    for (;;) {
      try {
        return await loader.load(entries);
      } catch (error) {
        if (!(error instanceof DatabaseLost)) throw error;
        if (!(await patience.pause(hurry))) throw error.failure;
      }
    }
  }
}
