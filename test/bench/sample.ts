// Invented results of a benchmark.
import { scenarioResult, type Figures, type ScenarioResult } from "../../bench/figures/results.ts";
import type { ContenderName } from "../../bench/contenders.ts";

export const NOTHING: Figures = {
  throughput: null,
  cpu: null,
  memory: null,
  receives: null,
  deletes: null,
  others: null,
  requests: null,
  afterLast: null,
  whole: 1,
  serverBusy: null,
  machineBusy: null,
};

/** A scenario in which each contender had these figures, one per round. */
export function sample(
  name: string,
  rounds: Partial<Record<ContenderName, readonly Partial<Figures>[]>>,
): ScenarioResult {
  const contenders: ContenderName[] = ["fetch-etl", "sdk-loop", "sqs-consumer"];
  return scenarioResult(
    { name, title: `Scenario ${name}` },
    new Map(
      contenders.flatMap((contender) => {
        const figures = rounds[contender]?.map((round) => ({ ...NOTHING, ...round }));
        return figures === undefined ? [] : [[{ label: contender, contender, messages: 20_000 }, figures]];
      }),
    ),
  );
}
