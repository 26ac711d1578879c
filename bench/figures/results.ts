// What a whole bench yields: what `--json` prints and `bench/results/` holds.
import type { Entry, Scenario } from "../scenarios.ts";
import type { Figure, Figures } from "./figures.ts";
import { known, median } from "./statistics.ts";

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

/** A figure of one entry. */
interface Asked {
  readonly scenario: string;
  readonly entry: string;
  readonly figure: Figure;
}

/** The figure in each round of an entry; undefined when the entry was not run. */
export function figureOf(
  results: readonly ScenarioResult[],
  { figure, ...asked }: Asked,
): (number | null)[] | undefined {
  return entryOf(results, asked)?.rounds.map((figures) => figures[figure]);
}

/** @throws Error when the entry was not run, or has no such figure */
export function medianOf(results: readonly ScenarioResult[], { figure, ...asked }: Asked): number {
  return known(entryOf(results, asked)?.median[figure]);
}

export function entryOf(
  results: readonly ScenarioResult[],
  { scenario, entry }: Pick<Asked, "scenario" | "entry">,
): EntryResult | undefined {
  return results.find(({ name }) => name === scenario)?.entries.find(({ label }) => label === entry);
}

function medians(rounds: readonly Figures[]): Figures {
  const of = (figure: Figure): number | null => median(rounds.flatMap((figures) => figures[figure] ?? []));
  return {
    throughput: of("throughput"),
    cpu: of("cpu"),
    machineCpu: of("machineCpu"),
    memory: of("memory"),
    receives: of("receives"),
    deletes: of("deletes"),
    others: of("others"),
    requests: of("requests"),
    afterLast: of("afterLast"),
    whole: of("whole") ?? 0,
  };
}
