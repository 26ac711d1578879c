// How long the requests of one process failed without an answer in between.

/** The part of `--retry-for` after which a run may give up: the next pause may be as long as all before. */
export const LEAST_PATIENCE = 0.4;

export class Outages {
  /** The longest time from a first failure to a later one, virtual milliseconds; -Infinity without a failure. */
  longest = -Infinity;
  readonly #now: () => number;
  readonly #since = new Map<string, number>();

  /** @param now virtual milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param what is retried by itself, until it is answered */
  failed(what: string): void {
    const now = this.#now();
    const since = this.#since.get(what) ?? now;
    this.#since.set(what, since);
    this.longest = Math.max(this.longest, now - since);
  }

  answered(what: string): void {
    this.#since.delete(what);
  }

  /** Virtual milliseconds since the first failure that nothing answered since. */
  lasts(what: string): number {
    const now = this.#now();
    return now - (this.#since.get(what) ?? now);
  }
}
