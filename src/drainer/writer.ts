// Hands batches to the loader: waits out a database that is away, and finds the row that a batch was refused for.
import { Failure } from "../failure.ts";
import { chunkByBytes } from "./batches.ts";
import type { EntryMaker } from "./entry.ts";
import type { Patience } from "./patience.ts";
import type { OnReject } from "./settings.ts";
import { DatabaseLost, RowRefused, type Entry, type Loader, type ReceivedMessage } from "./ports.ts";
import type { Tally } from "./tally.ts";

/** A held message and what it became; its body where that may still be needed: that of a rejection is sealed in the entry. */
export interface Item {
  readonly message: Omit<ReceivedMessage, "body"> & { readonly body: string | undefined };
  readonly entry: Entry;
}

export interface WriterOptions {
  readonly loader: Loader;
  readonly entries: EntryMaker;
  readonly tally: Tally;
  /** What becomes of an item that Postgres refuses by itself. */
  readonly onReject: OnReject;
  /** Told once of each reason for which Postgres refuses what is left, which no table keeps. */
  readonly warn?: (line: string) => void;
  /** For a database that is away; made anew for each batch. */
  readonly patience: () => Patience;
  /** Aborted when a lost database is not to be waited for any more. */
  readonly hurry: AbortSignal;
}

/** As many rows, all refused for one reason, are not to blame themselves. */
const WHOLE_BATCH = 10;

const NONE: ReadonlySet<Item> = new Set();

interface Refused {
  readonly item: Item;
  readonly message: ReceivedMessage;
  readonly error: RowRefused;
}

/** The SQLSTATE, and where it points to. */
function refusal({ sqlState, column, constraint }: RowRefused): string {
  if (column !== undefined) return `SQLSTATE ${sqlState}, column ${column}`;
  return `SQLSTATE ${sqlState}${constraint === undefined ? "" : `, constraint ${constraint}`}`;
}

/** Writes batches one after the other. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #told = new Set<string>();

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
    const refused = await this.#writeWhatGoes(items);
    const [first] = refused;
    if (first === undefined) return NONE;
    const { sqlState } = first.error;
    const sameForAll = refused.every(({ error }) => error.sqlState === sqlState);
    if (refused.length >= WHOLE_BATCH && refused.length === items.length && sameForAll) {
      throw new Failure(
        "configuration",
        `Postgres refuses every row (${refusal(first.error)}), so that it must be the table: a missing ` +
          "partition, a constraint, a trigger. Nothing was quarantined for it; mend the table and run again.",
        first.error,
      );
    }
    const { entries, onReject, tally } = this.#options;
    if (onReject === "leave") {
      tally.left += refused.length;
      for (const each of refused) this.#tell(each);
      return new Set(refused.map(({ item }) => item));
    }
    for (const part of chunkByBytes(refused, ({ message }) => message.body.length)) {
      await this.#load(
        part.map(({ message, error }) =>
          entries.reject(message, [`row: refused by Postgres, ${refusal(error)}`]),
        ),
      );
    }
    return NONE;
  }

  #tell({ item: { message }, error }: Refused): void {
    const reason = refusal(error);
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#options.warn?.(
      `Postgres refuses the row of message ${message.messageId} (${reason}): left in the queue, as others like it.`,
    );
  }

  /**
   * Bisects a batch that was refused, so that one bad row among 500 costs about twenty statements.
   *
   * @returns the items that Postgres refuses each by itself; all others are written
   */
  async #writeWhatGoes(items: readonly Item[]): Promise<Refused[]> {
    try {
      await this.#load(items.map(({ entry }) => entry));
      return [];
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      const [item, ...others] = items;
      if (item === undefined) throw error;
      if (others.length === 0) {
        const { message } = item;
        if (message.body === undefined) throw error;
        return [{ item, message: { ...message, body: message.body }, error }];
      }
      const middle = Math.ceil(items.length / 2);
      const first = await this.#writeWhatGoes(items.slice(0, middle));
      return [...first, ...(await this.#writeWhatGoes(items.slice(middle)))];
    }
  }

  async #load(entries: readonly Entry[]): Promise<void> {
    const { loaded, duplicates, quarantined } = await this.#loadWithRetry(entries);
    const { tally } = this.#options;
    tally.loaded += loaded;
    tally.duplicates += duplicates;
    tally.quarantined += quarantined;
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
