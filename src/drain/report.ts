// The report of a finished drain.
import type { QueueDepth, RequestCounts } from "./ports.ts";
import type { Counts } from "./counts.ts";

export type StoppedBy = "empty" | "max-messages" | "max-seconds" | "signal";

export interface DrainReport extends Readonly<Counts> {
  readonly requests: Readonly<RequestCounts>;
  /** Undefined if the queue's counts could not be read. */
  readonly remaining: QueueDepth | undefined;
  readonly stoppedBy: StoppedBy;
  /** True if the queue counts visible messages that it does not return. */
  readonly stillVisible: boolean;
  /** Messages neither deleted nor released: SQS redelivers them after their visibility timeout. */
  readonly leftHidden: number;
  /** True if the run ended before the database answered: its last batch may still be committed. */
  readonly databaseSilent: boolean;
  readonly durationMs: number;
}
