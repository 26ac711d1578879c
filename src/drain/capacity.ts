// How many messages a drain holds before they are written.
import { MAX_BATCH } from "./batches.ts";

/** A receive usually takes up to so many times as long as the quickest one. */
const USUAL_LATENCY = 2;
/**
 * The part of the visibility timeout in which everything that is held can be written. A timeout is extended when half of it has passed,
 * which this avoids.
 */
const TIME_TO_WRITE = 1 / 3;

export interface Observed {
  /** Maximum messages of a batch. */
  readonly batchSize: number;
  /** Maximum concurrent receives. */
  readonly concurrency: number;
  /** How many messages the loader has written, and in how many milliseconds. */
  readonly written: number;
  readonly writtenIn: number;
  /** How long the quickest receive took, milliseconds. */
  readonly latency: number;
  /** Milliseconds. */
  readonly visibilityTimeout: number;
}

/**
 * The maximum number of messages that are held or asked for, and not written yet: a batch that is being written, one that waits, and what
 * the loader writes while receives are on their way. More would make nothing quicker, and would stay hidden if the process were killed.
 */
export function capacityFor(observed: Observed): number {
  const { batchSize, concurrency, written, writtenIn, latency, visibilityTimeout } = observed;
  const rate = written / Math.max(writtenIn, 1);
  const onTheWay = Math.min(rate * latency * USUAL_LATENCY, MAX_BATCH * concurrency);
  return Math.floor(Math.min(2 * batchSize + onTheWay, rate * visibilityTimeout * TIME_TO_WRITE));
}
