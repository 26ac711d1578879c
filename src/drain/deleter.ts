// Deletes from the queue what the database has committed, ten messages a call.
import { throwFirst } from "../failure.ts";
import { MAX_BATCH } from "./batches.ts";
import type { InFlight } from "./in-flight.ts";
import type { Backoff } from "./backoff.ts";
import { isRetryable, type FailedEntry, type Queue } from "./ports.ts";
import type { Counts } from "./counts.ts";

export interface DeleterOptions {
  readonly queue: Queue;
  readonly inFlight: InFlight;
  readonly counts: Counts;
  /** The most calls under way at once. */
  readonly concurrency: number;
  /** The most messages that may wait for a call. */
  readonly backlog: number;
  /** For deletes that SQS does not carry out, through no fault of ours; made anew for each call. */
  readonly backoff: () => Backoff;
  /** Aborted when nothing is to be waited for any more. */
  readonly hurry: AbortSignal;
  /** Called when a call has ended. */
  readonly onSettled: () => void;
}

/**
 * Collects committed messages and deletes them in full batches beside the next batch's write; a rest when
 * {@link Deleter.finish} is called.
 */
export class Deleter {
  readonly #options: DeleterOptions;
  readonly #waiting: string[] = [];
  readonly #calls = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];

  constructor(options: DeleterOptions) {
    this.#options = options;
  }

  /** How many a call waits for: on a FIFO queue for none, as SQS hands out no more of a group before they are deleted. */
  get #fewest(): number {
    return this.#options.queue.isFifo ? 1 : MAX_BATCH;
  }

  /** Whether there is nothing to {@link Deleter.finish}. */
  get idle(): boolean {
    return this.#waiting.length + this.#calls.size + this.#failures.length === 0;
  }

  /**
   * Takes messages whose commit is certain. Waits while too many of them wait.
   *
   * @throws what the queue threw, when an earlier call failed altogether
   */
  async add(messageIds: readonly string[]): Promise<void> {
    throwFirst(this.#failures.splice(0));
    this.#waiting.push(...messageIds);
    this.#start(this.#fewest);
    while (this.#waiting.length > this.#options.backlog && this.#calls.size > 0)
      await Promise.race(this.#calls);
  }

  /**
   * Deletes the rest, too, and waits until all is done.
   *
   * @throws what the queue threw, when a call failed altogether
   */
  async finish(): Promise<void> {
    this.#start(1);
    while (this.#calls.size > 0) {
      await Promise.race(this.#calls);
      this.#start(1);
    }
    throwFirst(this.#failures.splice(0));
  }

  /** Starts as many calls as may be under way, each with `fewest` messages or more. */
  #start(fewest: number): void {
    const { concurrency, onSettled } = this.#options;
    while (this.#waiting.length >= fewest && this.#calls.size < concurrency) {
      const call = this.#delete(this.#waiting.splice(0, MAX_BATCH))
        .catch((error: unknown) => {
          this.#failures.push(error);
        })
        .finally(() => {
          this.#calls.delete(call);
          this.#start(this.#fewest);
          onSettled();
        });
      this.#calls.add(call);
    }
  }

  async #delete(messageIds: readonly string[]): Promise<void> {
    const backoff = this.#options.backoff();
    let left = messageIds;
    do left = await this.#attempt(left, backoff);
    while (left.length > 0 && (await backoff.pause(this.#options.hurry)));
    // What could not be deleted is delivered again, meets the ledger and is deleted then. At the end of a run it is given back.
    if (!this.#options.hurry.aborted) for (const messageId of left) this.#options.inFlight.forget(messageId);
  }

  /** @returns the messages to ask for again, once {@link Backoff.pause} allows it */
  async #attempt(messageIds: readonly string[], backoff: Backoff): Promise<readonly string[]> {
    const { queue, inFlight: holds, counts: tally } = this.#options;
    const entries = messageIds.flatMap((messageId) => {
      const handle = holds.validHandle(messageId);
      if (handle === undefined) holds.forget(messageId);
      return handle === undefined ? [] : [{ messageId, handle }];
    });
    if (entries.length === 0) return [];
    let failed: readonly FailedEntry[];
    try {
      failed = await queue.delete(entries.map(({ handle }) => handle));
    } catch (error) {
      if (!isRetryable(error) || !(await backoff.pause(this.#options.hurry))) throw error;
      return this.#attempt(messageIds, backoff);
    }
    const again: string[] = [];
    for (const [index, { messageId, handle }] of entries.entries()) {
      const failure = failed.find((entry) => entry.index === index);
      // Delivered once more in the meantime: SQS may not have taken the older handle for it.
      const newer = holds.validHandle(messageId);
      const outdated = newer !== undefined && newer !== handle;
      if (outdated || failure?.senderFault === false) again.push(messageId);
      else {
        holds.forget(messageId);
        if (failure === undefined) tally.deleted += 1;
      }
    }
    return again;
  }
}
