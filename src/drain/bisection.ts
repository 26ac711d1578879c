// Finds the items that Postgres refuses in a batch, and a batch size that fits into its statement timeout.
import { RowRefused, StatementCancelled } from "./ports.ts";

export interface Refused<T> {
  readonly item: T;
  readonly error: RowRefused;
}

/** From this many refusals for the same reason on, with no row written, the table or a missing right is the cause. */
export const ALIKE = 10;

export class Bisection<T> {
  readonly #load: (items: readonly T[]) => Promise<number>;
  /** Maximum items per call; lowered after a statement was cancelled for its length. */
  #maxItems = Infinity;
  #passed = false;

  /** @param load writes all items or none, and returns the number of new rows; throws as `Loader.load` does */
  constructor(load: (items: readonly T[]) => Promise<number>) {
    this.#load = load;
  }

  /** Whether any row was written so far. */
  get passed(): boolean {
    return this.#passed;
  }

  /**
   * Writes every item that Postgres accepts. One bad item among 500 costs about twenty calls.
   *
   * @returns the items that Postgres refuses even alone; all others are written
   * @throws {Failure} if everything is refused for a reason that is not in the values, or if one item alone takes too long
   */
  async write(items: readonly T[]): Promise<Refused<T>[]> {
    const refused: Refused<T>[] = [];
    const parts = [items];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const [item] = part;
      if (item === undefined) continue;
      if (part.length > this.#maxItems) {
        parts.push(...halves(part));
        continue;
      }
      try {
        if ((await this.#load(part)) > 0) this.#passed = true;
      } catch (error) {
        if (!(error instanceof RowRefused) && !(error instanceof StatementCancelled)) throw error;
        if (part.length > 1) {
          if (error instanceof StatementCancelled) this.#maxItems = Math.ceil(part.length / 2);
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

/** The second half first, because `parts` is a stack. */
function halves<T>(items: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(middle), items.slice(0, middle)];
}
