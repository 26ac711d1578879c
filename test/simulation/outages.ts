// How long the requests of one process failed without an answer in between.
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

/** The part of `--retry-for` after which a run may give up: the next pause may be as long as all before. */
export const LEAST_PATIENCE = 0.4;

/** A failure during a pause counts only if a later one follows: the longest pause, and the latest answer of a call that is not silent. */
const UNCOUNTED_MS = 10_000;

export class Outages {
  readonly #now: () => number;
  readonly #since = new Map<string, number>();
  readonly #lastAt = new Map<string, number>();
  readonly #longest = new Map<string, number>();

  /** @param now virtual milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param what is retried by itself, until it is answered */
  failed(what: string): void {
    const now = this.#now();
    const since = this.#since.get(what) ?? now;
    this.#since.set(what, since);
    this.#lastAt.set(what, now);
    this.#longest.set(what, Math.max(this.longestOf(what), now - since));
  }

  /** The longest time from a first failure to a later one, virtual milliseconds; -Infinity without a failure. */
  longestOf(what: string): number {
    return this.#longest.get(what) ?? -Infinity;
  }

  /** Of anything. */
  get longest(): number {
    return Math.max(...this.#longest.values());
  }

  answered(what: string): void {
    this.#since.delete(what);
  }

  /** Call before an attempt: none follows a failure after the time limit, but where a call may be silent for longer. */
  requireEnd(world: World, life: Life, what: string, retryForSeconds: number): void {
    const since = this.#since.get(what);
    const triedFor = since === undefined ? 0 : (this.#lastAt.get(what) ?? since) - since;
    world.require(
      life.wasSuspended ||
        world.faults.wasPlayed("sqs silent") ||
        triedFor <= retryForSeconds * 1000 + UNCOUNTED_MS,
      () => `${life.name} tries again after ${Math.round(triedFor)} ms (${what})`,
    );
  }

  /** Virtual milliseconds since the first failure that nothing answered since. */
  lasts(what: string): number {
    const now = this.#now();
    return now - (this.#since.get(what) ?? now);
  }
}
