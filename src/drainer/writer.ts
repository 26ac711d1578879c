// Hands batches to the loader: waits out a database that is away, and finds the row that a batch was refused for.
import type { Clock } from "./clock.ts";
import type { EntryMaker } from "./entry.ts";
import { DatabaseLost, RowRefused, type Entry, type Loader, type ReceivedMessage } from "./ports.ts";
import type { Tally } from "./tally.ts";

/** A held message and what it became. */
export interface Item {
  readonly message: ReceivedMessage;
  readonly entry: Entry;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface WriterOptions {
  readonly loader: Loader;
  readonly entries: EntryMaker;
  readonly clock: Clock;
  readonly tally: Tally;
  /** For how long a database that is away is waited for, milliseconds. */
  readonly retryForMs: number;
  /** 0 to 1, spreads the pauses of many drains. */
  readonly random: () => number;
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
    const { loader, clock, retryForMs, random, hurry } = this.#options;
    const giveUpAt = clock.now() + retryForMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await loader.load(entries);
      } catch (error) {
        if (!(error instanceof DatabaseLost)) throw error;
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + random() / 2);
        if (hurry.aborted || clock.now() + pause > giveUpAt) throw error.failure;
        await clock.wait(pause, hurry);
      }
    }
  }
}
