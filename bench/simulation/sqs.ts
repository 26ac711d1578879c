// A queue with SQS's limits, in memory and in virtual time: how many may be in flight, how many calls a second a FIFO queue takes, message
// groups, long polls, visibility timeouts.
import {
  Throttled,
  type FailedEntry,
  type Queue,
  type QueueDepth,
  type ReceivedMessage,
} from "../../src/drain/ports.ts";
import type { Clock } from "../../src/drain/clock.ts";

export interface SqsLimits {
  /** Messages that may be in flight at once; beyond that a long poll finds nothing. */
  readonly inFlight: number;
  /** Calls a second of each action; beyond that SQS throttles. */
  readonly callsPerSecond: number;
}

/** What one worker's calls take. */
export interface CallCosts {
  /** Milliseconds that every answer is late. */
  readonly latencyMs: number;
  /** Awaited for the server's work on a call of so many messages, before the answer is on its way. */
  readonly serve: (messages: number) => Promise<void>;
  /** Awaited for the worker's own work on it, when the answer is there. */
  readonly digest: (messages: number) => Promise<void>;
}

interface Message {
  readonly id: string;
  readonly group: Group;
  receiveCount: number;
  /** Clock time at which others may receive it again, when it is in flight. */
  hiddenUntil: number;
}

interface Group {
  /** In their order. */
  readonly waiting: Message[];
  inFlight: number;
}

/** How often a long poll looks again, milliseconds. */
const LOOK_AGAIN_MS = 20;
const VISIBILITY_TIMEOUT = 30;

export class SimulatedSqs {
  readonly #clock: Clock;
  readonly #limits: SqsLimits;
  /** Groups of which something can be handed out, in the order in which they became so. */
  #ready: Group[];
  #visible: number;
  /** By receipt handle. */
  readonly #inFlight = new Map<string, Message>();
  /** No message in flight comes back before. */
  #nextReturn = Infinity;
  readonly #calls = new Map<string, number[]>();
  mostInFlight = 0;
  throttled = 0;
  /** Clock time of the last delete. */
  lastDeleteAt = 0;

  /** @param groups of a FIFO queue; undefined for a standard queue, in which each message is for itself */
  constructor(
    clock: Clock,
    { messages, groups, limits }: { messages: number; groups?: number | undefined; limits: SqsLimits },
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#visible = messages;
    this.#ready = Array.from({ length: groups ?? messages }, () => ({ waiting: [], inFlight: 0 }));
    for (let index = 0; index < messages; index += 1) {
      const group = this.#ready[index % this.#ready.length];
      group?.waiting.push({ id: String(index), group, receiveCount: 0, hiddenUntil: 0 });
    }
  }

  get left(): number {
    return this.#visible + this.#inFlight.size;
  }

  /** The queue as one worker sees it. */
  port({ latencyMs, serve, digest }: CallCosts, isFifo: boolean): Queue {
    const requests = { receive: 0, delete: 0, other: 0 };
    const call = async <T>(
      action: keyof typeof requests,
      amount: (answer: T) => number,
      act: () => T | Promise<T>,
    ): Promise<T> => {
      requests[action] += 1;
      this.#admit(action);
      const answer = await act();
      await serve(amount(answer));
      await this.#clock.wait(latencyMs);
      await digest(amount(answer));
      return answer;
    };
    return {
      ...{
        name: "simulated",
        id: "simulated",
        visibilityTimeout: VISIBILITY_TIMEOUT,
        maxReceiveCount: undefined,
        isFifo,
        requests,
      },
      receive: ({ max, waitSeconds, visibilityTimeout }) =>
        call(
          "receive",
          (messages) => messages.length,
          () => this.#receive(max, waitSeconds, visibilityTimeout),
        ),
      delete: (handles) =>
        call(
          "delete",
          () => handles.length,
          () => this.#delete(handles),
        ),
      changeVisibility: (handles, seconds) =>
        call(
          "other",
          () => 0,
          () => this.#change(handles, seconds),
        ),
      depth: () =>
        call(
          "other",
          () => 0,
          () => this.#depth(),
        ),
      close: () => undefined,
    };
  }

