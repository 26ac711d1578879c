// Choices that bytes make, so that fast-check can shrink them: a 0, or the end of the bytes, is the first choice.

export class Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** From 0 to `below - 1`. */
  nat(below: number): number {
    let value = this.#byte();
    if (below > 256) value = value * 256 + this.#byte();
    return value % below;
  }

  pick<Item>(...items: readonly [Item, ...Item[]]): Item {
    return items[this.nat(items.length)] ?? items[0];
  }

  /** No, unless it happens in so many of 100 cases. */
  isRare(percent: number): boolean {
    return this.#byte() >= 256 - percent * 2.56;
  }

  times<Item>(count: number, make: (nth: number) => Item): Item[] {
    return Array.from({ length: count }, (_each, nth) => make(nth));
  }

  #byte(): number {
    this.#at += 1;
    return this.#bytes[this.#at - 1] ?? 0;
  }
}
