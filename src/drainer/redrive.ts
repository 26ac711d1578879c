// Looking at a message costs it one of the deliveries that a redrive policy allows.
import { Failure } from "../failure.ts";
import type { Queue, ReceivedMessage } from "./ports.ts";

/**
 * Stops one who only looks before messages end up in the dead-letter queue for it.
 *
 * @param messages what was received so far; none, to ask before the first receive
 * @throws {Failure} `configuration` when a message has been received as often as the policy's `maxReceiveCount`, so that the next
 *   receive would move it to the dead-letter queue
 */
export function guardRedrive({ maxReceiveCount, name }: Queue, messages: readonly ReceivedMessage[]): void {
  if (maxReceiveCount === undefined) return;
  const advice = `"drain" takes messages without this risk`;
  if (maxReceiveCount <= 1) {
    throw new Failure(
      "configuration",
      `Queue ${name} moves a message to its dead-letter queue after one receive (maxReceiveCount is ${maxReceiveCount}), ` +
        `and looking is receiving. ${advice}; "peek --force" looks all the same.`,
    );
  }
  const spent = messages.find(({ receiveCount = 0 }) => receiveCount >= maxReceiveCount);
  if (spent === undefined) return;
  throw new Failure(
    "configuration",
    `Message ${spent.messageId} of queue ${name} has been received ${spent.receiveCount ?? 0} times and maxReceiveCount is ` +
      `${maxReceiveCount}: the next receive may move it to the dead-letter queue, and others may be as near. ` +
      `Stopped here; ${advice}, "peek --force" looks all the same.`,
  );
}
