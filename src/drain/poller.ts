// Receives until the queue is empty, with as many concurrent long polls as the queue can fill.
import { throwFirst } from "../failure.ts";
import type { Backoff } from "./backoff.ts";
import type { Reading, Room } from "./buffer.ts";
import type { Clock } from "./clock.ts";
import { isRetryable, type Queue, type QueueDepth, type ReceivedMessage } from "./ports.ts";
import type { Signal } from "./signal.ts";

/** Seconds that a receive waits for a message. */
export const LONG_POLL_SECONDS = 1;
/**
 * Empty long polls, without a new message between their answers, before the queue is asked for its counts. They may overlap: SQS answers
 * a long poll as soon as it finds a message, so that an empty one says that it found none until the end of that poll.
 */
export const EMPTY_POLLS = 2;
/**
 * Rounds of at least {@link LONG_POLL_SECONDS} in which the queue may count visible messages and yet return none before polling ends.
 * The counts are approximate for up to a minute, and a FIFO group may stay blocked for longer.
 */
const EMPTY_ROUNDS = 60;
/** Target size of one receive's bodies, bytes. SQS bills each 64 KiB as a request, however many messages share it. */
const RECEIVE_BYTES = 4 * 1024 * 1024;

export interface PollerOptions {
  readonly queue: Queue;
  readonly clock: Clock;
  /** Maximum concurrent receives. */
  readonly concurrency: number;
  /** Maximum messages per receive. */
  readonly batch: number;
  /** Maximum messages in total. */
  readonly maxMessages: number;
  /** Clock time by which every receive has to end. */
  readonly deadline: number;
  /** For an unavailable or throttling queue. */
  readonly backoff: () => Backoff;
  /** Aborted when no further receive may start. */
  readonly stop: AbortSignal;
  /** Must ring when `room`, `idle` or `stop` changes. */
  readonly signal: Signal;
  /** How much more the buffer can hold. */
  readonly room: () => Room;
  /** Limits how much memory one receive takes: its messages may be larger than all before. */
  readonly read: () => Reading;
  /** True when no received message is still being processed. */
  readonly idle: () => boolean;
  /**
   * Processes what one receive returned; `asked` is the clock time at which it was sent. Returns true if any message was new:
   * messages that only come again do not keep a run from ending.
   */
  readonly accept: (messages: readonly ReceivedMessage[], asked: number) => boolean;
  /** Asks the queue for its counts. */
  readonly depth: () => Promise<QueueDepth>;
  /** Returns to the queue what the server sent beyond `maxMessages`; `asked` as in `accept`. */
  readonly release: (messages: readonly ReceivedMessage[], asked: number) => Promise<void>;
}

export type PollingEnd = "empty" | "still-visible" | "max-messages" | "max-seconds" | "stopped";

/**
 * Polls until the queue is empty, a limit is reached or `stop` is aborted. A receive in flight is never aborted: its messages would
 * stay hidden until their visibility timeout.
 *
 * @returns why it ended; `still-visible` when the queue counts visible messages that it does not return
 * @throws what the queue throws, if a retry cannot fix it or the backoff is exhausted
 */
export function poll(options: PollerOptions): Promise<PollingEnd> {
  return new Poller(options).run();
}

