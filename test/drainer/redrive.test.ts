import { describe, expect, it } from "vitest";
import type { ReceivedMessage } from "../../src/drainer/ports.ts";
import { guardRedrive } from "../../src/drainer/redrive.ts";
import { Failure } from "../../src/failure.ts";
import { FakeClock, MemoryQueue } from "../support/memory-queue.ts";

function guard(maxReceiveCount: number | undefined, ...receiveCounts: (number | undefined)[]): () => void {
  const clock = new FakeClock();
  const queue = new MemoryQueue(clock, maxReceiveCount === undefined ? {} : { maxReceiveCount });
  const messages = receiveCounts.map((receiveCount, index): ReceivedMessage => ({
    messageId: `m${index}`,
    receiptHandle: "",
    body: "hunter2",
    sentAt: 0,
    receiveCount,
  }));
  return () => {
    guardRedrive(queue, messages);
  };
}

describe("looking is let go on", () => {
  it.each<[string, number | undefined, (number | undefined)[]]>([
    ["without a dead-letter queue", undefined, [1, 1000]],
    ["before the first receive, with two receives to spend", 2, []],
    ["while every message can be received once more", 5, [1, 4, 4]],
    ["where the server does not count receives", 2, [undefined]],
  ])("%s", (_when, maxReceiveCount, receiveCounts) => {
    expect(guard(maxReceiveCount, ...receiveCounts)).not.toThrow();
  });
});

describe("looking is stopped", () => {
  it.each<[string, number, number[], RegExp]>([
    ["when a single receive moves a message", 1, [], /after one receive \(maxReceiveCount is 1\)/],
    ["when no receive is allowed", 0, [], /maxReceiveCount is 0/],
    [
      "when a message has spent all of its receives",
      3,
      [1, 3],
      /Message m1 of queue logins has been received 3 times/,
    ],
    ["when it has spent more", 3, [4], /Message m0 of queue logins has been received 4 times/],
  ])("%s", (_when, maxReceiveCount, receiveCounts, sentence) => {
    expect(guard(maxReceiveCount, ...receiveCounts)).toThrow(Failure);
    expect(guard(maxReceiveCount, ...receiveCounts)).toThrow(sentence);
  });
});
