// The clock port of the drain loop.
import { setTimeout } from "node:timers/promises";

export interface Clock {
  /** Monotonic time, milliseconds. */
  now(): number;
  /** Waits for `ms` milliseconds, or until `signal` is aborted, whichever comes first. Never throws. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wait: async (ms, signal) => {
    await setTimeout(ms, undefined, { signal }).catch(() => undefined);
  },
};