  /** @throws {Throttled} when there were as many such calls in the last second as there may be */
  #admit(action: string): void {
    if (this.#limits.callsPerSecond === Infinity) return;
    const since = this.#clock.now() - 1000;
    const recent = (this.#calls.get(action) ?? []).filter((at) => at > since);
    this.#calls.set(action, recent);
    if (recent.length >= this.#limits.callsPerSecond) {
      this.throttled += 1;
      throw new Throttled();
    }
    recent.push(this.#clock.now());
  }

  async #receive(max: number, waitSeconds: number, visibilityTimeout: number): Promise<ReceivedMessage[]> {
    const until = this.#clock.now() + waitSeconds * 1000;
    for (;;) {
      const taken = this.#take(max, visibilityTimeout);
      if (taken.length > 0 || this.#clock.now() >= until) return taken;
      await this.#clock.wait(Math.min(LOOK_AGAIN_MS, until - this.#clock.now()));
    }
  }

  #take(max: number, visibilityTimeout: number): ReceivedMessage[] {
    this.#returnExpired();
    const most = Math.min(max, this.#limits.inFlight - this.#inFlight.size);
    const hiddenUntil = this.#clock.now() + visibilityTimeout * 1000;
    const taken: ReceivedMessage[] = [];
    while (taken.length < most) {
      const group = this.#ready.pop();
      if (group === undefined) break;
      for (const message of group.waiting.splice(0, most - taken.length)) {
        message.receiveCount += 1;
        message.hiddenUntil = hiddenUntil;
        group.inFlight += 1;
        const receiptHandle = `${message.id}#${message.receiveCount}`;
        this.#inFlight.set(receiptHandle, message);
        taken.push({
          messageId: message.id,
          receiptHandle,
          body: "",
          sentAt: 0,
          receiveCount: message.receiveCount,
        });
      }
    }
    this.#visible -= taken.length;
    this.#nextReturn = Math.min(this.#nextReturn, hiddenUntil);
    this.mostInFlight = Math.max(this.mostInFlight, this.#inFlight.size);
    return taken;
  }

  #delete(handles: readonly string[]): FailedEntry[] {
    for (const handle of handles) this.#leaveFlight(handle);
    this.lastDeleteAt = this.#clock.now();
    return [];
  }

  #change(handles: readonly string[], seconds: number): FailedEntry[] {
    for (const handle of handles) {
      const message = this.#inFlight.get(handle);
      if (message === undefined) continue;
      if (seconds === 0) this.#giveBack(handle);
      else message.hiddenUntil = this.#clock.now() + seconds * 1000;
    }
    return [];
  }

  #depth(): QueueDepth {
    this.#returnExpired();
    return { visible: this.#visible, inFlight: this.#inFlight.size, delayed: 0 };
  }

  #returnExpired(): void {
    const now = this.#clock.now();
    if (now < this.#nextReturn) return;
    this.#nextReturn = Infinity;
    for (const [handle, { hiddenUntil }] of this.#inFlight) {
      if (hiddenUntil <= now) this.#giveBack(handle);
      else this.#nextReturn = Math.min(this.#nextReturn, hiddenUntil);
    }
  }

  #giveBack(handle: string): void {
    const message = this.#inFlight.get(handle);
    message?.group.waiting.unshift(message);
    this.#visible += 1;
    this.#leaveFlight(handle);
  }

  #leaveFlight(handle: string): void {
    const group = this.#inFlight.get(handle)?.group;
    if (!this.#inFlight.delete(handle) || group === undefined) return;
    group.inFlight -= 1;
    if (group.inFlight === 0 && group.waiting.length > 0) this.#ready.unshift(group);
  }
}
