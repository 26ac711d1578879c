// Retries with exponential backoff and a time limit, for SQS or Postgres when it is unavailable or throttles.
import type { Clock } from "./clock.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface BackoffOptions {
  readonly clock: Clock;
  /** Time limit, counted from the first failure, milliseconds. */
  readonly retryForMs: number;
  /** 0 to 1; the jitter, which keeps concurrent drains from retrying in step. */
  readonly random: () => number;
}

/** Pauses that double, with jitter, until the time limit. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;
  #giveUpAt = 0;
  #pausing: Promise<boolean> | undefined;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Call after a success: the next failure counts as the first. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Call after a failure. Waits before the next attempt, until `hurry` is aborted at the latest. Calls that fail during a pause share it:
   * they were sent before it, so that they say nothing new.
   *
   * @returns false, at once, if the time limit is over
   */
  pause(hurry: AbortSignal): Promise<boolean> {
    this.#pausing ??= this.#pause(hurry).finally(() => {
      this.#pausing = undefined;
    });
    return this.#pausing;
  }

  async #pause(hurry: AbortSignal): Promise<boolean> {
    const { clock, retryForMs, random } = this.#options;
    if (this.#failures === 0) this.#giveUpAt = clock.now() + retryForMs;
    const remaining = this.#giveUpAt - clock.now();
    if (hurry.aborted || remaining <= 0) return false;
    const full = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    // The last attempt is at the time limit.
    await clock.wait(Math.min(full * (0.5 + random() / 2), remaining), hurry);
    return true;
  }
}
