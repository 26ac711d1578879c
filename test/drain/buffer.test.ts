import { expect, describe, it } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { BatchBuffer, bytesOf, type Batch } from "../../src/drain/buffer.ts";
import type { Item } from "../../src/drain/entry.ts";
import { RejectedRecords } from "../../src/drain/rejected-records.ts";
import { WHOLE_MESSAGE, type Rejection } from "../../src/drain/ports.ts";

const MIB = 1024 * 1024;

const NO_REASON: Rejection = { reasons: [], sealed: { keyId: "", bytes: new Uint8Array() } };

function item(messageId: string, body = "{}", rejection = NO_REASON): Item {
  const message = { messageId, body, sentAt: 0 };
  return {
    message,
    isLast: true,
    skipped: 0,
    setNull: [],
    entry: {
      kind: "rejection",
      messageId,
      sentAt: 0,
      record: WHOLE_MESSAGE,
      bodyMac: "",
      rejection,
    },
  };
}

const ids = (batch: Batch | undefined): string[] | undefined =>
  batch?.items.map(({ message }) => message.messageId);

async function taken(buffer: BatchBuffer): Promise<Batch> {
  const batch = await buffer.next(true);
  if (batch === undefined) throw new Error("the buffer has a batch");
  return batch;
}

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
    expect(ids(await buffer.next(false))).toEqual([]);
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

describe("a batch of large messages", () => {
  it("ends with the message that brings it to 2 MiB", async () => {
    const buffer = new BatchBuffer(new VirtualClock(), 500, 1000);
    for (const messageId of ["a", "b", "c"]) buffer.push(item(messageId, "x".repeat(1.5 * MIB)));
    expect(ids(await buffer.next(true))).toEqual(["a", "b"]);
    expect(ids(await buffer.next(true))).toEqual(["c"]);
  });

  it("is not waited for once there are 2 MiB", async () => {
    const { buffer, clock } = filled();
    buffer.push(item("a", "x".repeat(2 * MIB)));
    expect(ids(await buffer.next(true))).toEqual(["a"]);
    expect(clock.now()).toBe(0);
  });

  it("counts what is sealed of a rejection, whose body is not kept", () => {
    const rejection = { reasons: [], sealed: { keyId: "", bytes: new Uint8Array(1000) } };
    const { message, ...rest } = item("a", "", rejection);
    expect(bytesOf({ ...rest, message: { ...message, body: undefined } })).toBe(1000);
  });

  it.each([
    ["the cells or the body, whichever is more, and what is sealed for the vault", 10, undefined, 10 + 300],
    ["the same for a body that is compressed", 1, undefined, 6 + 300],
    ["no body where its message has several records", 10, new RejectedRecords(), 6 + 300],
  ])("counts of a row %s", (_what, bodyLength, rejected, bytes) => {
    const { message } = item("a", "x".repeat(bodyLength));
    const masked = { field: "ip", type: "ip", token: "" } as const;
    const sealed = [100, 200].map((length) => ({ ...masked, sealed: new Uint8Array(length) }));
    const ids = { messageId: "a", sentAt: 0, record: 0, bodyMac: "" };
    const entry = { kind: "row", ...ids, cells: ["four", null, "IV"], sealed } as const;
    const row = { message, entry, isLast: true, skipped: 0, setNull: [] };
    expect(bytesOf(rejected === undefined ? row : { ...row, rejected })).toBe(bytes);
  });
});

describe("the buffer is full", () => {
  it.each([
    ["not with a byte less than 12 MiB", 12 * MIB - 1, false],
    ["with 12 MiB", 12 * MIB, true],
  ])("%s", (_when, bytes, isFull) => {
    const { buffer } = filled();
    buffer.push(item("a", "x".repeat(bytes)));
    expect(buffer.isFull).toBe(isFull);
  });
});

describe("the room", () => {
  it("is what the capacity leaves, and what is being written takes up room until it is done", async () => {
    const { buffer } = filled("a", "b");
    expect(buffer.room.messages).toBe(8);
    const batch = await taken(buffer);
    expect(buffer.room.messages).toBe(8);
    buffer.done(batch);
    expect(buffer.room.messages).toBe(10);
  });

  it("is 12 MiB, less what is held", async () => {
    const { buffer } = filled();
    buffer.push(item("a", "x".repeat(5 * MIB)));
    expect(buffer.room.bytes).toBe(7 * MIB);
    buffer.done(await taken(buffer));
    expect(buffer.room.bytes).toBe(12 * MIB);
  });

  it("is all there again once what waits is discarded", () => {
    const { buffer } = filled("a", "b");
    buffer.discard();
    expect(buffer.room).toEqual({ messages: 10, bytes: 12 * MIB });
  });
});

describe("reading an answer", () => {
  /** Asks to read answers of these sizes, MiB, and notes in which order they may be. */
  function reading(buffer: BatchBuffer, ...sizes: number[]) {
    const admitted: number[] = [];
    const readings = sizes.map((size) => {
      const reading = buffer.read();
      void reading.admit(size * MIB).then(() => admitted.push(size));
      return reading;
    });
    const settled = (): Promise<number[]> => new Promise((resolve) => setImmediate(resolve, admitted));
    return { readings, settled };
  }

  it("waits while more than 12 MiB would be held or read", async () => {
    const { buffer } = filled();
    const { readings, settled } = reading(buffer, 7, 5, 1);
    expect(await settled()).toEqual([7, 5]);
    readings[0]?.end();
    expect(await settled()).toEqual([7, 5, 1]);
  });

  it("waits for what is held to be written, and has it written at once", async () => {
    const { buffer, clock } = filled();
    buffer.push(item("a", "x".repeat(1.5 * MIB)));
    const { settled } = reading(buffer, 11);
    expect(await settled()).toEqual([]);
    buffer.done(await taken(buffer));
    expect(await settled()).toEqual([11]);
    expect(clock.now()).toBe(0);
  });

  it("waits for what is being written, and no empty batch is written meanwhile", async () => {
    const { buffer, clock } = filled();
    buffer.push(item("a", "x".repeat(3 * MIB)));
    await taken(buffer);
    const { settled } = reading(buffer, 10);
    expect(ids(await buffer.next(false))).toEqual([]);
    expect([await settled(), clock.now()]).toEqual([[], 50]);
  });

  it("is let through alone where it is larger than all the room", async () => {
    const { buffer } = filled();
    const { readings, settled } = reading(buffer, 40, 1);
    expect(await settled()).toEqual([40]);
    readings[0]?.end();
    expect(await settled()).toEqual([40, 1]);
  });

  it("goes in the order in which it was asked for, so that no small answer holds up a large one for ever", async () => {
    const { buffer } = filled();
    const { readings, settled } = reading(buffer, 10, 9, 1);
    expect(await settled()).toEqual([10]);
    readings[0]?.end();
    expect(await settled()).toEqual([10, 9, 1]);
  });

  it("takes the room of one attempt alone, however often a call is made again", async () => {
    const { buffer } = filled();
    const { admit, end } = buffer.read();
    await admit(6 * MIB);
    await admit(8 * MIB);
    expect(buffer.room.bytes).toBe(4 * MIB);
    end();
    end();
    expect(buffer.room.bytes).toBe(12 * MIB);
  });
});
