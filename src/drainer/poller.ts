// Receives until the queue is empty: as many long polls at once as the queue can fill.
import { MAX_BATCH } from "./batches.ts";
import type { Bell } from "./bell.ts";
import type { Clock } from "./clock.ts";
import { throwFirst } from "./failures.ts";
import { Throttled, type Queue, type ReceivedMessage } from "./ports.ts";

/** Seconds that a receive waits for a message. */
const LONG_POLL_SECONDS = 1;
/** How many empty long polls, one after the other, it takes to ask the queue whether it is empty. */
const EMPTY_POLLS = 2;
/**
 * How often the queue may say that messages are visible and yet hand none out before it is taken at its deeds: its counts
 * are approximate for up to a minute, and a blocked FIFO group may last.
 */
const EMPTY_ROUNDS = 30;
const THROTTLE_PAUSE_MS = 250;
const LONGEST_THROTTLE_PAUSE_MS = 8_000;

export interface PollerOptions {
  readonly queue: Queue;
  readonly clock: Clock;
  /** The most receives under way at once. */
  readonly concurrency: number;
  /** The most messages to receive. */
  readonly maxMessages: number;
  /** Clock time after which no receive may end. */
  readonly deadline: number;
  /** For how long a queue that only throttles is waited for, milliseconds. */
  readonly retryForMs: number;
  /** Aborted when no receive may start any more. */
  readonly stop: AbortSignal;
  /** Has to ring when `room`, `idle` or `stop` changes. */
  readonly bell: Bell;
  /** How many more messages may be held. */
  room(): number;
  /** Whether nothing that was received is under way any more. */
  idle(): boolean;
  /** Takes what one receive brought; `asked` is the clock time at which it was sent. */
  accept(messages: readonly ReceivedMessage[], asked: number): void;
  /** Takes what a server handed out beyond `maxMessages`, to be given back. */
  refuse(messages: readonly ReceivedMessage[]): Promise<void>;
}

export type PollingEnd = "empty" | "still-visible" | "max-messages" | "max-seconds" | "stopped";

/**
 * Polls until the queue is empty, a bound is reached or `stop` is aborted. Receives under way are always let finish: one that
 * is aborted would leave its messages hidden.
 *
 * @returns why it ended; `still-visible` when the queue counts messages that it does not hand out
 * @throws what the queue throws
 */
export async function poll(options: PollerOptions): Promise<PollingEnd> {
  const { queue, clock, stop, bell } = options;
  let target = 1;
  let underWay = 0;
  let reserved = 0;
  let received = 0;
  let empties = 0;
  let emptyRounds = 0;
  let throttles = 0;
  let throttledSince: number | undefined;
  const failures: unknown[] = [];

  const receive = async (max: number, waitSeconds: number): Promise<void> => {
    underWay += 1;
    reserved += max;
    try {
      const asked = clock.now();
      const messages = await queue.receive({ max, waitSeconds, visibilityTimeout: queue.visibilityTimeout });
      throttles = 0;
      throttledSince = undefined;
      const wanted = messages.slice(0, options.maxMessages - received);
      received += wanted.length;
      if (messages.length > 0) {
        empties = 0;
        emptyRounds = 0;
        options.accept(wanted, asked);
      } else empties += 1;
      if (wanted.length < messages.length) await options.refuse(messages.slice(wanted.length));
      if (messages.length >= max) target = Math.min(options.concurrency, target + 1);
      else if (messages.length === 0) target = Math.max(1, Math.floor(target / 2));
    } catch (error) {
      if (!(error instanceof Throttled)) failures.push(error);
      else await backOff(error);
    } finally {
      underWay -= 1;
      reserved -= max;
      bell.ring();
    }
  };

  const backOff = async (error: Throttled): Promise<void> => {
    target = Math.max(1, Math.floor(target / 2));
    throttledSince ??= clock.now();
    const pause = Math.min(THROTTLE_PAUSE_MS * 2 ** throttles, LONGEST_THROTTLE_PAUSE_MS);
    throttles += 1;
    if (clock.now() + pause - throttledSince > options.retryForMs) failures.push(error);
    else await clock.wait(pause, stop);
  };

  /** How long the next receive may wait, seconds; undefined when it could not end before the deadline. */
  const waitSeconds = (): number | undefined => {
    const left = options.deadline - clock.now();
    if (left >= LONG_POLL_SECONDS * 1000) return LONG_POLL_SECONDS;
    return left > 0 && empties === 0 ? 0 : undefined;
  };

  const end = (): PollingEnd | undefined => {
    if (stop.aborted || failures.length > 0) return "stopped";
    if (received >= options.maxMessages) return "max-messages";
    if (waitSeconds() === undefined) return "max-seconds";
    return undefined;
  };

  for (;;) {
    while (end() === undefined && empties < EMPTY_POLLS && underWay < target) {
      const max = Math.min(MAX_BATCH, options.maxMessages - received - reserved);
      if (max <= 0 || options.room() - reserved < max) break;
      void receive(max, waitSeconds() ?? 0);
    }
    if (underWay === 0) {
      throwFirst(failures);
      const ended = end();
      if (ended !== undefined) return ended;
      if (empties >= EMPTY_POLLS && options.idle()) {
        if ((await queue.depth()).visible === 0) return "empty";
        emptyRounds += 1;
        if (emptyRounds >= EMPTY_ROUNDS) return "still-visible";
        empties = 0;
        continue;
      }
    }
    await bell.wait();
  }
}
