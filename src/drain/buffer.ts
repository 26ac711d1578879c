// Holds what was received until a batch of it is written; bounded, by number and by bytes.
import { BATCH_BYTES } from "./batches.ts";
import { Signal } from "./signal.ts";
import type { Clock } from "./clock.ts";
import type { Item } from "./writer.ts";

/** How long a batch that is not full waits for more, milliseconds. */
const LINGER_MS = 50;
/**
 * Bytes that may be held at once: of messages that wait or are being written, and of answers that are being read. Reading, sealing and
 * sending make copies, so that the process takes several times as much. One answer or message that is larger is let in alone.
 */
const MAX_BYTES = 12 * 1024 * 1024;

/** What one receive may read. */
export interface Reading {
  /** Waits until an answer of so many bytes may be read; takes the place of what was admitted before. */
  readonly admit: (bytes: number) => Promise<void>;
  /** The answer's messages were pushed, or there are none. */
  readonly end: () => void;
}

/** How much more may be held. */
export interface Room {
  readonly messages: number;
  readonly bytes: number;
}

/** What an item keeps in memory, bytes: its body, where it may still be needed, and what is sealed. */
export function bytesOf({ message, entry }: Item): number {
  const body = message.body?.length ?? 0;
  if (entry.kind === "rejection") return body + entry.rejection.sealed.bytes.length;
  return body + (entry.sealed?.ip?.length ?? 0) + (entry.sealed?.deviceId?.length ?? 0);
}

export class BatchBuffer {
  readonly #clock: Clock;
  readonly #batchSize: number;
  readonly #capacity: number;
  readonly #bell = new Signal();
  #items: Item[] = [];
  /** Of `#items`. */
  #waitingBytes = 0;
  /** Of `#items` and of what is being written. */
  #held = 0;
  #heldBytes = 0;
  /** Of answers that are being read. */
  #readBytes = 0;
  readonly #readers: { readonly bytes: number; readonly start: () => void }[] = [];
  #closed = false;

  /** @param capacity how many messages may be held, waiting or being written */
  constructor(clock: Clock, batchSize: number, capacity: number) {
    this.#clock = clock;
    this.#batchSize = batchSize;
    this.#capacity = capacity;
  }

  get room(): Room {
    return { messages: this.#capacity - this.#held, bytes: MAX_BYTES - this.#heldBytes - this.#readBytes };
  }

  /** For one receive: bounds what is read, however much a server sends. */
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
    this.#bell.ring();
  }

  /** Nothing more comes. */
  close(): void {
    this.#closed = true;
    this.#bell.ring();
  }

  /** Nothing more comes, and what waits is not wanted any more. */
  discard(): void {
    this.done(this.#take(this.#items.length));
    this.close();
  }

  /**
   * The next batch: a full one, or what there is when no more comes for a moment. It is full, too, when it is as large as one statement
   * should be, or when an answer waits for the room that it takes up.
   *
   * @param patient waits for as long as it takes; else an empty batch says that nothing came
   * @returns undefined when the buffer is closed and empty
   */
  async next(patient: boolean): Promise<Item[] | undefined> {
    if (patient) while (this.#items.length === 0 && !this.#closed) await this.#bell.wait();
    const until = this.#clock.now() + LINGER_MS;
    while (!this.#isFull() && !this.#closed) {
      const left = until - this.#clock.now();
      if (left <= 0) break;
      await this.#bell.wait(this.#clock.wait(left));
    }
    if (this.#items.length === 0 && this.#closed) return undefined;
    return this.#take(this.#batchLength());
  }

  /** Makes room again: these were written. */
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

  /** In the order in which they asked, so that a large answer is not kept waiting by small ones. */
  #admitReaders(): void {
    for (;;) {
      const [next] = this.#readers;
      if (next === undefined) return;
      const taken = this.#heldBytes + this.#readBytes;
      if (taken > 0 && taken + next.bytes > MAX_BYTES) {
        this.#bell.ring();
        return;
      }
      this.#readers.shift();
      this.#readBytes += next.bytes;
      next.start();
    }
  }
}
