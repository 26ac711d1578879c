// Finds what a batch was refused for, and how large a batch the database has time for.
import { RowRefused, StatementCancelled } from "./ports.ts";

export interface Refused<T> {
  readonly item: T;
  readonly error: RowRefused;
}

/** So many items refused alike, and nothing that passed: the table is at fault, or a right is missing. */
export const ALIKE = 10;

export class Bisection<T> {
  readonly #load: (items: readonly T[]) => Promise<number>;
  /** The most items a call: fewer once a call took too long. */
  #most = Infinity;
  #passed = false;

  /** @param load writes all items or none, and returns how many rows that made; throws as `Loader.load` does */
  constructor(load: (items: readonly T[]) => Promise<number>) {
    this.#load = load;
  }

  /** Whether a row was ever written. */
  get passed(): boolean {
    return this.#passed;
  }

  /**
   * Writes what goes. One bad item among 500 costs about twenty calls.
   *
   * @returns the items that are refused each by itself; all others are written
   * @throws {Failure} where everything is refused, in a way that values do not explain; and where one item alone takes too long
   */
  async write(items: readonly T[]): Promise<Refused<T>[]> {
    const refused: Refused<T>[] = [];
    const parts = [items];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const [item] = part;
      if (item === undefined) continue;
      if (part.length > this.#most) {
        parts.push(...halves(part));
        continue;
      }
      try {
        if ((await this.#load(part)) > 0) this.#passed = true;
      } catch (error) {
        if (!(error instanceof RowRefused) && !(error instanceof StatementCancelled)) throw error;
        if (part.length > 1) {
          if (error instanceof StatementCancelled) this.#most = Math.ceil(part.length / 2);
          parts.push(...halves(part));
        } else if (error instanceof StatementCancelled) throw error.failure;
        else refused.push({ item, error });
      }
      if (refused.length >= ALIKE) this.#throwIfStructural(refused);
    }
    this.#throwIfStructural(refused);
    return refused;
  }

  /** One that is about the table is a row's own only where another row passed. */
  #throwIfStructural(refused: readonly Refused<T>[]): void {
    if (this.#passed) return;
    const structural = refused.find(({ error }) => error.refusal.of === "table");
    if (structural !== undefined) throw structural.error.failure;
  }
}

/** The second one first, for a stack. */
function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(middle), items.slice(0, middle)];
}
