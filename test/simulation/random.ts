// Random numbers from a seed: the same seed gives the same numbers on every machine.

/** The generator sfc32 (Chris Doty-Humphrey, PractRand). */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed an integer; `stream` makes generators of one seed independent */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = stream | 0;
    for (let round = 0; round < 15; round += 1) this.next();
  }

  /** 0 to 1, without 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A number from `from` up to, and without, `to`. */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** An integer from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.integer(0, items.length - 1)] ?? items[0];
  }

  /** At most `most` of the items, in any order. Changes the order of `items`. */
  some<T>(items: T[], most: number): T[] {
    const count = Math.min(most, items.length);
    for (let place = 0; place < count; place += 1) {
      const other = this.integer(place, items.length - 1);
      const [one, two] = items.slice(place, place + 1).concat(items.slice(other, other + 1));
      if (one !== undefined && two !== undefined) [items[place], items[other]] = [two, one];
    }
    return items.slice(0, count);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index += 1) bytes[index] = this.integer(0, 255);
    return bytes;
  }
}
