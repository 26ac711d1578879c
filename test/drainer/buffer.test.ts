import { expect, describe, it } from "vitest";
import { VirtualClock } from "../../bench/simulation/virtual-clock.ts";
import { BatchBuffer } from "../../src/drainer/buffer.ts";
import type { Item } from "../../src/drainer/writer.ts";

function item(messageId: string, body = "{}"): Item {
  const message = { messageId, receiptHandle: messageId, body, sentAt: 0, receiveCount: 1 };
  return {
    message,
    entry: {
      messageId,
      sentAt: 0,
      bodyMac: new Uint8Array(16),
      rejection: { reasons: [], sealed: { keyId: "", bytes: new Uint8Array() } },
    },
  };
}

const ids = (batch: readonly Item[] | undefined): string[] | undefined =>
  batch?.map(({ message }) => message.messageId);

function filled(...messageIds: string[]): { buffer: BatchBuffer; clock: VirtualClock } {
  const clock = new VirtualClock();
  const buffer = new BatchBuffer(clock, 3, 10);
  for (const messageId of messageIds) buffer.push(item(messageId));
  return { buffer, clock };
}

describe("the next batch", () => {
  it("comes at once when it is full, in the order in which the messages came", async () => {
    const { buffer, clock } = filled("a", "b", "c", "d");
    expect(ids(await buffer.next(true))).toEqual(["a", "b", "c"]);
    expect(clock.now()).toBe(0);
  });

  it("comes when nothing more has come for 50 ms", async () => {
    const { buffer, clock } = filled("a", "b");
    expect(ids(await buffer.next(true))).toEqual(["a", "b"]);
    expect(clock.now()).toBe(50);
  });

  it("takes in what comes meanwhile, and comes as soon as that fills it", async () => {
    const { buffer, clock } = filled("a");
    const next = buffer.next(true);
    for (const [after, messageId] of [
      [20, "b"],
      [20, "c"],
    ] as const) {
      await clock.wait(after);
      buffer.push(item(messageId));
    }
    expect(ids(await next)).toEqual(["a", "b", "c"]);
    expect(clock.now()).toBe(40);
  });

  it("does not wait longer because a little comes again and again", async () => {
    const { buffer, clock } = filled("a");
    const next = buffer.next(true);
    await clock.wait(45);
    buffer.push(item("b"));
    expect(ids(await next)).toEqual(["a", "b"]);
    expect(clock.now()).toBe(50);
  });

  it("is waited for as long as it takes by one who is patient", async () => {
    const { buffer, clock } = filled();
    const next = buffer.next(true);
    await clock.wait(3_600_000);
    buffer.push(item("a"));
    expect(ids(await next)).toEqual(["a"]);
    expect(clock.now()).toBe(3_600_050);
  });

  it("is empty after 50 ms for one who is not", async () => {
    const { buffer, clock } = filled();
    expect(await buffer.next(false)).toEqual([]);
    expect(clock.now()).toBe(50);
  });

  it("is what there is once the buffer is closed, and then none", async () => {
    const { buffer, clock } = filled("a", "b", "c", "d");
    buffer.close();
    expect(ids(await buffer.next(true))).toEqual(["a", "b", "c"]);
    expect(ids(await buffer.next(false))).toEqual(["d"]);
    expect(await buffer.next(true)).toBeUndefined();
    expect(await buffer.next(false)).toBeUndefined();
    expect(clock.now()).toBe(0);
  });

  it.each([true, false])(
    "does not let one wait who waits when the buffer is closed; patient: %s",
    async (patient) => {
      const { buffer, clock } = filled();
      const next = buffer.next(patient);
      buffer.close();
      expect(await next).toBeUndefined();
      expect(clock.now()).toBe(0);
    },
  );

  it("is none once what waits is discarded", async () => {
    const { buffer } = filled("a", "b", "c");
    buffer.discard();
    expect(await buffer.next(true)).toBeUndefined();
  });
});

describe("the room", () => {
  it("is what the capacity leaves, and what is being written takes up room until it is done", async () => {
    const { buffer } = filled("a", "b");
    expect(buffer.room).toBe(8);
    const batch = (await buffer.next(true)) ?? [];
    expect(buffer.room).toBe(8);
    buffer.done(batch);
    expect(buffer.room).toBe(10);
  });

  it("is as many messages as fit into 64 MiB, should each be as large as the largest so far", async () => {
    const clock = new VirtualClock();
    const buffer = new BatchBuffer(clock, 1, 1000);
    buffer.push(item("large", "x".repeat(16 * 2 ** 20)));
    expect(buffer.room).toBe(3);
    buffer.push(item("small", "x"));
    expect(buffer.room).toBe(2);
    buffer.done((await buffer.next(true)) ?? []);
    expect(buffer.room).toBe(3);
    buffer.done((await buffer.next(true)) ?? []);
    expect(buffer.room).toBe(4);
  });
});
