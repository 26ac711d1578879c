// Deletes messages from the queue in batches of ten, only after their commit.
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
  /** Maximum concurrent calls. */
  readonly concurrency: number;
  /** Maximum messages that wait for a call or are in one, before {@link Deleter.add} waits. */
  readonly backlog: number;
  /** For calls that fail, and for messages that SQS does not delete by a fault of its own; two per call. */
  readonly backoff: () => Backoff;
  /** Aborted when retries must end. */
  readonly hurry: AbortSignal;
  /** Called after each call. */
  readonly onSettled: () => void;
}

/** Collects committed messages and deletes them in full batches while the next batch is written; {@link Deleter.finish} deletes the rest. */
export class Deleter {
  readonly #options: DeleterOptions;
  readonly #waiting: string[] = [];
  readonly #calls = new Set<Promise<void>>();
  /** Messages in these calls. */
  #inCalls = 0;
  readonly #failures: unknown[] = [];

  constructor(options: DeleterOptions) {
    this.#options = options;
  }

  /** Minimum messages per call: 1 on a FIFO queue, where SQS returns no more of a group before the delete. */
  get #minBatch(): number {
    return this.#options.queue.isFifo ? 1 : MAX_BATCH;
  }

  /** Whether {@link Deleter.finish} has nothing to do. */
  get idle(): boolean {
    return this.#waiting.length + this.#calls.size + this.#failures.length === 0;
  }

  /**
   * Adds messages whose commit is confirmed. Waits while the backlog is full.
   *
   * @throws what the queue threw, if an earlier call failed
   */
  async add(messageIds: readonly string[]): Promise<void> {
    throwFirst(this.#failures.splice(0));
    this.#waiting.push(...messageIds);
    this.#start(this.#minBatch);
    while (this.#waiting.length + this.#inCalls > this.#options.backlog && this.#calls.size > 0)
      await Promise.race(this.#calls);
  }

  /**
   * Deletes the rest and waits for every call.
   *
   * @throws what the queue threw, if a call failed
   */
  async finish(): Promise<void> {
    this.#start(1);
    while (this.#calls.size > 0) {
      await Promise.race(this.#calls);
      this.#start(1);
    }
    throwFirst(this.#failures.splice(0));
  }

  /** Starts calls of at least `minBatch` messages, up to the maximum concurrency. */
  #start(minBatch: number): void {
    const { concurrency, onSettled } = this.#options;
    while (this.#waiting.length >= minBatch && this.#calls.size < concurrency) {
      const part = this.#waiting.splice(0, MAX_BATCH);
      this.#inCalls += part.length;
      const call = this.#delete(part)
        .catch((error: unknown) => {
          this.#failures.push(error);
        })
        .finally(() => {
          this.#calls.delete(call);
          this.#inCalls -= part.length;
          this.#start(this.#minBatch);
          onSettled();
        });
      this.#calls.add(call);
    }
  }

  async #delete(messageIds: readonly string[]): Promise<void> {
    const [calls, entries] = [this.#options.backoff(), this.#options.backoff()];
    let remaining = messageIds;
    do remaining = await this.#attempt(remaining, calls);
    while (remaining.length > 0 && (await entries.pause(this.#options.hurry)));
    // SQS redelivers what could not be deleted, and it is deleted then, as a duplicate. At the end of a run it is released.
    if (!this.#options.hurry.aborted)
      for (const messageId of remaining) this.#options.inFlight.forget(messageId);
  }

  /**
   * @param backoff for a call that fails
   * @returns the messages to retry after a pause
   */
  async #attempt(messageIds: readonly string[], backoff: Backoff): Promise<readonly string[]> {
    const { queue, inFlight, counts } = this.#options;
    const entries = messageIds.flatMap((messageId) => {
      const handle = inFlight.validHandle(messageId);
      if (handle === undefined) inFlight.forget(messageId);
      return handle === undefined ? [] : [{ messageId, handle }];
    });
    if (entries.length === 0) return [];
    let failed: readonly FailedEntry[];
    try {
      failed = await queue.delete(entries.map(({ handle }) => handle));
    } catch (error) {
      if (!isRetryable(error) || !(await backoff.pause(this.#options.hurry))) throw error;
      // Without those forgotten above: such a message may be in the buffer again, and would be forgotten there.
      return this.#attempt(
        entries.map(({ messageId }) => messageId),
        backoff,
      );
    }
    backoff.reset();
    const again: string[] = [];
    for (const [index, { messageId, handle }] of entries.entries()) {
      const failure = failed.find((entry) => entry.index === index);
      // Redelivered in the meantime: SQS may not have deleted it by the older handle.
      const newer = inFlight.validHandle(messageId);
      const outdated = newer !== undefined && newer !== handle;
      if (outdated || failure?.senderFault === false) again.push(messageId);
      else {
        inFlight.forget(messageId);
        if (failure === undefined) counts.deleted += 1;
      }
    }
    return again;
  }
}
