// Protects messages from the dead-letter queue: each receive by peek or a dry run counts towards the redrive policy's maxReceiveCount.
import { Failure } from "../failure.ts";
import type { Queue, ReceivedMessage } from "./ports.ts";

/**
 * Messages per receive where receives count towards maxReceiveCount. With `--on-reject leave` it also keeps a FIFO group in order: SQS
 * returns no message of a group while one is in flight, so the messages behind the one that was left stay behind it and do not follow it
 * to the dead-letter queue.
 */
export const CAREFUL_BATCH = 1;

/**
 * Stops `peek` and dry runs before their first receive. SQS moves a message when it is received more than `maxReceiveCount` times, and a
 * drain needs one receive itself.
 *
 * @throws {Failure} `configuration` if the receive could leave a message without one for the drain
 */
export function requireSpareReceives({ maxReceiveCount = Infinity, name }: Queue): void {
  // This receive and the drain's own use up both, and an earlier one may have happened.
  if (maxReceiveCount > 2) return;
  throw new Failure(
    "configuration",
    `Queue ${name} moves messages to its dead-letter queue after ${maxReceiveCount} receives (maxReceiveCount is ` +
      `${maxReceiveCount}), and peeking counts as a receive. Use "peek --force" to peek anyway.`,
  );
}

/**
 * The same before every further receive.
 *
 * @param messages the last receive's messages
 * @throws {Failure} `configuration` if another receive could leave one of them without one for the drain
 */
export function guardRedrive(
  { maxReceiveCount = Infinity, name }: Queue,
  messages: readonly Pick<ReceivedMessage, "messageId" | "receiveCount">[],
): void {
  const near = messages.find(({ receiveCount = 0 }) => receiveCount >= maxReceiveCount - 1);
  if (near === undefined) return;
  throw new Failure(
    "configuration",
    `Message ${near.messageId} in queue ${name} has been received ${near.receiveCount ?? 0} times and maxReceiveCount is ` +
      `${maxReceiveCount}. Stopped, because another receive could move it or other messages to the dead-letter queue. ` +
      `Use "peek --force" to peek anyway.`,
  );
}

/**
 * Makes sure that a redrive policy moves the messages of `--on-reject leave` out of the queue.
 *
 * @throws {Failure} `configuration` without one: SQS would redeliver them until their retention period ends
 */
export function requireRedrive({ maxReceiveCount, name }: Queue): void {
  if (maxReceiveCount !== undefined) return;
  throw new Failure(
    "configuration",
    `Queue ${name} has no redrive policy, so SQS would redeliver rejected messages again and again. Add a dead-letter queue ` +
      "(RedrivePolicy), or omit --on-reject leave.",
  );
}
