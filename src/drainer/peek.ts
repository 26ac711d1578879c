// Looks at messages and leaves every one of them in the queue.
import { MAX_BATCH } from "./batches.ts";
import type { Clock } from "./clock.ts";
import { Holds } from "./holds.ts";
import type { Queue, ReceivedMessage } from "./ports.ts";
import { guardRedrive } from "./redrive.ts";

const LONG_POLL_SECONDS = 1;
const EMPTY_POLLS = 2;

export interface PeekParts {
  readonly queue: Queue;
  readonly clock: Clock;
  /** Aborted at the first signal. */
  readonly stop: AbortSignal;
}

/**
 * At most `count` messages, each once. All are visible to others again when it resolves or throws.
 *
 * @param force looks even where looking may move a message to the dead-letter queue
 * @throws `Failure`, see {@link guardRedrive}
 */
export async function peek(
  { count, force }: { readonly count: number; readonly force: boolean },
  { queue, clock, stop }: PeekParts,
): Promise<ReceivedMessage[]> {
  const careful = queue.maxReceiveCount !== undefined && !force;
  if (careful) guardRedrive(queue, []);
  const holds = new Holds(queue, clock);
  const over = new AbortController();
  const keeping = holds.keep(over.signal);
  const seen: ReceivedMessage[] = [];
  try {
    let empties = 0;
    while (seen.length < count && empties < EMPTY_POLLS && !stop.aborted) {
      // One at a time where looking costs something, so that as few as possible pay for it.
      const max = careful ? 1 : Math.min(MAX_BATCH, count - seen.length);
      const asked = clock.now();
      const messages = await queue.receive({
        max,
        waitSeconds: LONG_POLL_SECONDS,
        visibilityTimeout: queue.visibilityTimeout,
      });
      empties = messages.length === 0 ? empties + 1 : 0;
      seen.push(...messages.filter((message) => holds.add(message, asked)));
      if (careful) guardRedrive(queue, messages);
    }
  } finally {
    over.abort();
    await holds.releaseAll();
    await keeping;
  }
  return seen.slice(0, count);
}
