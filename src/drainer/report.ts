// What a drain tells when it has ended.
import type { QueueDepth, RequestCounts } from "./ports.ts";
import type { Tally } from "./tally.ts";

export type StoppedBy = "empty" | "max-messages" | "max-seconds" | "signal";

export interface DrainReport extends Readonly<Tally> {
  readonly requests: Readonly<RequestCounts>;
  /** Undefined where the queue could not tell. */
  readonly remaining: QueueDepth | undefined;
  readonly stoppedBy: StoppedBy;
  /** True when the queue counts visible messages that it does not hand out. */
  readonly stillVisible: boolean;
  readonly durationMs: number;
}
