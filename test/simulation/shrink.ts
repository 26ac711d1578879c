// Finds the fewest faults with which a seed still fails.
import { simulate, type Outcome } from "./run.ts";

/** Two failures are the same if they differ in numbers alone. */
export function kindOf(broken: string): string {
  return broken.replace(/\d+/g, "#").slice(0, 60);
}

/**
 * Delta debugging (Zeller and Hildebrandt): leaves out ever smaller parts of the faults, as long as the same promise is broken.
 *
 * @param mostRuns how often the seed is run at most
 */
export async function shrink(failed: Outcome, mostRuns = 500): Promise<Outcome> {
  const kind = kindOf(failed.broken ?? "");
  let smallest = failed;
  let parts = 2;
  let runs = 0;
  while (smallest.played.length > 0 && runs < mostRuns) {
    const { played } = smallest;
    const size = Math.ceil(played.length / parts);
    let found: Outcome | undefined;
    for (let start = 0; start < played.length && found === undefined && runs < mostRuns; start += size) {
      runs += 1;
      const only = new Set(played.filter((_, place) => place < start || place >= start + size));
      const outcome = await simulate(failed.seed, { only });
      if (outcome.broken !== undefined && kindOf(outcome.broken) === kind) found = outcome;
    }
    if (found !== undefined) {
      smallest = found;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(played.length, parts * 2);
  }
  return simulate(failed.seed, { only: new Set(smallest.played), withHistory: true });
}
