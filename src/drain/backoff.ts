// How long to go on asking a server that is away or wants fewer calls.
import type { Clock } from "./clock.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface BackoffOptions {
  readonly clock: Clock;
  /** For how long to go on, from the first failure, milliseconds. */
  readonly retryForMs: number;
  /** 0 to 1; spreads the pauses of many drains. */
  readonly random: () => number;
}

/** Pauses that grow, with jitter, until there have been enough. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;
  #giveUpAt = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** It worked: the next failure is a first one. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * It failed: pauses before another attempt; shorter when `hurry` is aborted.
   *
   * @returns false, at once, when there is no more time for one
   */
  async pause(hurry?: AbortSignal): Promise<boolean> {
    const { clock, retryForMs, random } = this.#options;
    if (this.#failures === 0) this.#giveUpAt = clock.now() + retryForMs;
    const full = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    const pause = full * (0.5 + random() / 2);
    this.#failures += 1;
    if (hurry?.aborted === true || clock.now() + pause > this.#giveUpAt) return false;
    await clock.wait(pause, hurry);
    return true;
  }
}
