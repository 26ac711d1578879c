// Holds received messages until a batch of them is written; limited by number and by bytes.
import { BATCH_BYTES } from "./batches.ts";
import { Signal } from "./signal.ts";
import type { Clock } from "./clock.ts";
import type { Item } from "./entry.ts";
import type { SentMessage } from "./ports.ts";

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

/** Size of an item in memory and in a statement, bytes, about. Cells may have more than their message, whose body may be compressed. */
export function bytesOf({ message, entry, rejected }: Item): number {
  // The message of several records is counted once, by itself.
  const sent = rejected === undefined ? lengthOf(message) : 0;
  if (entry === undefined) return sent;
  if (entry.kind === "rejection") return sent + entry.rejection.sealed.bytes.length;
  let [cells, sealed] = [0, 0];
  for (const cell of entry.cells) cells += cell?.length ?? 0;
  for (const value of entry.sealed) sealed += value.sealed.length;
  return Math.max(sent, cells) + sealed;
}

/** Length of a message's body and attributes. */
function lengthOf({ body = "", attributes = {} }: Item["message"]): number {
  return Object.values(attributes).reduce((sum, value) => sum + value.length, body.length);
}

/** A message that waits. */
interface Waiting {
  /** Its size in memory. */
  readonly bytes: number;
  /** Those that are not taken yet. */
  readonly items: Iterator<Item, unknown, undefined>;
}

function* readLater(read: () => Iterable<Item>): Generator<Item, void, undefined> {
  yield* read();
}

/** What is written next. */
export interface Batch {
  readonly items: readonly Item[];
  /** How many messages end with it, and their size in memory. */
  readonly messages: number;
  readonly bytes: number;
}

/** A batch that items are added to. */
interface Filling extends Batch {
  readonly items: Item[];
  messages: number;
  bytes: number;
  /** See {@link bytesOf}. */
  size: number;
}

const newFilling = (): Filling => ({ items: [], messages: 0, bytes: 0, size: 0 });

export class BatchBuffer {
  readonly #clock: Clock;
  readonly #batchSize: number;
  /** Maximum messages held, waiting or being written. */
  capacity: number;
  readonly #signal = new Signal();
  /** Messages of which items were not taken yet; the first may be partly taken. */
  readonly #waiting: Waiting[] = [];
  #next = newFilling();
  /** Messages and bytes that wait, or are being written. */
  #held = 0;
  #heldBytes = 0;
  /** Bytes reserved for answers being read. */
  #readBytes = 0;
  readonly #readers: { readonly bytes: number; readonly start: () => void }[] = [];
  #closed = false;

  /**
   * @param batchSize maximum items of a batch
   * @param capacity see {@link BatchBuffer.capacity}
   */
  constructor(clock: Clock, batchSize: number, capacity: number) {
    this.#clock = clock;
    this.#batchSize = batchSize;
    this.capacity = capacity;
  }

  get room(): Room {
    return { messages: this.capacity - this.#held, bytes: MAX_BYTES - this.#heldBytes - this.#readBytes };
  }

  /** Whether it holds as much as it may. Messages that are pushed then should be unread, because their rows may be larger. */
  get isFull(): boolean {
    return this.#heldBytes >= MAX_BYTES;
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

  /** Adds a message of one item. */
  push(item: Item): void {
    this.#add({ bytes: bytesOf(item), items: [item].values() });
  }

  /**
   * Adds a message whose items are read when they are taken, because all of them may not fit into memory.
   *
   * @param read is called when the first is taken
   */
  pushUnread(message: SentMessage, read: () => Iterable<Item>): void {
    this.#add({ bytes: lengthOf(message), items: readLater(read) });
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#held += 1;
    this.#heldBytes += waiting.bytes;
    this.#signal.ring();
  }

  /** Call when no more items will be pushed. */
  close(): void {
    this.#closed = true;
    this.#signal.ring();
  }

  /** Drops what waits, and closes. */
  discard(): void {
    const { messages, bytes } = this.#next;
    this.#next = newFilling();
    const waiting = this.#waiting.splice(0);
    this.done({
      messages: messages + waiting.length,
      bytes: waiting.reduce((sum, each) => sum + each.bytes, bytes),
    });
    this.close();
  }

  /**
   * The next batch: a full one, or the waiting items if no more arrive within {@link LINGER_MS}. A batch also counts as full at
   * {@link BATCH_BYTES}, and while an answer waits for memory.
   *
   * @param patient true: wait for an item for as long as it takes; false: return an empty batch if none arrives
   * @returns undefined if the buffer is closed and empty
   */
  async next(patient: boolean): Promise<Batch | undefined> {
    if (patient) while (this.#waiting.length === 0 && !this.#closed) await this.#signal.wait();
    const until = this.#clock.now() + LINGER_MS;
    while (!this.#fill() && !this.#closed) {
      const remaining = until - this.#clock.now();
      if (remaining <= 0) break;
      await this.#signal.wait(this.#clock.wait(remaining));
    }
    const batch = this.#next;
    this.#next = newFilling();
    return batch.items.length === 0 && this.#closed ? undefined : batch;
  }

  /** Frees the memory of a batch that was written. */
  done({ messages, bytes }: Pick<Batch, "messages" | "bytes">): void {
    this.#held -= messages;
    this.#heldBytes -= bytes;
    this.#admitReaders();
  }

  /** Takes items as long as they fit into the next batch. Returns whether it is to be written at once. */
  #fill(): boolean {
    const next = this.#next;
    while (next.items.length < this.#batchSize && next.size < BATCH_BYTES) {
      const [waiting] = this.#waiting;
      if (waiting === undefined) return next.items.length > 0 && this.#readers.length > 0;
      const { value: item, done } = waiting.items.next();
      // Stryker disable next-line ConditionalExpression: the last item comes before the end
      if (done !== true) {
        next.items.push(item);
        next.size += bytesOf(item);
        if (!item.isLast) continue;
      }
      this.#waiting.shift();
      next.messages += 1;
      next.bytes += waiting.bytes;
    }
    return true;
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
