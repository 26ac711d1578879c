// Receives messages, shows them and releases every one of them.
import { MAX_BATCH } from "./batches.ts";
import { InFlight } from "./in-flight.ts";
import { EMPTY_POLLS, LONG_POLL_SECONDS } from "./poller.ts";
import type { ReceivedMessage } from "./ports.ts";
import { CAREFUL_BATCH, guardRedrive, requireSpareReceives } from "./dead-letter.ts";
import type { DrainParts } from "./settings.ts";

/** Maximum time that messages stay hidden if the process dies before it releases them, seconds. */
const MAX_HIDDEN_SECONDS = 30;

export interface Peeked<T> {
  /** What `look` returned for each message. */
  readonly seen: readonly T[];
  /** How many could not be released: they become visible after their visibility timeout. */
  readonly leftHidden: number;
}

/**
 * Shows at most `count` messages, each once. Releases them all before it resolves or throws, as far as SQS allows.
 *
 * @param look is called with each message; only its result is kept, because all bodies together may not fit into memory
 * @param force peeks even if that may move a message to the dead-letter queue
 * @throws `Failure`, see {@link requireSpareReceives} and {@link guardRedrive}
 */
export async function peek<T>(
  { count, force }: { readonly count: number; readonly force: boolean },
  { queue, clock, stop }: Pick<DrainParts, "queue" | "clock" | "stop">,
  look: (message: ReceivedMessage) => T,
): Promise<Peeked<T>> {
  const careful = queue.maxReceiveCount !== undefined && !force;
  if (careful) requireSpareReceives(queue);
  const visibilityTimeout = Math.min(queue.visibilityTimeout, MAX_HIDDEN_SECONDS);
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
      const newMessages = messages.filter((message) => inFlight.add(message, asked));
      seen.push(...newMessages.slice(0, count - seen.length).map(look));
      if (careful) guardRedrive(queue, messages);
    }
  } finally {
    over.abort();
    const unreleased = inFlight.size;
    leftHidden = unreleased - (await inFlight.releaseAll());
    await keeping;
  }
  return { seen, leftHidden };
}
