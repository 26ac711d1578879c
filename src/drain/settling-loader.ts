// A loader that finds out what became of statements whose connection was lost, so that the counts are what happened.
import {
  countRecords,
  DatabaseLost,
  keyOf,
  RowRefused,
  type Entry,
  type Loader,
  type LoadResult,
} from "./ports.ts";

/** An entry whose commit was sent, and whose outcome is unknown. */
export interface Unsettled {
  readonly entry: Entry;
  /** The time of the run's last answer before the entry was first sent; undefined if there was none. */
  readonly since: string | undefined;
}

/** The result of a statement. */
export interface Written extends LoadResult {
  /** When the database answered, by its own clock, in a form that it reads. */
  readonly answeredAt: string;
}

export interface Committed {
  /** As {@link keyOf}. */
  readonly keys: ReadonlySet<string>;
  /** As in {@link Written}; undefined only if there are no keys. */
  readonly answeredAt: string | undefined;
}

/** The statements of one run. They throw as {@link Loader.load} does. */
export interface Statements {
  /** Writes the entries that the ledger does not have, in one commit or not at all. */
  write(entries: readonly Entry[]): Promise<Written>;
  /** The entries that this run committed in a statement that began after `since`. Waits until a synchronous standby has them too. */
  findCommitted(entries: readonly Unsettled[]): Promise<Committed>;
}

const NOTHING: LoadResult = { loaded: 0, quarantined: 0, duplicates: 0 };
const NONE: ReadonlySet<string> = new Set();

/**
 * Expects that a batch is loaded again, whole or in parts, until each of its entries was written or refused. So the outcomes of all entries
 * of a call are unknown, or of none.
 *
 * The times distinguish what such a statement committed from what the run had loaded and counted before, when SQS delivered it again. If the
 * database's clock is set back in between, also by a failover, these records may count as duplicates, or twice. Only the counts depend on it.
 */
export class SettlingLoader implements Loader {
  readonly #statements: Statements;
  /** The `since` of each entry whose outcome is unknown, by its {@link keyOf}. */
  readonly #unsettled = new Map<string, string | undefined>();
  /** All that was counted was committed by statements that began before. */
  #answeredAt: string | undefined;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  async load(entries: readonly Entry[]): Promise<LoadResult> {
    const again = entries.filter((entry) => this.#unsettled.has(keyOf(entry)));
    let committed = await this.#findCommitted(again);
    const left = entries.filter((entry) => !committed.has(keyOf(entry)));
    const written = left.length === 0 ? NOTHING : await this.#write(left);
    // A statement whose connection was lost may go on, and commit while the next one waits for it: nothing is new then.
    const mayBeLate = left.length > 0 && written.duplicates === countRecords(left);
    if (mayBeLate) committed = await this.#findCommitted(again);
    for (const entry of again) this.#unsettled.delete(keyOf(entry));
    const before = entries.filter((entry) => committed.has(keyOf(entry)));
    const rowsBefore = before.filter(({ kind }) => kind === "row").length;
    const loaded = written.loaded + rowsBefore;
    const quarantined = written.quarantined + countRecords(before) - rowsBefore;
    return { loaded, quarantined, duplicates: countRecords(entries) - loaded - quarantined };
  }

  async #write(entries: readonly Entry[]): Promise<LoadResult> {
    try {
      const written = await this.#statements.write(entries);
      this.#answeredAt = written.answeredAt;
      return written;
    } catch (error) {
      // A failure of this statement says nothing of an earlier one that may still run. Only a row that is refused alone is settled: every
      // statement that has it fails.
      const keys = entries.map(keyOf);
      if (error instanceof DatabaseLost) {
        for (const key of keys) if (!this.#unsettled.has(key)) this.#unsettled.set(key, this.#answeredAt);
      } else if (error instanceof RowRefused && keys.length === 1) {
        for (const key of keys) this.#unsettled.delete(key);
      }
      throw error;
    }
  }

  async #findCommitted(entries: readonly Entry[]): Promise<ReadonlySet<string>> {
    if (entries.length === 0) return NONE;
    const unsettled = entries.map((entry) => ({ entry, since: this.#unsettled.get(keyOf(entry)) }));
    const { keys, answeredAt = this.#answeredAt } = await this.#statements.findCommitted(unsettled);
    this.#answeredAt = answeredAt;
    return keys;
  }
}
