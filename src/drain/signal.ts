// Wakes a loop when something has changed.

/** For one waiter. A ring without a waiter ends the next wait at once. */
export class Signal {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Waits for a ring or for `orUntil`, whichever comes first. */
  async wait(orUntil?: Promise<void>): Promise<void> {
    if (!this.#rung) {
      const ring = new Promise<void>((resolve) => (this.#wake = resolve));
      await (orUntil === undefined ? ring : Promise.race([ring, orUntil]));
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
