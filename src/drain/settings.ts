// What a drain is told to do, and what it is handed to do it with.
import type { Clock } from "./clock.ts";
import type { EntryMaker } from "./entry.ts";
import type { Loader, Notices, Queue } from "./ports.ts";
import type { Counts } from "./counts.ts";

/** `leave` leaves a message in the queue, for the queue's own redrive policy. */
export type OnReject = "quarantine" | "leave";

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
