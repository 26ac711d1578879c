// Runs a scenario: all its entries in each round, each round begun with another one.
import { rotated } from "../figures/statistics.ts";
import { scenarioResult, type ScenarioResult } from "../figures/results.ts";
import type { Figures } from "../figures/figures.ts";
import type { Entry, Scenario } from "../scenarios.ts";
import type { Servers } from "../servers/servers.ts";
import { runEntry } from "./run.ts";

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Gets a line for each run. */
  readonly progress: (line: string) => void;
}

/** @throws Error when a contender does not do its job, or the signal is aborted */
export async function runScenario(
  servers: Servers,
  scenario: Scenario,
  { signal, progress }: RunOptions,
): Promise<ScenarioResult> {
  const results = new Map<Entry, Figures[]>(scenario.entries.map((entry) => [entry, []]));
  for (let round = 0; round < scenario.rounds; round++) {
    for (const entry of rotated(scenario.entries, round)) {
      signal.throwIfAborted();
      const figures = await runEntry(servers, entry, signal);
      results.get(entry)?.push(figures);
      const rate = figures.throughput === null ? "" : `, ${Math.round(figures.throughput)} messages/s`;
      progress(
        `${scenario.name} ${round + 1}/${scenario.rounds}: ${entry.label}, ${figures.whole.toFixed(1)} s${rate}`,
      );
    }
  }
  return scenarioResult(scenario, results);
}
