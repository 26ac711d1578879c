// The results of a benchmark: what `--json` prints and `bench/results/` stores.
import type { Entry, Scenario } from "../scenarios.ts";
import { known, median } from "./statistics.ts";

/** The figures of one run. Null if a figure has no meaning, such as a rate without messages. */
export interface Figures {
  /** Messages per second, from the first receive to the last response to a delete. */
  readonly throughput: number | null;
  /** Microseconds of CPU per message, for all processes of the contender. */
  readonly cpu: number | null;
  /** Peak memory of the largest process, MiB. */
  readonly memory: number | null;
  /** SQS requests per message. */
  readonly receives: number | null;
  readonly deletes: number | null;
  readonly others: number | null;
  readonly requests: number | null;
  /** Seconds from the last response to a delete to the end of the (last) process. */
  readonly afterLast: number | null;
  /** Seconds from the start of the (first) process to the end of the (last). */
  readonly whole: number;
  /** From the first receive until the queue was empty, from 0 to 1: how busy the SQS server's event loop was, and all cores of the machine. */
  readonly serverBusy: number | null;
  readonly machineBusy: number | null;
}

export type Figure = keyof Figures;

export interface EntryResult extends Entry {
  readonly median: Figures;
  /** One per round, in order. */
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

/** The figure in each round of an entry; empty if the entry did not run. */
export function figureOf(results: readonly ScenarioResult[], { figure, ...asked }: Asked): (number | null)[] {
  return entryOf(results, asked)?.rounds.map((figures) => figures[figure]) ?? [];
}

/** @throws Error if the entry did not run, or has no such figure */
export function medianOf(results: readonly ScenarioResult[], { figure, ...asked }: Asked): number {
  return known(entryOf(results, asked)?.median[figure]);
}

function entryOf(
  results: readonly ScenarioResult[],
  { scenario, entry }: Omit<Asked, "figure">,
): EntryResult | undefined {
  return results.find(({ name }) => name === scenario)?.entries.find(({ label }) => label === entry);
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
    serverBusy: of("serverBusy"),
    machineBusy: of("machineBusy"),
  };
}
