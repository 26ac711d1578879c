import { describe, expect, it } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { guardRedrive } from "../../src/drain/dead-letter.ts";
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

describe("peeking is stopped", () => {
  it.each<[string, number, number[], RegExp]>([
    ["when a peek and a drain use up every receive", 2, [], /after 2 receives \(maxReceiveCount is 2\)/],
    ["when a single receive is allowed", 1, [], /maxReceiveCount is 1/],
    ["when no receive is allowed", 0, [], /maxReceiveCount is 0/],
    [
      "when the drain's own receive is the last",
      3,
      [1, 2],
      /Message m1 in queue logins has been received 2 times/,
    ],
    [
      "when a message has spent all of its receives",
      3,
      [1, 3],
      /Message m1 in queue logins has been received 3 times/,
    ],
    ["when it has spent more", 3, [4], /Message m0 in queue logins has been received 4 times/],
  ])("%s", (_when, maxReceiveCount, receiveCounts, sentence) => {
    expect(guard(maxReceiveCount, ...receiveCounts)).toThrow(Failure);
    expect(guard(maxReceiveCount, ...receiveCounts)).toThrow(sentence);
  });
});
