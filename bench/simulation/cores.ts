// What can do only so much at once: the cores of a machine, or a thread, which is one.
import type { Clock } from "../../src/drain/clock.ts";

/** So many at once; the others wait for their turn. */
export class Cores {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async hold(work: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await work();
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** A process of one thread, on a machine that it may share. */
export class Thread {
  readonly #clock: Clock;
  readonly #machine: Cores;
  readonly #self = new Cores(1);

  constructor(clock: Clock, machine: Cores) {
    this.#clock = clock;
    this.#machine = machine;
  }

  /** Computes for so many milliseconds of CPU time. */
  compute(ms: number): Promise<void> {
    return this.#self.hold(() => this.#machine.hold(() => this.#clock.wait(ms)));
  }
}
