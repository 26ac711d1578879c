import { describe, expect, it } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { guardRedrive, requireRedrive, requireSpareReceives } from "../../src/drain/dead-letter.ts";
import { Failure } from "../../src/failure.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

function guard(maxReceiveCount: number | undefined, ...receiveCounts: (number | undefined)[]): () => void {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, maxReceiveCount === undefined ? {} : { maxReceiveCount });
  const messages = receiveCounts.map((receiveCount, index) => ({
    messageId: `m${index}`,
    receiveCount,
  }));
  return () => {
    requireSpareReceives(queue);
    guardRedrive(queue, messages);
  };
}

describe("peeking may go on", () => {
  it.each<[string, number | undefined, (number | undefined)[]]>([
    ["without a dead-letter queue", undefined, [1, 1000]],
    ["before the first receive, with three receives to spend", 3, []],
    ["while every message can be received once more and then be drained", 5, [1, 3, 3]],
    ["where the server does not count receives", 3, [undefined]],
  ])("%s", (_when, maxReceiveCount, receiveCounts) => {
    expect(guard(maxReceiveCount, ...receiveCounts)).not.toThrow();
  });
});

const spent = (maxReceiveCount: number): string =>
  `Queue logins moves messages to its dead-letter queue after ${maxReceiveCount} receives (maxReceiveCount is ` +
  `${maxReceiveCount}), and peeking counts as a receive. Use "peek --force" to peek anyway.`;

const near = (messageId: string, receives: number): string =>
  `Message ${messageId} in queue logins has been received ${receives} times and maxReceiveCount is 3. Stopped, because ` +
  'another receive could move it or other messages to the dead-letter queue. Use "peek --force" to peek anyway.';

describe("peeking is stopped", () => {
  it.each<[string, number, number[], string]>([
    ["when a peek and a drain use up every receive", 2, [], spent(2)],
    ["when a single receive is allowed", 1, [], spent(1)],
    ["when no receive is allowed", 0, [], spent(0)],
    ["when the drain's own receive is the last", 3, [1, 2], near("m1", 2)],
    ["when a message has spent all of its receives", 3, [1, 3], near("m1", 3)],
    ["when it has spent more", 3, [4], near("m0", 4)],
  ])("%s", (_when, maxReceiveCount, receiveCounts, message) => {
    expect(guard(maxReceiveCount, ...receiveCounts)).toThrow(new Failure("configuration", message));
  });
});

describe("what is rejected can stay in the queue", () => {
  it("with a redrive policy, which moves it to the dead-letter queue", () => {
    expect(() => {
      requireRedrive(new MemoryQueue(new VirtualClock(), { maxReceiveCount: 1 }));
    }).not.toThrow();
  });

  it("not without one", () => {
    expect(() => {
      requireRedrive(new MemoryQueue(new VirtualClock()));
    }).toThrow(
      new Failure(
        "configuration",
        "Queue logins has no redrive policy, so SQS would redeliver rejected messages again and again. Add a dead-letter " +
          "queue (RedrivePolicy), or omit --on-reject leave.",
      ),
    );
  });
});
