// A world in which nothing happens but what a test asks for: to compare the models with the real servers, one call at a time.
import { Faults, type FaultKind } from "./faults.ts";
import { World } from "./world.ts";

/** The longest time that two latencies take, milliseconds. */
const ARRIVAL_MS = 1000;

/** Plays a fault the next time that it can happen, if it was asked for. */
class AskedFor extends Faults {
  readonly #next = new Set<FaultKind>();

  constructor() {
    super(0, new Set());
  }

  next(...kinds: readonly FaultKind[]): void {
    this.#next.clear();
    for (const kind of kinds) this.#next.add(kind);
  }

  override play(kind: FaultKind): boolean {
    return this.#next.delete(kind);
  }
}

export class QuietWorld extends World {
  override readonly faults = new AskedFor();

  /** @param now epoch milliseconds */
  constructor(seed: number, now: number) {
    super(seed, { withHistory: false });
    this.schedule.now = now;
  }

  /** Lets time pass until the work is done. */
  async finish<T>(work: Promise<T>): Promise<T> {
    const state = { isOver: false };
    const ended = (): void => {
      state.isOver = true;
    };
    void work.then(ended, ended);
    await this.schedule.run(() => state.isOver);
    if (!state.isOver) throw new Error("a call waits for something that never happens");
    return work;
  }

  /** Lets everything end that was started. */
  async settle(): Promise<void> {
    await this.schedule.run(() => false);
  }

  /** Lets what was started arrive at the server. */
  async arrive(): Promise<void> {
    await this.finish(this.schedule.sleep(ARRIVAL_MS));
  }
}
