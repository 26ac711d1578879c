// The drain's settings with their defaults, and the parts that it works with.
import type { Clock } from "./clock.ts";
import type { EntryMaker } from "./entry.ts";
import type { Loader, Notices, Queue } from "./ports.ts";
import type { Counts } from "./counts.ts";

/** What happens to a message that cannot be loaded. `leave`: the queue's redrive policy moves it to the dead-letter queue. */
export const ON_REJECT = ["quarantine", "leave"] as const;
export type OnReject = (typeof ON_REJECT)[number];

/** What `drain` does without flags; `--help` shows it too. */
export const DRAIN_DEFAULTS = {
  concurrency: 32,
  batchSize: 500,
  retryFor: 30,
  ledgerDays: 30,
  onReject: "quarantine",
  /** How many messages a dry run receives. */
  dryRunMessages: 10_000,
} as const;

/** How many messages `peek` shows without `--count`. */
export const PEEK_COUNT = 10;

export interface DrainSettings {
  /** The most receives, and the most deletes, under way at once. */
  readonly concurrency: number;
  /** The most rows a statement. */
  readonly batchSize: number;
  readonly maxMessages?: number | undefined;
  readonly maxSeconds?: number | undefined;
  /** For how long SQS or Postgres is waited for when it is away, seconds. */
  readonly retryForSeconds: number;
  /** What becomes of a message that breaks the contract, or that the database refuses. */
  readonly onReject: OnReject;
}

export interface DrainParts {
  readonly queue: Queue;
  /** Undefined for a dry run: everything is decoded, masked and counted, then given back. */
  readonly loader: Loader | undefined;
  readonly entries: EntryMaker;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** Aborted at the first signal. */
  readonly stop: AbortSignal;
  /** Warned of what no table and no count tells: why rows were left, that messages cannot be kept hidden. */
  readonly notices?: Pick<Notices, "warn">;
  /** Counts as the run goes on. */
  readonly counts?: Counts;
}
