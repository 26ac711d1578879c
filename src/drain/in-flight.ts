// The messages that a run has received and not finished: their newest receipt handles, and until when the queue hides them.
import { Failure } from "../failure.ts";
import { chunk } from "./batches.ts";
import type { Clock } from "./clock.ts";
import { isRetryable, type Queue, type ReceivedMessage } from "./ports.ts";

/** SQS allows a total visibility timeout of 12 hours from the receive; a run fails half an hour before that. */
const LIMIT_MS = 12 * 3600 * 1000;
const MAX_HIDDEN_MS = LIMIT_MS - 30 * 60 * 1000;
/** Maximum time between two checks, so that the limit is noticed in time. */
const MAX_CHECK_INTERVAL_MS = 15 * 60 * 1000;

interface Delivery {
  receiptHandle: string;
  /** Clock time at which the message becomes visible again. */
  hiddenUntil: number;
  /** Clock time of the receive. */
  readonly since: number;
  /** Whether a call with this receipt handle is under way. */
  isExtending: boolean;
}

/**
 * Makes deliveries visible at once. Resolves to their number; the others become visible after their visibility timeout.
 *
 * @param deliveries in the order of their receives. On a FIFO queue they are released in this order, so that none overtakes another,
 *   whether the server blocks a group by its first message or by any message in flight
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

/** The register of messages in flight. {@link InFlight.keep} must run as long as it has any. */
export class InFlight {
  readonly #queue: Queue;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #warn: (line: string) => void;
  #warned = false;
  readonly #deliveries = new Map<string, Delivery>();

  /** @param options `visibilityTimeout` of the receives, seconds; `warn` is called once, if messages cannot be kept hidden */
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
    return this.#deliveries.size;
  }

  /**
   * Records a delivery.
   *
   * @param asked clock time at which the receive was sent, from which the visibility timeout is counted
   * @returns false if the message was in flight already; its receipt handle is replaced by the newer one
   */
  add(
    { messageId, receiptHandle }: Pick<ReceivedMessage, "messageId" | "receiptHandle">,
    asked: number,
  ): boolean {
    const hiddenUntil = asked + this.#timeoutMs;
    const held = this.#deliveries.get(messageId);
    if (held === undefined) {
      this.#deliveries.set(messageId, { receiptHandle, hiddenUntil, since: asked, isExtending: false });
      return true;
    }
    held.receiptHandle = receiptHandle;
    held.hiddenUntil = hiddenUntil;
    held.isExtending = false;
    return false;
  }

  /** The newest receipt handle; undefined if the message is visible again, so that others may have received it. */
  validHandle(messageId: string): string | undefined {
    const held = this.#deliveries.get(messageId);
    return held !== undefined && held.hiddenUntil > this.#clock.now() ? held.receiptHandle : undefined;
  }

  /** Stops tracking a message; makes no SQS call. */
  forget(messageId: string): void {
    this.#deliveries.delete(messageId);
  }

  /** Makes every message in flight visible at once. Resolves to their number. */
  async releaseAll(): Promise<number> {
    const hidden = this.#hidden(this.#clock.now());
    this.#deliveries.clear();
    return release(this.#queue, hidden);
  }

  /**
   * Extends each message's visibility timeout when half of it has passed, until `signal` is aborted.
   *
   * @throws {Failure} if a message was in flight for as long as SQS allows
   */
  async keep(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.wait(Math.min(this.#timeoutMs / 8, MAX_CHECK_INTERVAL_MS), signal);
      if (signal.aborted) return;
      // Not awaited: neither the other messages nor the end of the run wait for a slow call.
      for (const part of chunk(this.#due())) void this.#extend(part);
    }
  }

  /** The deliveries to extend. */
  #due(): Delivery[] {
    const now = this.#clock.now();
    const hidden = this.#hidden(now);
    if (hidden.some(({ since }) => now - since > MAX_HIDDEN_MS)) {
      throw new Failure(
        "unavailable",
        "A message could not be loaded within 12 hours, SQS's limit for messages in flight. Check Postgres, then run again.",
      );
    }
    return hidden.filter(
      ({ hiddenUntil, isExtending }) => !isExtending && hiddenUntil - this.#timeoutMs / 2 <= now,
    );
  }

  /** The deliveries that are still hidden; others may have received the rest by now. */
  #hidden(now: number): Delivery[] {
    return [...this.#deliveries.values()].filter(({ hiddenUntil }) => hiddenUntil > now);
  }

  async #extend(part: readonly Delivery[]): Promise<void> {
    const now = this.#clock.now();
    const handles = part.map(({ receiptHandle }) => receiptHandle);
    const remaining = Math.min(...part.map(({ since }) => since + LIMIT_MS - now));
    const seconds = Math.floor(Math.min(this.#timeoutMs, remaining) / 1000);
    for (const delivery of part) delivery.isExtending = true;
    // A failed call is repeated at the next check; a stale handle expires.
    const failed = await this.#queue.changeVisibility(handles, seconds).catch((error: unknown) => {
      this.#warnOnce(error);
    });
    const notExtended = new Set(failed?.map(({ index }) => index));
    for (const [index, delivery] of part.entries()) {
      if (delivery.receiptHandle !== handles[index]) continue;
      delivery.isExtending = false;
      if (failed !== undefined && !notExtended.has(index)) delivery.hiddenUntil = now + seconds * 1000;
    }
  }

  /** Warns once of an error that a retry cannot fix, such as a missing right. */
  #warnOnce(error: unknown): void {
    if (this.#warned || isRetryable(error) || !(error instanceof Failure)) return;
    this.#warned = true;
    this.#warn(
      `Cannot extend the visibility timeout, so SQS redelivers messages that take long to load. ${error.message}`,
    );
  }
}
