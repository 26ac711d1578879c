// What so many messages a day take, worked out of what was measured and of AWS's limits: the tables of docs/scaling.md. Pure.
import type { Report } from "../report/report.ts";

/** AWS's, for the page to cite. */
export const AWS = {
  /** USD a million requests, standard queue, us-east-1. */
  usdPerMillionRequests: 0.4,
  /** Messages that may be received and not yet deleted. */
  inFlight: { standard: 120_000, fifo: 20_000 },
  /** Calls a second for each action of a FIFO queue that is not of high throughput; a call takes ten messages. */
  fifoCalls: 300,
} as const;

/** What the page assumes. */
export const ASSUMED = {
  /** How much more than the mean comes in the busiest hour. */
  peak: 3,
  /** Drains a day: one every five minutes. */
  runs: 288,
  /** Requests of a run on an empty queue. */
  requestsOfEmptyRun: 6,
  daysOfMonth: 30,
  /** The shortest that `--ledger-days` takes, and its default. */
  ledgerDays: [15, 30],
  /** GB that a partition may have at most. */
  partition: 100,
} as const;

const DAY = 86_400;
const GB = 1e9;

/** What was measured, a message or a second. */
export interface Measured {
  /** Messages a second of one drain, at 20 ms a call. */
  readonly throughput: number;
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
  const entries = report.scenarios.find(({ name }) => name === "20ms")?.entries;
  const median = entries?.find(({ label }) => label === "fetch-etl")?.median;
  const known = (value: number | null | undefined): number => {
    if (value === null || value === undefined) throw new Error("a figure is missing");
    return value;
  };
  return {
    throughput: known(median?.throughput),
    requests: known(median?.requests),
    cpu: known(median?.cpu),
    row: known(sizes.bytesPerMessage["public.user_logins"]),
    ledgerEntry: known(sizes.bytesPerMessage["fetch_etl.ledger"]),
    vaultEntries: known(sizes.bytesPerMessage["fetch_etl.vault"]),
  };
}

/** What there is to do, a line for each number of messages a day. */
export function workTable(measured: Measured, perDay: readonly number[]): string {
  return markdown(
    ["messages a day", "a second", "at the peak", "processes", "one drain works", "SQS, USD a month"],
    perDay.map((messages) => {
      const mean = messages / DAY;
      const requests = messages * measured.requests + ASSUMED.runs * ASSUMED.requestsOfEmptyRun;
      const usd = (requests * ASSUMED.daysOfMonth * AWS.usdPerMillionRequests) / 1e6;
      return [
        whole(messages),
        rounded(mean),
        rounded(mean * ASSUMED.peak),
        whole(processesFor(measured, messages)),
        duration(messages / measured.throughput),
        usd < 10 ? usd.toFixed(2) : whole(Math.round(usd)),
      ];
    }),
  );
}

/** What there is to keep, likewise. */
export function diskTable(measured: Measured, perDay: readonly number[]): string {
  return markdown(
    [
      ...["messages a day", "`user_logins` a day", "a year", "its partitions"],
      ...ASSUMED.ledgerDays.map((days) => `ledger of ${days} days`),
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

/** Processes that keep up in the busiest hour. Each holds one connection to Postgres. */
export function processesFor({ throughput }: Measured, perDay: number): number {
  return Math.ceil(((perDay / DAY) * ASSUMED.peak) / throughput);
}

/**
 * The most messages that one drain holds: in its buffer or being written, waiting for a delete, being deleted
 * (`src/drainer/drain.ts`).
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
  return fits(31) ? "a month each" : "a day each";
}

function whole(value: number): string {
  return value.toLocaleString("en-US");
}

/** Two digits that count. */
function rounded(value: number): string {
  return value >= 10 ? whole(Math.round(value)) : String(Number(value.toPrecision(2)));
}

function duration(seconds: number): string {
  if (seconds < 100) return `${rounded(seconds)} s`;
  return seconds < 5_400 ? `${rounded(seconds / 60)} min` : `${rounded(seconds / 3600)} h`;
}

function bytes(value: number): string {
  if (value < 1e9) return `${rounded(value / 1e6)} MB`;
  return value < 1e12 ? `${rounded(value / 1e9)} GB` : `${rounded(value / 1e12)} TB`;
}

/** Without padding: Prettier does that. */
function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
