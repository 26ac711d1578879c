// Virtual time: a queue of events, each of which runs after everything that the one before woke has come to rest.
import type { Clock } from "../../src/drain/clock.ts";

interface Event {
  readonly at: number;
  /** The order of events at the same time. */
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Cancels an event. */
export type Cancel = () => void;

/** More steps than any seed takes: a run that does not end. */
const MOST_STEPS = 2_000_000;

/** Its jobs take half as long as those of `queueMicrotask`. */
const RESOLVED = Promise.resolve();

export class Schedule {
  /** Milliseconds. */
  now = 0;
  steps = 0;
  #count = 0;
  /** A binary heap, the earliest event first. */
  readonly #heap: Event[] = [];

  at(time: number, run: () => void): Cancel {
    const event: Event = { at: Math.max(time, this.now), order: this.#count++, run, cancelled: false };
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  in(ms: number, run: () => void): Cancel {
    return this.at(this.now + ms, run);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.in(ms, resolve));
  }

  /** Runs all events, until `isOver` or until none is left. */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          const event = isOver() ? undefined : this.#pop();
          if (event === undefined) {
            resolve();
            return;
          }
          this.steps += 1;
          if (this.steps > MOST_STEPS) throw new Error("the run does not end");
          this.now = event.at;
          event.run();
          // Node runs the tick only after all promise jobs, also those that they add.
          void RESOLVED.then(next);
        } catch (error) {
          reject(error instanceof Error ? error : new Error("failed", { cause: error }));
        }
      };
      const next = (): void => {
        process.nextTick(step);
      };
      next();
    });
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let place = heap.push(event) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = event;
  }

  /** The next event that was not cancelled. */
  #pop(): Event | undefined {
    for (;;) {
      const heap = this.#heap;
      const [first] = heap;
      const last = heap.pop();
      if (first === undefined || last === undefined) return undefined;
      if (heap.length > 0) this.#sink(last);
      if (!first.cancelled) return first;
    }
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      if (one === undefined) break;
      const [child, below] = other !== undefined && isBefore(other, one) ? [other, left + 1] : [one, left];
      if (isBefore(event, child)) break;
      heap[place] = child;
      place = below;
    }
    heap[place] = event;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Of a wait: time must pass, also where the difference of two times is rounded to nothing. */
const SHORTEST_MS = 0.01;

/** A process: nothing happens in it after it was killed, and nothing while it is suspended. */
export class Life implements Clock {
  readonly name: string;
  isAlive = true;
  wasSuspended = false;
  /** Whether it has begun to make messages visible. */
  isReleasing = false;
  readonly #schedule: Schedule;
  #suspendedUntil = 0;
  /** How much a monotonic clock stood still while the machine was suspended. */
  #lost = 0;

  constructor(name: string, schedule: Schedule) {
    this.name = name;
    this.#schedule = schedule;
  }

  kill(): void {
    this.isAlive = false;
  }

  /** @param stopsClock whether the process's clock does not see the time that passes */
  suspend(ms: number, stopsClock: boolean): void {
    this.#suspendedUntil = Math.max(this.#suspendedUntil, this.#schedule.now + ms);
    this.wasSuspended = true;
    if (stopsClock) this.#lost += ms;
  }

  /** Runs `wake` in the process after `ms`. */
  after(ms: number, wake: () => void): Cancel {
    return this.#schedule.in(ms, () => {
      this.#wake(wake);
    });
  }

  #wake(wake: () => void): void {
    if (!this.isAlive) return;
    const { now } = this.#schedule;
    if (this.#suspendedUntil > now) {
      this.#schedule.at(this.#suspendedUntil, () => {
        this.#wake(wake);
      });
    } else wake();
  }

  now(): number {
    return this.#schedule.now - this.#lost;
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.after(Math.max(ms, SHORTEST_MS), end);
      signal?.addEventListener("abort", end);
    });
  }
}
