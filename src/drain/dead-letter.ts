// Looking at a message costs it one of the deliveries that a redrive policy allows; leaving one needs such a policy.
import { Failure } from "../failure.ts";
import type { Queue, ReceivedMessage } from "./ports.ts";

/**
 * How many messages to receive at once where a receive may cost them something: as few as possible are to pay for it. One at a time also
 * keeps a FIFO group whole where messages are left: SQS hands out none of a group while one is in flight, so that what comes after
 * the one that is left is not received, waits for it in its order, and does not go to the dead-letter queue along with it.
 */
export const CAREFUL_BATCH = 1;

/**
 * Stops one who only looks, before messages end up in the dead-letter queue for it: SQS moves a message when it was received
 * `maxReceiveCount` times and is received once more, and the drain itself needs one receive.
 *
 * @param messages what was received last; none, to ask before the first receive
 * @throws {Failure} `configuration` when one more look could leave a message without a receive for the drain
 */
export function guardRedrive(
  { maxReceiveCount, name }: Queue,
  messages: readonly Pick<ReceivedMessage, "messageId" | "receiveCount">[],
): void {
  if (maxReceiveCount === undefined) return;
  // One receive for the look and one for the drain leave no room for one that was before.
  if (maxReceiveCount <= 2) {
    throw new Failure(
      "configuration",
      `Queue ${name} moves a message to its dead-letter queue when it was received more than ${maxReceiveCount} times ` +
        `(maxReceiveCount is ${maxReceiveCount}), and looking is receiving. "peek --force" looks all the same.`,
    );
  }
  const near = messages.find(({ receiveCount = 0 }) => receiveCount >= maxReceiveCount - 1);
  if (near === undefined) return;
  throw new Failure(
    "configuration",
    `Message ${near.messageId} of queue ${name} has been received ${near.receiveCount ?? 0} times and maxReceiveCount is ` +
      `${maxReceiveCount}: another look could send it to the dead-letter queue, and others may be as near. ` +
      `Stopped here; "peek --force" looks all the same.`,
  );
}

/**
 * Makes sure that what is left in the queue gets out of it.
 *
 * @throws {Failure} `configuration` for a queue without a redrive policy, where it would come again for as long as SQS keeps it
 */
export function requireRedrive({ maxReceiveCount, name }: Queue): void {
  if (maxReceiveCount !== undefined) return;
  throw new Failure(
    "configuration",
    `Queue ${name} has no redrive policy, so that what --on-reject leave leaves in it would come again and again: give it a ` +
      "dead-letter queue (RedrivePolicy), or leave --on-reject out.",
  );
}
