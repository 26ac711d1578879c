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
  concurrency: 128,
  batchSize: 300,
  retryFor: 30,
  ledgerDays: 30,
  onReject: "quarantine",
  /** How many messages a dry run receives. */
  dryRunMessages: 10_000,
} as const;

/** How many messages `peek` shows without `--count`. */
export const PEEK_COUNT = 10;

export interface DrainSettings {
  /** Maximum concurrent receives, and maximum concurrent deletes. */
  readonly concurrency: number;
  /** Maximum rows per statement. */
  readonly batchSize: number;
  readonly maxMessages?: number | undefined;
  readonly maxSeconds?: number | undefined;
  /** How long to retry while SQS or Postgres is unavailable, seconds. */
  readonly retryForSeconds: number;
  /** What happens to a message that breaks the contract or that Postgres refuses. */
  readonly onReject: OnReject;
}

export interface DrainParts {
  readonly queue: Queue;
  /** Undefined for a dry run: messages are decoded, masked, counted and released. */
  readonly loader: Loader | undefined;
  readonly entries: EntryMaker;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** Aborted at the first signal. */
  readonly stop: AbortSignal;
  /** For what neither tables nor counts show: why rows were left, and that messages cannot be kept hidden. */
  readonly notices?: Pick<Notices, "warn">;
  /** Updated during the run. */
  readonly counts?: Counts;
}
