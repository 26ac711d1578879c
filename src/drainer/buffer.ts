// Holds what was received until a batch of it is written; bounded, by number and by bytes.
import { Bell } from "./bell.ts";
import type { Clock } from "./clock.ts";
import type { Item } from "./writer.ts";

/** How long a batch that is not full waits for more, milliseconds. */
const LINGER_MS = 50;
/** Bytes of bodies that may be held at once, about. */
const MAX_BYTES = 64 * 1024 * 1024;

export class BatchBuffer {
  readonly #clock: Clock;
  readonly #batchSize: number;
  readonly #capacity: number;
  readonly #bell = new Bell();
  #items: Item[] = [];
  #held = 0;
  #heldBytes = 0;
  #largest = 1;
  #closed = false;

  /** @param capacity how many messages may be held, waiting or being written */
  constructor(clock: Clock, batchSize: number, capacity: number) {
    this.#clock = clock;
    this.#batchSize = batchSize;
    this.#capacity = capacity;
  }

  /** How many more messages there is room for, should they be as large as the largest so far. */
  get room(): number {
    return Math.min(this.#capacity - this.#held, Math.floor((MAX_BYTES - this.#heldBytes) / this.#largest));
  }

  push(item: Item): void {
    const bytes = item.message.body.length;
    this.#items.push(item);
    this.#held += 1;
    this.#heldBytes += bytes;
    this.#largest = Math.max(this.#largest, bytes);
    this.#bell.ring();
  }

  /** Nothing more comes. */
  close(): void {
    this.#closed = true;
    this.#bell.ring();
  }

  /** Nothing more comes, and what waits is not wanted any more. */
  discard(): void {
    this.#items = [];
    this.close();
  }

  /**
   * The next batch: a full one, or what there is when no more comes for a moment.
   *
   * @param patient waits for as long as it takes; else an empty batch says that nothing came
   * @returns undefined when the buffer is closed and empty
   */
  async next(patient: boolean): Promise<Item[] | undefined> {
    if (patient) while (this.#items.length === 0 && !this.#closed) await this.#bell.wait();
    const until = this.#clock.now() + LINGER_MS;
    while (this.#items.length < this.#batchSize && !this.#closed) {
      const left = until - this.#clock.now();
      if (left <= 0) return this.#items.splice(0);
      await this.#bell.wait(this.#clock.wait(left));
    }
    if (this.#items.length === 0) return undefined;
    return this.#items.splice(0, this.#batchSize);
  }

  /** Makes room again: these were written. */
  done(batch: readonly Item[]): void {
    this.#held -= batch.length;
    for (const { message } of batch) this.#heldBytes -= message.body.length;
  }
}
