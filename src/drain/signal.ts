// Lets one loop sleep until something has changed.

/** For one waiter. A ring that comes while nobody waits is kept for the next wait. */
export class Signal {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Waits for a ring, or for `orUntil`. */
  async wait(orUntil?: Promise<void>): Promise<void> {
    if (!this.#rung) {
      const ring = new Promise<void>((resolve) => (this.#wake = resolve));
      await (orUntil === undefined ? ring : Promise.race([ring, orUntil]));
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
