// Time that passes only when everything else has come to rest.
import TinyQueue from "tinyqueue";
import type { Clock } from "../../src/drain/clock.ts";

interface Timer {
  readonly at: number;
  /** Those of one time go in the order in which they were set. */
  readonly order: number;
  /** Undefined once it was woken. */
  wake: (() => void) | undefined;
}

/** Jumps to the next moment that somebody waits for, as soon as nothing else is to be done. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #turning = false;
  readonly #timers = new TinyQueue<Timer>([], (a, b) => a.at - b.at || a.order - b.order);

  now(): number {
    return this.#now;
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.wake = undefined;
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer: Timer = { at: this.#now + Math.max(ms, 0), order: this.#order++, wake };
      this.#timers.push(timer);
      signal?.addEventListener("abort", wake);
      this.#turn();
    });
  }

  /** One timer at a time: what it wakes comes to rest before the next one. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      let next = this.#timers.pop();
      while (next !== undefined && next.wake === undefined) next = this.#timers.pop();
      if (next === undefined) return;
      this.#now = Math.max(this.#now, next.at);
      next.wake?.();
      if (this.#timers.length > 0) this.#turn();
    });
  }
}
