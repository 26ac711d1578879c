// Looks at messages and leaves every one of them in the queue.
import { MAX_BATCH } from "./batches.ts";
import type { Clock } from "./clock.ts";
import { InFlight } from "./in-flight.ts";
import { EMPTY_POLLS, LONG_POLL_SECONDS } from "./poller.ts";
import type { Queue, ReceivedMessage } from "./ports.ts";
import { CAREFUL_BATCH, guardRedrive } from "./dead-letter.ts";

export interface PeekParts {
  readonly queue: Queue;
  readonly clock: Clock;
  /** Aborted at the first signal. */
  readonly stop: AbortSignal;
}

/** Seconds at most for which messages are hidden, should the process die before it gives them back. */
const LONGEST_HIDDEN_SECONDS = 30;

export interface Peeked<T> {
  /** What `look` made of each message. */
  readonly seen: readonly T[];
  /** How many could not be given back: they are visible again when their visibility timeout has run out. */
  readonly leftHidden: number;
}

/**
 * At most `count` messages, each once. When it resolves or throws, all are visible to others again that SQS would give back.
 *
 * @param look is shown each message as it comes; only what it returns is kept, since the bodies of all may be more than memory holds
 * @param force looks even where looking may move a message to the dead-letter queue
 * @throws `Failure`, see {@link guardRedrive}
 */
export async function peek<T>(
  { count, force }: { readonly count: number; readonly force: boolean },
  { queue, clock, stop }: PeekParts,
  look: (message: ReceivedMessage) => T,
): Promise<Peeked<T>> {
  const careful = queue.maxReceiveCount !== undefined && !force;
  if (careful) guardRedrive(queue, []);
  const visibilityTimeout = Math.min(queue.visibilityTimeout, LONGEST_HIDDEN_SECONDS);
  const inFlight = new InFlight(queue, clock, { visibilityTimeout });
  const over = new AbortController();
  const keeping = inFlight.keep(over.signal);
  const seen: T[] = [];
  let leftHidden: number;
  try {
    let empties = 0;
    while (seen.length < count && empties < EMPTY_POLLS && !stop.aborted) {
      const max = careful ? CAREFUL_BATCH : Math.min(MAX_BATCH, count - seen.length);
      const asked = clock.now();
      const messages = await queue.receive({ max, waitSeconds: LONG_POLL_SECONDS, visibilityTimeout });
      empties = messages.length === 0 ? empties + 1 : 0;
      const news = messages.filter((message) => inFlight.add(message, asked));
      seen.push(...news.slice(0, count - seen.length).map(look));
      if (careful) guardRedrive(queue, messages);
    }
  } finally {
    over.abort();
    const held = inFlight.size;
    leftHidden = held - (await inFlight.releaseAll());
    await keeping;
  }
  return { seen, leftHidden };
}
