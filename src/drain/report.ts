// What a drain tells when it has ended.
import type { QueueDepth, RequestCounts } from "./ports.ts";
import type { Counts } from "./counts.ts";

export type StoppedBy = "empty" | "max-messages" | "max-seconds" | "signal";

export interface DrainReport extends Readonly<Counts> {
  readonly requests: Readonly<RequestCounts>;
  /** Undefined where the queue could not tell. */
  readonly remaining: QueueDepth | undefined;
  readonly stoppedBy: StoppedBy;
  /** True when the queue counts visible messages that it does not hand out. */
  readonly stillVisible: boolean;
  /** Messages that were neither deleted nor given back: they come again when their visibility timeout has run out. */
  readonly leftHidden: number;
  /** True when the end came before the database's answer: what was sent may still be committed. */
  readonly databaseSilent: boolean;
  readonly durationMs: number;
}
