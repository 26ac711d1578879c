// Receives until the queue is empty: as many long polls at once as the queue can fill.
import { throwFirst } from "../failure.ts";
import type { Signal } from "./signal.ts";
import type { Reading, Room } from "./buffer.ts";
import type { Clock } from "./clock.ts";
import type { Backoff } from "./backoff.ts";
import { isRetryable, type Queue, type ReceivedMessage } from "./ports.ts";

/** Seconds that a receive waits for a message. */
export const LONG_POLL_SECONDS = 1;
/** How many empty long polls, one after the other, it takes to ask the queue whether it is empty. */
export const EMPTY_POLLS = 2;
/**
 * How often the queue may say that messages are visible and yet hand none out before it is taken at its deeds: its counts
 * are approximate for up to a minute, and a blocked FIFO group may last.
 */
const EMPTY_ROUNDS = 30;
/** Bytes of bodies to ask for in one receive, about; SQS bills each 64 KiB of them as a request, however many messages they are. */
const RECEIVE_BYTES = 4 * 1024 * 1024;

export interface PollerOptions {
  readonly queue: Queue;
  readonly clock: Clock;
  /** The most receives under way at once. */
  readonly concurrency: number;
  /** The most messages a receive asks for. */
  readonly batch: number;
  /** The most messages to receive. */
  readonly maxMessages: number;
  /** Clock time after which no receive may end. */
  readonly deadline: number;
  /** For a queue that is away or wants fewer calls. */
  readonly backoff: () => Backoff;
  /** Aborted when no receive may start any more. */
  readonly stop: AbortSignal;
  /** Has to ring when `room`, `idle` or `stop` changes. */
  readonly signal: Signal;
  /** How much more may be held. */
  room(): Room;
  /** Bounds what one receive reads: what comes may be larger than what came before. */
  read(): Reading;
  /** Whether nothing that was received is under way any more. */
  idle(): boolean;
  /**
   * Takes what one receive brought; `asked` is the clock time at which it was sent. Returns whether there was anything new among it:
   * messages that only come again and again keep no run from its end.
   */
  accept(messages: readonly ReceivedMessage[], asked: number): boolean;
  /** Takes what a server handed out beyond `maxMessages`, to be given back. */
  refuse(messages: readonly ReceivedMessage[]): Promise<void>;
}

export type PollingEnd = "empty" | "still-visible" | "max-messages" | "max-seconds" | "stopped";

/**
 * Polls until the queue is empty, a bound is reached or `stop` is aborted. Receives under way are always let finish: one that
 * is aborted would leave its messages hidden.
 *
 * @returns why it ended; `still-visible` when the queue counts messages that it does not hand out
 * @throws what the queue throws, when it may not pass or patience is at its end
 */
export async function poll(options: PollerOptions): Promise<PollingEnd> {
  const { queue, clock, stop, signal: bell } = options;
  const receiving = options.backoff();
  const counting = options.backoff();
  let target = 1;
  let underWay = 0;
  const reserved = { messages: 0, bytes: 0 };
  let received = 0;
  /** The size that a message may have, bytes: the largest of late. */
  let largest = 1;
  let empties = 0;
  let emptyRounds = 0;
  const failures: unknown[] = [];

  const receive = async (max: number, waitSeconds: number): Promise<void> => {
    const bytes = max * largest;
    underWay += 1;
    reserved.messages += max;
    reserved.bytes += bytes;
    const { admit, end } = options.read();
    try {
      const asked = clock.now();
      const { visibilityTimeout } = queue;
      const messages = await queue.receive({ max, waitSeconds, visibilityTimeout, admit });
      receiving.reset();
      // Halved by each receive that brings smaller ones, so that a single large message does not slow down a whole run.
      if (messages.length > 0) largest = Math.max(largest / 2, ...messages.map(({ body }) => body.length), 1);
      const wanted = messages.slice(0, options.maxMessages - received);
      received += wanted.length;
      if (messages.length > 0 && options.accept(wanted, asked)) {
        empties = 0;
        emptyRounds = 0;
      } else empties += 1;
      if (wanted.length < messages.length) await options.refuse(messages.slice(wanted.length));
      if (messages.length >= max) target = Math.min(options.concurrency, target + 1);
      else if (messages.length === 0) target = Math.max(1, Math.floor(target / 2));
    } catch (error) {
      await backOff(error, receiving);
    } finally {
      end();
      underWay -= 1;
      reserved.messages -= max;
      reserved.bytes -= bytes;
      bell.ring();
    }
  };

  /** Fewer receives, after a pause; for as long as patience lasts. */
  const backOff = async (error: unknown, backoff: Backoff): Promise<void> => {
    target = Math.max(1, Math.floor(target / 2));
    if (!isRetryable(error) || !(await backoff.pause(stop))) failures.push(error);
  };

  /** Whether the queue itself says that nothing is visible. */
  const isEmpty = async (): Promise<boolean> => {
    try {
      const { visible } = await queue.depth();
      counting.reset();
      return visible === 0;
    } catch (error) {
      await backOff(error, counting);
      return false;
    }
  };

  /** How long the next receive may wait, seconds; undefined when it could not end before the deadline. */
  const waitSeconds = (): number | undefined => {
    const left = options.deadline - clock.now();
    if (left >= LONG_POLL_SECONDS * 1000) return LONG_POLL_SECONDS;
    return left > 0 && empties === 0 ? 0 : undefined;
  };

  /** With nothing held one receive is always let through: a message may be larger than all the room there is. */
  const hasRoom = (max: number): boolean => {
    if (underWay === 0 && options.idle()) return true;
    const { messages, bytes } = options.room();
    return messages - reserved.messages >= max && bytes - reserved.bytes >= max * largest;
  };

  const ending = (): PollingEnd | undefined => {
    if (stop.aborted || failures.length > 0) return "stopped";
    if (received >= options.maxMessages) return "max-messages";
    if (waitSeconds() === undefined) return "max-seconds";
    return undefined;
  };

  for (;;) {
    while (ending() === undefined && empties < EMPTY_POLLS && underWay < target) {
      const max = Math.min(
        options.batch,
        options.maxMessages - received - reserved.messages,
        Math.max(1, Math.floor(RECEIVE_BYTES / largest)),
      );
      if (max <= 0 || !hasRoom(max)) break;
      void receive(max, waitSeconds() ?? 0);
    }
    if (underWay === 0) {
      throwFirst(failures);
      const ended = ending();
      if (ended !== undefined) return ended;
      if (empties >= EMPTY_POLLS && options.idle()) {
        if (await isEmpty()) return "empty";
        throwFirst(failures);
        emptyRounds += 1;
        if (emptyRounds >= EMPTY_ROUNDS) return "still-visible";
        empties = 0;
        continue;
      }
    }
    await bell.wait();
  }
}
