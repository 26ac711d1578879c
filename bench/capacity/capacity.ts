// Resources by messages per day, from measured figures and AWS limits: the tables of docs/scaling.md. Pure.
import { medianOf, type Figure } from "../figures/results.ts";
import { known } from "../figures/statistics.ts";
import type { Report } from "../report/report.ts";
import { markdown, whole } from "../report/tables.ts";

/** Prices and limits of AWS. */
export const AWS = {
  /** USD per million requests, standard queue, us-east-1. */
  usdPerMillionRequests: 0.4,
  /** Messages in flight, per queue. */
  inFlight: 120_000,
  /** Calls per second and action for a FIFO queue without high throughput; ten messages per call. */
  fifoCalls: 300,
} as const;

/** Assumptions of the page. */
export const ASSUMED = {
  /** Rate in the busiest hour, relative to the average. */
  peak: 3,
  /** Drains per day: one every five minutes. */
  runs: 288,
  /** Requests of a run on an empty queue; a run that finds messages makes two more that are not full. */
  requestsOfEmptyRun: 5,
  requestsNotFull: 2,
  /** Seconds between KEDA's queries of the queue's depth. */
  kedaPolls: 30,
  daysOfMonth: 30,
  /** The minimum of `--ledger-days`, and its default. */
  ledgerDays: [15, 30],
  /** Maximum size of a partition, GB. */
  partition: 100,
} as const;

/** Ledger entries that a run prunes per second: 3 million in 12 s, measured once by hand. */
export const PRUNED_PER_SECOND = 250_000;

const DAY = 86_400;
const GB = 1e9;

/** Measured figures, per message or per second. */
export interface Measured {
  /** Messages per second of one drain, at 20 ms per call. */
  readonly throughput: number;
  /** Seconds of a run on an empty queue, at 20 ms per call. */
  readonly emptyRun: number;
  readonly requests: number;
  /** Microseconds. */
  readonly cpu: number;
  /** Bytes. */
  readonly row: number;
  readonly ledgerEntry: number;
  readonly vaultEntries: number;
}

/** The results of `table-sizes.ts`. */
export interface TableSizes {
  readonly bytesPerMessage: Readonly<Record<string, number>>;
}

/** @throws Error if a figure is missing */
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

/** Processes, time and cost: one line per number of messages per day. */
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

/** Disk space, one line per number of messages per day. */
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

/** The processes needed in the busiest hour. Each uses one connection to Postgres. */
export function processesFor({ throughput }: Measured, perDay: number): number {
  return Math.ceil(((perDay / DAY) * ASSUMED.peak) / throughput);
}

/** The maximum number of messages that one drain holds: in its buffer or in a batch (`src/drain/capacity.ts`), or not deleted yet. */
export function mostHeld({ concurrency, batchSize }: { concurrency: number; batchSize: number }): number {
  const buffer = 2 * batchSize + 10 * concurrency;
  return buffer + 2 * batchSize + batchSize;
}

/** The longest period whose rows fit into one partition. */
function partitions(bytesADay: number): string {
  const fits = (days: number): boolean => bytesADay * days <= ASSUMED.partition * GB;
  if (fits(365)) return "none";
  return fits(31) ? "monthly" : "daily";
}

/** Two significant digits. */
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
