// What a whole bench yields: what `--json` prints and `bench/results/` holds.
import type { Entry, Scenario } from "../scenarios.ts";
import type { Figure, Figures } from "./figures.ts";
import { median } from "./statistics.ts";

export interface EntryResult extends Entry {
  readonly median: Figures;
  /** One of each round, in the rounds' order. */
  readonly rounds: readonly Figures[];
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  readonly entries: readonly EntryResult[];
}

export function scenarioResult(
  { name, title }: Pick<Scenario, "name" | "title">,
  rounds: ReadonlyMap<Entry, readonly Figures[]>,
): ScenarioResult {
  const entries = [...rounds].map(([entry, figures]) => ({
    ...entry,
    median: medians(figures),
    rounds: figures,
  }));
  return { name, title, entries };
}

/** The figure in each round of an entry; undefined when the entry was not run. */
export function figureOf(
  results: readonly ScenarioResult[],
  { scenario, entry, figure }: { scenario: string; entry: string; figure: Figure },
): (number | null)[] | undefined {
  return results
    .find(({ name }) => name === scenario)
    ?.entries.find(({ label }) => label === entry)
    ?.rounds.map((figures) => figures[figure]);
}

function medians(rounds: readonly Figures[]): Figures {
  const of = (figure: Figure): number | null => median(rounds.flatMap((figures) => figures[figure] ?? []));
  return {
    throughput: of("throughput"),
    cpu: of("cpu"),
    memory: of("memory"),
    receives: of("receives"),
    deletes: of("deletes"),
    others: of("others"),
    requests: of("requests"),
    afterLast: of("afterLast"),
    whole: of("whole") ?? 0,
  };
}
