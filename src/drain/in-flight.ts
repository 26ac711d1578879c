// The messages that a run holds: their newest receipt handles, and until when the queue hides them from others.
import { Failure } from "../failure.ts";
import { chunk } from "./batches.ts";
import type { Clock } from "./clock.ts";
import { isRetryable, type Queue, type ReceivedMessage } from "./ports.ts";

/** SQS lets nobody hold a message longer than 12 hours after it was received; a run gives up a little before. */
const LIMIT_MS = 12 * 3600 * 1000;
const LONGEST_HOLD_MS = LIMIT_MS - 30 * 60 * 1000;
/** Often enough to notice the limit before it is reached. */
const LONGEST_TURN_MS = 15 * 60 * 1000;

interface Hold {
  receiptHandle: string;
  /** Clock time at which the queue shows the message to others again. */
  hiddenUntil: number;
  readonly since: number;
}

/**
 * Makes deliveries visible to others at once. Resolves to how many were; a rest becomes so when its time has run out.
 *
 * @param deliveries in the order in which they were received; on a FIFO queue they are given back in that order, so that none can
 *   overtake another, whether the server keeps a group back for its first message's sake or for any that is in flight
 */
export async function release(
  queue: Queue,
  deliveries: readonly Pick<ReceivedMessage, "receiptHandle">[],
): Promise<number> {
  const receiptHandles = deliveries.map(({ receiptHandle }) => receiptHandle);
  const parts = chunk(receiptHandles);
  let released = 0;
  const release = async (part: readonly string[]): Promise<void> => {
    const failed = await queue.changeVisibility(part, 0).catch(() => part);
    released += part.length - failed.length;
  };
  if (queue.isFifo) for (const part of parts) await release(part);
  else await Promise.all(parts.map(release));
  return released;
}

/** A register of held messages. {@link InFlight.keep} has to run for as long as anything is held. */
export class InFlight {
  readonly #queue: Queue;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #warn: (line: string) => void;
  #warned = false;
  readonly #holds = new Map<string, Hold>();

  /** @param options `visibilityTimeout`: what the receives asked for, seconds; `warn` is told once why messages cannot be kept hidden */
  constructor(
    queue: Queue,
    clock: Clock,
    options: { visibilityTimeout?: number; warn?: (line: string) => void } = {},
  ) {
    const { visibilityTimeout = queue.visibilityTimeout, warn = () => undefined } = options;
    this.#queue = queue;
    this.#clock = clock;
    this.#timeoutMs = visibilityTimeout * 1000;
    this.#warn = warn;
  }

  get size(): number {
    return this.#holds.size;
  }

  /**
   * Notes a delivery.
   *
   * @param asked clock time at which the receive was sent: the queue cannot have hidden the message for longer
   * @returns false when the message was held already; its receipt handle is then the newer one
   */
  add(
    { messageId, receiptHandle }: Pick<ReceivedMessage, "messageId" | "receiptHandle">,
    asked: number,
  ): boolean {
    const hiddenUntil = asked + this.#timeoutMs;
    const held = this.#holds.get(messageId);
    if (held === undefined) {
      this.#holds.set(messageId, { receiptHandle, hiddenUntil, since: asked });
      return true;
    }
    held.receiptHandle = receiptHandle;
    held.hiddenUntil = hiddenUntil;
    return false;
  }

  /** The newest receipt handle; undefined when the queue shows the message to others again, so that it is not ours. */
  validHandle(messageId: string): string | undefined {
    const held = this.#holds.get(messageId);
    return held !== undefined && held.hiddenUntil > this.#clock.now() ? held.receiptHandle : undefined;
  }

  /** Lets go of a message, without a word to the queue. */
  forget(messageId: string): void {
    this.#holds.delete(messageId);
  }

  /** Makes every held message visible to others at once. Resolves to how many were; the rest become so by themselves. */
  async releaseAll(): Promise<number> {
    const ours = this.#ours(this.#clock.now());
    this.#holds.clear();
    return release(this.#queue, ours);
  }

  /**
   * Keeps held messages hidden, each extended when half of its time has passed, until `signal` is aborted.
   *
   * @throws {Failure} when a message was held as long as SQS allows
   */
  async keep(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.wait(Math.min(this.#timeoutMs / 8, LONGEST_TURN_MS), signal);
      if (signal.aborted) return;
      await this.#extendDue();
    }
  }

  async #extendDue(): Promise<void> {
    const now = this.#clock.now();
    const ours = this.#ours(now);
    const due = ours.filter(({ hiddenUntil }) => hiddenUntil - this.#timeoutMs / 2 <= now);
    if (ours.some(({ since }) => now - since > LONGEST_HOLD_MS)) {
      throw new Failure(
        "unavailable",
        "The database has not taken a message for almost 12 hours, SQS's limit.",
      );
    }
    await Promise.all(chunk(due).map((part) => this.#extend(part, now)));
  }

  /** Those that the queue still hides; another may have received the others by now. */
  #ours(now: number): Hold[] {
    return [...this.#holds.values()].filter(({ hiddenUntil }) => hiddenUntil > now);
  }

  async #extend(part: readonly Hold[], now: number): Promise<void> {
    const handles = part.map(({ receiptHandle }) => receiptHandle);
    const left = Math.min(...part.map(({ since }) => since + LIMIT_MS - now));
    const seconds = Math.floor(Math.min(this.#timeoutMs, left) / 1000);
    // A call that fails is made again at the next turn, as long as there is time; a stale handle runs out.
    const failed = await this.#queue.changeVisibility(handles, seconds).catch((error: unknown) => {
      this.#tell(error);
    });
    if (failed === undefined) return;
    const refused = new Set(failed.map(({ index }) => index));
    for (const [index, hold] of part.entries()) {
      const sameDelivery = hold.receiptHandle === handles[index];
      if (sameDelivery && !refused.has(index)) hold.hiddenUntil = now + seconds * 1000;
    }
  }

  /** What somebody has to change, such as a right that is missing, and no call that is made again. */
  #tell(error: unknown): void {
    if (this.#warned || isRetryable(error) || !(error instanceof Failure)) return;
    this.#warned = true;
    this.#warn(
      `Messages that take long to write come again, because they cannot be kept hidden. ${error.message}`,
    );
  }
}
