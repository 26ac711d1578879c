// How many drains do together, simulated from what one was measured to take: the tables of docs/parallel-drains.md.
import { DRAIN_DEFAULTS } from "../../src/config/defaults.ts";
import { AWS, MEASURED_BY_HAND } from "../capacity/capacity.ts";
import type { Figure } from "../figures/figures.ts";
import { entryOf, medianOf } from "../figures/results.ts";
import { known } from "../figures/statistics.ts";
import { markdown, whole } from "../report/markdown.ts";
import type { Report } from "../report/report.ts";
import { POSTGRES_DELAY_MS } from "../scenarios.ts";
import { simulate, type Fleet, type FleetResult } from "./fleet.ts";

type Results = Pick<Report, "scenarios" | "machine">;

/** Long polls that find nothing at the end of a run, seconds. */
const LAST_POLLS = 2;
/** Messages for each. */
const A_WORKER = 10_000;
const A_FIFO_WORKER = 5_000;
const STANDARD = { inFlight: AWS.inFlight, callsPerSecond: Infinity };
const FIFO = { inFlight: AWS.inFlight, callsPerSecond: AWS.fifoCalls };

/** Throughput measured and simulated, messages a second. */
export interface Comparison {
  readonly latencyMs: number;
  readonly workers: number;
  readonly measured: number;
  readonly simulated: number;
}

/** The benchmark's own runs of 1, 2 and 4 processes, in simulation: all on its one machine, from what its run of one process took. */
export async function compare(results: Results, latencyMs: number): Promise<Comparison[]> {
  const { scenarios, machine } = results;
  const scenario = `processes-${latencyMs}ms`;
  const measured = (workers: number, figure: Figure): number =>
    medianOf(scenarios, { scenario, entry: `${workers} × fetch-etl`, figure });
  const perWorker = known(entryOf(scenarios, { scenario, entry: "1 × fetch-etl" })?.messages);
  const startMs = startOf(results);
  const cpu = measured(1, "cpu");
  const comparisons: Comparison[] = [];
  for (const workers of [1, 2, 4]) {
    const { throughput } = await simulate({
      ...{
        workers,
        messages: workers * perWorker,
        concurrency: 4,
        batchSize: DRAIN_DEFAULTS.batchSize,
        startMs,
      },
      sqs: { limits: STANDARD, latencyMs },
      postgres: {
        roundTripMs: POSTGRES_DELAY_MS,
        cores: Infinity,
        cpuPerRow: MEASURED_BY_HAND.postgresCpuPerRow,
      },
      cpuPerMessage: cpu - (startMs * 1000) / perWorker,
      sharedMachine: {
        cores: machine.cores,
        sqsCpuPerMessage: measured(1, "machineCpu") - cpu - MEASURED_BY_HAND.postgresCpuPerRow,
      },
    });
    comparisons.push({
      latencyMs,
      workers,
      measured: measured(workers, "throughput"),
      simulated: throughput,
    });
  }
  return comparisons;
}

export function comparisonTable(comparisons: readonly Comparison[]): string {
  const alone = (latencyMs: number): Comparison | undefined =>
    comparisons.find((each) => each.latencyMs === latencyMs && each.workers === 1);
  return markdown(
    [
      "per call",
      "drains",
      "messages/s, measured",
      "simulated",
      "relative to one drain, measured",
      "simulated",
    ],
    comparisons.map(({ latencyMs, workers, measured, simulated }) => [
      `${latencyMs} ms`,
      ...[workers, measured, simulated].map(whole),
      `${(measured / known(alone(latencyMs)?.measured)).toFixed(2)}×`,
      `${(simulated / known(alone(latencyMs)?.simulated)).toFixed(2)}×`,
    ]),
  );
}

/** As many drains of a standard queue, each on a core of its own, into one Postgres of few and of many cores. */
export async function manyTable(results: Results, counts: readonly number[]): Promise<string> {
  const rows: string[][] = [];
  for (const workers of counts) {
    const [few, many] = [
      await onTheirOwn(results, workers, { cores: 1 }),
      await onTheirOwn(results, workers, { cores: 8 }),
    ];
    rows.push([workers, few.throughput, few.mostInFlight, many.throughput, many.mostInFlight].map(whole));
  }
  return markdown(
    ["drains", "1 core: messages/s", "max in flight", "8 cores: messages/s", "max in flight"],
    rows,
  );
}

/** One and four drains of a FIFO queue, by the number of its message groups. */
export async function fifoTable(results: Results, groupCounts: readonly number[]): Promise<string> {
  const rows: string[][] = [];
  for (const groups of groupCounts) {
    const found: number[] = [];
    for (const leave of [false, true]) {
      for (const workers of [1, 4])
        found.push((await onTheirOwn(results, workers, { cores: 8, fifo: { groups, leave } })).throughput);
    }
    rows.push([groups, ...found].map(whole));
  }
  return markdown(["message groups", "1 drain", "4 drains", "1 drain, `leave`", "4 drains, `leave`"], rows);
}

async function onTheirOwn(
  results: Results,
  workers: number,
  { cores, fifo }: { cores: number; fifo?: { groups: number; leave: boolean } },
): Promise<FleetResult> {
  const drained = { scenario: "20ms", entry: "fetch-etl" };
  const perWorker = known(entryOf(results.scenarios, drained)?.messages);
  const fleet: Fleet = {
    ...{ workers, messages: workers * (fifo === undefined ? A_WORKER : A_FIFO_WORKER) },
    ...{ concurrency: DRAIN_DEFAULTS.concurrency, batchSize: DRAIN_DEFAULTS.batchSize },
    startMs: 0,
    sqs: { limits: fifo === undefined ? STANDARD : FIFO, latencyMs: 20, ...fifo },
    postgres: { roundTripMs: POSTGRES_DELAY_MS, cores, cpuPerRow: MEASURED_BY_HAND.postgresCpuPerRow },
    cpuPerMessage:
      medianOf(results.scenarios, { ...drained, figure: "cpu" }) - (startOf(results) * 1000) / perWorker,
  };
  const result = await simulate(fleet);
  if (result.loaded !== fleet.messages)
    throw new Error(`${result.loaded} messages were loaded of ${fleet.messages}`);
  return result;
}

/** Milliseconds from a process's start to its first receive: of a run on an empty queue all that is not polling. */
function startOf({ scenarios }: Results): number {
  const whole = medianOf(scenarios, { scenario: "empty", entry: "loopback", figure: "whole" });
  return (whole - LAST_POLLS) * 1000;
}