class Poller {
  readonly #options: PollerOptions;
  readonly #receiveBackoff: Backoff;
  readonly #depthBackoff: Backoff;
  readonly #errors: unknown[] = [];
  /**
   * How many receives the queue can fill: one more after a full answer, half after an empty one or an error. How many are in flight also
   * depends on {@link PollerOptions.room}.
   */
  #target: number;
  #inFlight = 0;
  /** How many messages the receives in flight may return. */
  #reserved = 0;
  #received = 0;
  /** What the queue counted when it was opened, until that many were asked for. */
  #counted: number;
  /** Estimated size of the next message, bytes: the largest body of recent receives. */
  #messageBytes = 1;
  #emptyPolls = 0;
  #emptyRounds = 0;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#receiveBackoff = options.backoff();
    this.#depthBackoff = options.backoff();
    this.#target = this.#fewest;
    this.#counted = options.queue.visibleAtOpen ?? 0;
  }

  /** So many that an empty queue takes the time of one long poll. */
  get #fewest(): number {
    return Math.min(EMPTY_POLLS, this.#options.concurrency);
  }

  async run(): Promise<PollingEnd> {
    const { idle, signal } = this.#options;
    for (;;) {
      this.#startReceives();
      if (this.#inFlight === 0) {
        throwFirst(this.#errors);
        const end = this.#endReached();
        if (end !== undefined) return end;
        // Stryker disable next-line ConditionalExpression: with nothing held there is room, so that only empty polls prevent a receive
        if (this.#emptyPolls >= EMPTY_POLLS && idle()) {
          const emptyEnd = await this.#checkDepth();
          if (emptyEnd !== undefined) return emptyEnd;
          continue;
        }
      }
      await signal.wait();
    }
  }

  #startReceives(): void {
    const { batch, maxMessages } = this.#options;
    while (this.#endReached() === undefined && this.#inFlight < this.#mostInFlight()) {
      const max = Math.min(
        batch,
        maxMessages - this.#received - this.#reserved,
        Math.max(1, Math.floor(RECEIVE_BYTES / this.#messageBytes)),
      );
      if (max <= 0 || !this.#hasRoom(max)) return;
      void this.#receive(max, this.#waitSeconds() ?? 0);
    }
  }

  /** How many receives may be in flight. */
  #mostInFlight(): number {
    // After an empty one, only as many as have to be.
    if (this.#emptyPolls > 0) return EMPTY_POLLS - this.#emptyPolls;
    if (this.#counted > 0 && this.#received + this.#reserved >= this.#counted) {
      // The count is approximate, so there may be more. Probably there are not, and each receive would be an empty one.
      this.#counted = 0;
      this.#target = this.#fewest;
    }
    return this.#target;
  }

  async #receive(max: number, waitSeconds: number): Promise<void> {
    const { queue, clock, signal, read } = this.#options;
    this.#inFlight += 1;
    this.#reserved += max;
    const { admit, end } = read();
    try {
      const asked = clock.now();
      const { visibilityTimeout } = queue;
      const messages = await queue.receive({ max, waitSeconds, visibilityTimeout, admit });
      this.#receiveBackoff.reset();
      await this.#take(messages, asked);
      this.#adjustTarget(messages.length, max);
    } catch (error) {
      await this.#backOff(error, this.#receiveBackoff);
    } finally {
      end();
      this.#inFlight -= 1;
      this.#reserved -= max;
      signal.ring();
    }
  }

  /** Hands the messages on, up to `maxMessages` in total, and releases the others. */
  async #take(messages: readonly ReceivedMessage[], asked: number): Promise<void> {
    const { maxMessages, accept, release } = this.#options;
    // Halved at most, so that one large message does not slow down the rest of the run.
    if (messages.length > 0)
      this.#messageBytes = Math.max(this.#messageBytes / 2, ...messages.map(({ body }) => body.length), 1);
    const wanted = messages.slice(0, maxMessages - this.#received);
    this.#received += wanted.length;
    if (messages.length > 0 && accept(wanted, asked)) {
      this.#emptyPolls = 0;
      this.#emptyRounds = 0;
    } else this.#emptyPolls += 1;
    if (wanted.length < messages.length) await release(messages.slice(wanted.length), asked);
  }

  #adjustTarget(messages: number, max: number): void {
    if (messages >= max) {
      // Those that are too many since it shrank say nothing about it.
      if (this.#inFlight <= this.#target)
        this.#target = Math.min(this.#options.concurrency, this.#target + 1);
    } else if (messages === 0) this.#halveTarget(this.#fewest);
  }

  #halveTarget(fewest: number): void {
    this.#target = Math.max(fewest, Math.floor(this.#target / 2));
  }

  /** Fewer receives, after a pause; the error ends the polling when a retry cannot fix it or the backoff is exhausted. */
  async #backOff(error: unknown, backoff: Backoff): Promise<void> {
    this.#halveTarget(1);
    if (!isRetryable(error) || !(await backoff.pause(this.#options.stop))) this.#errors.push(error);
  }

  /** Asks the queue for its counts. Returns undefined when polling has to go on. */
  async #checkDepth(): Promise<PollingEnd | undefined> {
    try {
      const { visible } = await this.#options.depth();
      this.#depthBackoff.reset();
      if (visible === 0) return "empty";
    } catch (error) {
      await this.#backOff(error, this.#depthBackoff);
    }
    throwFirst(this.#errors);
    this.#emptyRounds += 1;
    if (this.#emptyRounds >= EMPTY_ROUNDS) return "still-visible";
    this.#emptyPolls = 0;
    return undefined;
  }

  /** How long the next receive may wait, seconds; undefined if it could not end before the deadline. */
  #waitSeconds(): number | undefined {
    const { deadline, clock } = this.#options;
    const remaining = deadline - clock.now();
    if (remaining >= LONG_POLL_SECONDS * 1000) return LONG_POLL_SECONDS;
    return remaining > 0 && this.#emptyPolls === 0 ? 0 : undefined;
  }

  /** One receive may always start while nothing is held: a message may be larger than the whole buffer. */
  #hasRoom(max: number): boolean {
    const { idle, room } = this.#options;
    if (this.#inFlight === 0 && idle()) return true;
    const { messages, bytes } = room();
    const asked = this.#reserved + max;
    return messages >= asked && bytes >= asked * this.#messageBytes;
  }

  #endReached(): PollingEnd | undefined {
    const { stop, maxMessages } = this.#options;
    if (stop.aborted || this.#errors.length > 0) return "stopped";
    if (this.#received >= maxMessages) return "max-messages";
    return this.#waitSeconds() === undefined ? "max-seconds" : undefined;
  }
}
