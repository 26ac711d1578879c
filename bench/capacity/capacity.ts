// Resources by messages per day, from measured figures and AWS limits: the tables of docs/scaling.md. Pure.
import type { Figure } from "../figures/figures.ts";
import { medianOf } from "../figures/results.ts";
import { known } from "../figures/statistics.ts";
import { markdown, whole } from "../report/markdown.ts";
import type { Report } from "../report/report.ts";

/** AWS's, for the page to cite. */
export const AWS = {
  /** USD a million requests, standard queue, us-east-1. */
  usdPerMillionRequests: 0.4,
  /** Messages that may be received and not yet deleted, in either kind of queue. */
  inFlight: 120_000,
  /** Calls a second for each action of a FIFO queue that is not of high throughput; a call takes ten messages. */
  fifoCalls: 300,
} as const;

/** What the page assumes. */
export const ASSUMED = {
  /** How much more than the mean comes in the busiest hour. */
  peak: 3,
  /** Drains a day: one every five minutes. */
  runs: 288,
  /** Requests of a run on an empty queue; one that finds something makes two more that are not full. */
  requestsOfEmptyRun: 6,
  requestsNotFull: 2,
  /** How often KEDA looks at the queue's depth, seconds. */
  kedaPolls: 30,
  daysOfMonth: 30,
  /** The shortest that `--ledger-days` takes, and its default. */
  ledgerDays: [15, 30],
  /** GB that a partition may have at most. */
  partition: 100,
} as const;

/** What a single look showed, which no run of the benchmark repeats. */
export const MEASURED_BY_HAND = {
  /** Microseconds of a core that Postgres has to do for a row (docs/benchmark.md). */
  postgresCpuPerRow: 12,
  /** Entries of the ledger that a run forgets a second: 3 million in 12 s. */
  prunedPerSecond: 250_000,
} as const;

const DAY = 86_400;
const GB = 1e9;

/** What was measured, a message or a second. */
export interface Measured {
  /** Messages a second of one drain, at 20 ms a call. */
  readonly throughput: number;
  /** Seconds that a run on an empty queue takes, at 20 ms a call. */
  readonly emptyRun: number;
  readonly requests: number;
  /** Microseconds. */
  readonly cpu: number;
  /** Bytes. */
  readonly row: number;
  readonly ledgerEntry: number;
  readonly vaultEntries: number;
}

/** What `table-sizes.ts` keeps. */
export interface TableSizes {
  readonly bytesPerMessage: Readonly<Record<string, number>>;
}

/** @throws Error where a figure is missing */
export function measuredIn(report: Pick<Report, "scenarios">, sizes: TableSizes): Measured {
  const drained = (figure: Figure): number =>
    medianOf(report.scenarios, { scenario: "20ms", entry: "fetch-etl", figure });
  return {
    throughput: drained("throughput"),
    emptyRun: medianOf(report.scenarios, { scenario: "empty", entry: "20 ms", figure: "whole" }),
    requests: drained("requests"),
    cpu: drained("cpu"),
    row: known(sizes.bytesPerMessage["public.user_logins"]),
    ledgerEntry: known(sizes.bytesPerMessage["fetch_etl.ledger"]),
    vaultEntries: known(sizes.bytesPerMessage["fetch_etl.vault"]),
  };
}

/** What there is to do, a line for each number of messages a day. */
export function workTable(measured: Measured, perDay: readonly number[]): string {
  return markdown(
    [
      "messages per day",
      "per second",
      "at peak",
      "processes",
      "total run time per day",
      "SQS, USD per month",
    ],
    perDay.map((messages) => {
      const mean = messages / DAY;
      const usd = usdAMonth(
        messages * measured.requests + ASSUMED.runs * (ASSUMED.requestsOfEmptyRun + ASSUMED.requestsNotFull),
      );
      return [
        whole(messages),
        rounded(mean),
        rounded(mean * ASSUMED.peak),
        whole(processesFor(measured, messages)),
        duration(messages / measured.throughput + ASSUMED.runs * measured.emptyRun),
        usd < 10 ? usd.toFixed(2) : whole(usd),
      ];
    }),
  );
}

/** What there is to keep, likewise. */
export function diskTable(measured: Measured, perDay: readonly number[]): string {
  return markdown(
    [
      ...["messages per day", "`user_logins` per day", "per year", "partitions"],
      ...ASSUMED.ledgerDays.map((days) => `ledger, ${days} days`),
    ],
    perDay.map((messages) => [
      whole(messages),
      bytes(messages * measured.row),
      bytes(messages * measured.row * 365),
      partitions(messages * measured.row),
      ...ASSUMED.ledgerDays.map((days) => bytes(messages * measured.ledgerEntry * days)),
    ]),
  );
}

export function usdAMonth(requestsADay: number): number {
  return (requestsADay * ASSUMED.daysOfMonth * AWS.usdPerMillionRequests) / 1e6;
}

/** Processes that keep up in the busiest hour. Each holds one connection to Postgres. */
export function processesFor({ throughput }: Measured, perDay: number): number {
  return Math.ceil(((perDay / DAY) * ASSUMED.peak) / throughput);
}

/**
 * The most messages that one drain holds: in its buffer or being written, waiting for a delete, being deleted
 * (`src/drain/loop.ts`).
 */
export function mostHeld({ concurrency, batchSize }: { concurrency: number; batchSize: number }): number {
  const buffer = 2 * batchSize + 10 * concurrency;
  const waiting = 2 * batchSize + batchSize;
  return buffer + waiting + 10 * concurrency;
}

/** By the longest time of which the rows fit into one. */
function partitions(bytesADay: number): string {
  const fits = (days: number): boolean => bytesADay * days <= ASSUMED.partition * GB;
  if (fits(365)) return "none";
  return fits(31) ? "monthly" : "daily";
}

/** Two digits that count. */
function rounded(value: number): string {
  return value >= 10 ? whole(value) : String(Number(value.toPrecision(2)));
}

function duration(seconds: number): string {
  if (seconds < 100) return `${rounded(seconds)} s`;
  return seconds < 5_400 ? `${rounded(seconds / 60)} min` : `${rounded(seconds / 3600)} h`;
}

function bytes(value: number): string {
  if (value < 1e9) return `${rounded(value / 1e6)} MB`;
  return value < 1e12 ? `${rounded(value / 1e9)} GB` : `${rounded(value / 1e12)} TB`;
}
