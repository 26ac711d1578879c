// Holds received messages until a batch of them is written; limited by number and by bytes.
import { BATCH_BYTES } from "./batches.ts";
import { Signal } from "./signal.ts";
import type { Clock } from "./clock.ts";
import type { Item } from "./writer.ts";

/** How long a batch that is not full waits for more messages, milliseconds. */
const LINGER_MS = 50;
/**
 * Maximum bytes held at once: messages that wait or are being written, and SQS answers being read. The process needs several times as
 * much, because parsing, sealing and sending copy them. A single answer or message above the limit is admitted alone.
 */
const MAX_BYTES = 12 * 1024 * 1024;

/** Memory reserved for one receive. */
export interface Reading {
  /** Waits until an answer of this many bytes fits; replaces an earlier reservation. */
  readonly admit: (bytes: number) => Promise<void>;
  /** Frees the reservation, after the messages were pushed. */
  readonly end: () => void;
}

/** How much more the buffer can hold. */
export interface Room {
  readonly messages: number;
  readonly bytes: number;
}

/** Size of an item in memory, bytes: its body, if it is still needed, and its sealed values. */
export function bytesOf({ message, entry }: Item): number {
  const body = message.body?.length ?? 0;
  if (entry.kind === "rejection") return body + entry.rejection.sealed.bytes.length;
  return body + (entry.sealed?.ip?.length ?? 0) + (entry.sealed?.deviceId?.length ?? 0);
}

export class BatchBuffer {
  readonly #clock: Clock;
  readonly #batchSize: number;
  readonly #capacity: number;
  readonly #signal = new Signal();
  #items: Item[] = [];
  /** Bytes of `#items`. */
  #waitingBytes = 0;
  /** Messages and bytes of `#items` and of the batches being written. */
  #held = 0;
  #heldBytes = 0;
  /** Bytes reserved for answers being read. */
  #readBytes = 0;
  readonly #readers: { readonly bytes: number; readonly start: () => void }[] = [];
  #closed = false;

  /** @param capacity maximum messages held, waiting or being written */
  constructor(clock: Clock, batchSize: number, capacity: number) {
    this.#clock = clock;
    this.#batchSize = batchSize;
    this.#capacity = capacity;
  }

  get room(): Room {
    return { messages: this.#capacity - this.#held, bytes: MAX_BYTES - this.#heldBytes - this.#readBytes };
  }

  /** Reserves memory for one receive, however much the server sends. */
  read(): Reading {
    let admitted = 0;
    const end = (): void => {
      this.#readBytes -= admitted;
      admitted = 0;
      this.#admitReaders();
    };
    return {
      end,
      admit: async (bytes) => {
        end();
        await new Promise<void>((start) => {
          this.#readers.push({ bytes, start });
          this.#admitReaders();
        });
        admitted = bytes;
      },
    };
  }

  push(item: Item): void {
    const bytes = bytesOf(item);
    this.#items.push(item);
    this.#waitingBytes += bytes;
    this.#held += 1;
    this.#heldBytes += bytes;
    this.#signal.ring();
  }

  /** Call when no more items will be pushed. */
  close(): void {
    this.#closed = true;
    this.#signal.ring();
  }

  /** Drops the waiting items and closes. */
  discard(): void {
    this.done(this.#take(this.#items.length));
    this.close();
  }

  /**
   * The next batch: a full one, or the waiting items if no more arrive within {@link LINGER_MS}. A batch also counts as full at
   * {@link BATCH_BYTES}, and while an answer waits for memory.
   *
   * @param patient true: wait for an item for as long as it takes; false: return an empty batch if none arrives
   * @returns undefined if the buffer is closed and empty
   */
  async next(patient: boolean): Promise<Item[] | undefined> {
    if (patient) while (this.#items.length === 0 && !this.#closed) await this.#signal.wait();
    const until = this.#clock.now() + LINGER_MS;
    while (!this.#isFull() && !this.#closed) {
      const remaining = until - this.#clock.now();
      if (remaining <= 0) break;
      await this.#signal.wait(this.#clock.wait(remaining));
    }
    if (this.#items.length === 0 && this.#closed) return undefined;
    return this.#take(this.#batchLength());
  }

  /** Frees the memory of a batch that was written. */
  done(batch: readonly Item[]): void {
    this.#held -= batch.length;
    for (const item of batch) this.#heldBytes -= bytesOf(item);
    this.#admitReaders();
  }

  #isFull(): boolean {
    if (this.#items.length >= this.#batchSize || this.#waitingBytes >= BATCH_BYTES) return true;
    return this.#items.length > 0 && this.#readers.length > 0;
  }

  #batchLength(): number {
    let [length, bytes] = [0, 0];
    for (const item of this.#items) {
      if (length >= this.#batchSize || bytes >= BATCH_BYTES) break;
      length += 1;
      bytes += bytesOf(item);
    }
    return length;
  }

  #take(length: number): Item[] {
    const batch = this.#items.splice(0, length);
    for (const item of batch) this.#waitingBytes -= bytesOf(item);
    return batch;
  }

  /** First come, first served, so that small answers do not starve a large one. */
  #admitReaders(): void {
    for (;;) {
      const [next] = this.#readers;
      if (next === undefined) return;
      const taken = this.#heldBytes + this.#readBytes;
      if (taken > 0 && taken + next.bytes > MAX_BYTES) {
        this.#signal.ring();
        return;
      }
      this.#readers.shift();
      this.#readBytes += next.bytes;
      next.start();
    }
  }
}
