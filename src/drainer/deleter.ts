// Deletes from the queue what the database has committed, ten messages a call.
import { MAX_BATCH } from "./batches.ts";
import { Bell } from "./bell.ts";
import { throwFirst } from "./failures.ts";
import type { Clock } from "./clock.ts";
import type { Holds } from "./holds.ts";
import { Throttled, type Queue } from "./ports.ts";
import type { Tally } from "./tally.ts";

/** How often a delete that SQS did not carry out, through no fault of ours, is asked for. */
const ATTEMPTS = 4;
/** Milliseconds before the second attempt; doubled each time. */
const FIRST_PAUSE_MS = 100;

/** Collects committed messages and deletes them in full batches, a rest when {@link Deleter.finish} is called. */
export class Deleter {
  readonly #queue: Queue;
  readonly #holds: Holds;
  readonly #clock: Clock;
  readonly #tally: Tally;
  readonly #concurrency: number;
  readonly #onSettled: () => void;
  readonly #waiting: string[] = [];
  readonly #calls = new Set<Promise<void>>();
  readonly #bell = new Bell();
  #failures: unknown[] = [];

  constructor(
    queue: Queue,
    holds: Holds,
    clock: Clock,
    tally: Tally,
    concurrency: number,
    onSettled: () => void,
  ) {
    this.#queue = queue;
    this.#holds = holds;
    this.#clock = clock;
    this.#tally = tally;
    this.#concurrency = concurrency;
    this.#onSettled = onSettled;
  }

  /** Whether no message waits for its delete. */
  get idle(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes messages whose commit is certain. Waits while too many deletes are under way. */
  async add(messageIds: readonly string[]): Promise<void> {
    this.#waiting.push(...messageIds);
    while (this.#waiting.length >= MAX_BATCH) await this.#start();
  }

  /**
   * Deletes the rest, too, and waits until all is done.
   *
   * @throws what the queue threw, when a call failed altogether
   */
  async finish(): Promise<void> {
    while (this.#waiting.length > 0) await this.#start();
    await Promise.all(this.#calls);
    throwFirst(this.#failures.splice(0));
  }

  async #start(): Promise<void> {
    while (this.#calls.size >= this.#concurrency) await this.#bell.wait();
    const call = this.#delete(this.#waiting.splice(0, MAX_BATCH))
      .catch((error: unknown) => {
        this.#failures.push(error);
      })
      .finally(() => {
        this.#calls.delete(call);
        this.#bell.ring();
        this.#onSettled();
      });
    this.#calls.add(call);
  }

  async #delete(messageIds: readonly string[]): Promise<void> {
    let left = messageIds;
    for (let attempt = 1; left.length > 0 && attempt <= ATTEMPTS; attempt += 1) {
      if (attempt > 1) await this.#clock.wait(FIRST_PAUSE_MS * 2 ** (attempt - 2));
      left = await this.#attempt(left, attempt === ATTEMPTS);
    }
    // What could not be deleted is delivered again, meets the ledger and is deleted then.
    for (const messageId of left) this.#holds.forget(messageId);
  }

  /** @returns the messages to ask for again */
  async #attempt(messageIds: readonly string[], last: boolean): Promise<string[]> {
    const entries = messageIds.map((messageId) => ({
      messageId,
      handle: this.#holds.validHandle(messageId),
    }));
    const valid = entries.flatMap(({ messageId, handle }) =>
      handle === undefined ? [] : [{ messageId, handle }],
    );
    for (const { messageId, handle } of entries) if (handle === undefined) this.#holds.forget(messageId);
    if (valid.length === 0) return [];
    let failed;
    try {
      failed = await this.#queue.delete(valid.map(({ handle }) => handle));
    } catch (error) {
      if (error instanceof Throttled && !last) return valid.map(({ messageId }) => messageId);
      throw error;
    }
    const again: string[] = [];
    for (const [index, { messageId, handle }] of valid.entries()) {
      const failure = failed.find((entry) => entry.index === index);
      // Delivered once more in the meantime: SQS may not have taken the older handle for it.
      const newer = this.#holds.validHandle(messageId);
      const stillThere =
        failure === undefined ? newer !== undefined && newer !== handle : !failure.senderFault;
      if (stillThere) again.push(messageId);
      else this.#holds.forget(messageId);
      if (failure === undefined && !stillThere) this.#tally.deleted += 1;
    }
    return again;
  }
}
