// Virtual time: it advances only when nothing else is left to do.
import type { Clock } from "../../src/drain/clock.ts";

interface Timer {
  readonly at: number;
  readonly wake: () => void;
}

/** Jumps to the next timer as soon as the event loop is idle. */
export class VirtualClock implements Clock {
  #now = 0;
  #turning = false;
  /** In the order in which they were set. */
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#timers.delete(timer);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer: Timer = { at: this.#now + Math.max(ms, 0), wake };
      this.#timers.add(timer);
      signal?.addEventListener("abort", wake);
      this.#turn();
    });
  }

  /** Fires one timer at a time, so that the code it wakes finishes before the next. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      const [first, ...others] = this.#timers;
      if (first === undefined) return;
      const next = others.reduce((earliest, timer) => (timer.at < earliest.at ? timer : earliest), first);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      if (this.#timers.size > 0) this.#turn();
    });
  }
}
