import { describe, expect, it } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { release, InFlight } from "../../src/drain/in-flight.ts";
import { Throttled } from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

const TIMEOUT = 30;
const HOUR_MS = 3_600_000;

/** A queue of which every message was received and is held. */
async function holding(...messageIds: string[]) {
  return holdingOf({}, ...messageIds);
}

async function holdingOf(options: { isFifo?: boolean }, ...messageIds: string[]) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, { visibilityTimeout: TIMEOUT, ...options });
  const inFlight = new InFlight(queue, clock);
  for (const messageId of messageIds) queue.send(messageId, "{}");
  const receive = async (): Promise<boolean[]> => {
    const asked = clock.now();
    const messages = await queue.receive({ max: 10, waitSeconds: 0, visibilityTimeout: TIMEOUT });
    return messages.map((message) => inFlight.add(message, asked));
  };
  while ((await receive()).length > 0);
  return { clock, queue, holds: inFlight, receive };
}

describe("a held message", () => {
  it("is known by its newest receipt handle", async () => {
    const { holds: inFlight, queue, receive } = await holding("a", "b");
    expect([inFlight.validHandle("a"), inFlight.validHandle("b"), inFlight.validHandle("c")]).toEqual([
      "a#1",
      "b#1",
      undefined,
    ]);
    queue.deliverAgain("a");
    expect(await receive()).toEqual([false]);
    expect([inFlight.validHandle("a"), inFlight.validHandle("b")]).toEqual(["a#2", "b#1"]);
    expect(inFlight.size).toBe(2);
  });

  it("is not ours any more when its time has run out, and again when it is received again", async () => {
    const { holds: inFlight, clock, receive } = await holding("a");
    await clock.wait(TIMEOUT * 1000 - 1);
    expect(inFlight.validHandle("a")).toBe("a#1");
    await clock.wait(1);
    expect(inFlight.validHandle("a")).toBeUndefined();
    expect(await receive()).toEqual([false]);
    expect(inFlight.validHandle("a")).toBe("a#2");
  });

  it("counts its time from when the receive was sent, not from when it was answered", async () => {
    const { holds: inFlight, clock } = await holding();
    await clock.wait(1000);
    inFlight.add({ messageId: "a", receiptHandle: "a#1" }, 0);
    await clock.wait(TIMEOUT * 1000 - 1000);
    expect(inFlight.validHandle("a")).toBeUndefined();
  });

  it("that is forgotten is not held, and new when it is received again", async () => {
    const { holds: inFlight, queue, receive } = await holding("a");
    inFlight.forget("a");
    expect([inFlight.size, inFlight.validHandle("a")]).toEqual([0, undefined]);
    queue.deliverAgain("a");
    expect(await receive()).toEqual([true]);
  });
});

describe("held messages are kept hidden", () => {
  it("for as long as it takes, extended when half of their time has passed", async () => {
    const { clock, queue, holds: inFlight } = await holding("a", "b");
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    for (let second = 0; second < 600; second += 1) {
      await clock.wait(1000);
      expect(queue.visible).toEqual([]);
      expect(inFlight.validHandle("a")).toBe("a#1");
    }
    over.abort();
    await keeping;
    const changes = queue.callsOf("changeVisibility");
    const pauses = changes.map(({ at }, index) => at - (changes[index - 1]?.at ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual((TIMEOUT * 1000) / 2);
    expect(Math.max(...pauses)).toBeLessThan(((TIMEOUT * 1000) / 4) * 3);
    expect(changes.every(({ amount, handles }) => amount === TIMEOUT && handles.length === 2)).toBe(true);
  });

  it("ten a call", async () => {
    const {
      clock,
      queue,
      holds: inFlight,
    } = await holding(...Array.from({ length: 25 }, (_, index) => `m${index}`));
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    await clock.wait((TIMEOUT * 1000) / 2 + 1);
    over.abort();
    await keeping;
    expect(queue.callsOf("changeVisibility").map(({ handles }) => handles.length)).toEqual([10, 10, 5]);
  });

  it("and not asked about while nothing is held", async () => {
    const { clock, queue, holds: inFlight } = await holding();
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    await clock.wait(600_000);
    over.abort();
    await keeping;
    expect(queue.calls.filter(({ action }) => action === "changeVisibility")).toEqual([]);
  });

  it("although a call fails: it is made again while there is time", async () => {
    const { clock, queue, holds: inFlight } = await holding("a");
    let failures = 2;
    queue.before = ({ action }) => {
      if (action !== "changeVisibility" || failures === 0) return;
      failures -= 1;
      throw failures === 1 ? new Throttled() : new Failure("unavailable", "SQS is away.");
    };
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    for (let second = 0; second < 100; second += 1) {
      await clock.wait(1000);
      expect(queue.visible).toEqual([]);
    }
    over.abort();
    await keeping;
    expect(failures).toBe(0);
  });

  it("although the call for others takes long", async () => {
    const slow = Array.from({ length: 10 }, (_, index) => `slow${index}`);
    const { clock, queue, holds: inFlight } = await holding(...slow, "a");
    queue.before = async ({ action, handles }) => {
      if (action === "changeVisibility" && handles.includes("slow0#1")) await clock.wait(60_000);
    };
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    await clock.wait(50_000);
    expect(queue.visible).toEqual(slow);
    expect(
      queue.callsOf("changeVisibility").filter(({ handles }) => handles.includes("slow0#1")),
    ).toHaveLength(1);
    over.abort();
    await keeping;
  });

  it("by a newer receipt handle although the call with the older takes long", async () => {
    const { clock, queue, holds: inFlight, receive } = await holding("a");
    queue.before = async ({ action, handles }) => {
      if (action === "changeVisibility" && handles.includes("a#1")) await clock.wait(60_000);
    };
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    await clock.wait(20_000);
    queue.deliverAgain("a");
    await receive();
    await clock.wait(50_000);
    expect([queue.visible, inFlight.validHandle("a")]).toEqual([[], "a#2"]);
    over.abort();
    await keeping;
  });

  it("but one whose extension is refused runs out", async () => {
    const { clock, queue, holds: inFlight } = await holding("a", "b");
    queue.deliverAgain("a");
    await queue.receive({ max: 1, waitSeconds: 0, visibilityTimeout: TIMEOUT });
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    await clock.wait(TIMEOUT * 1000);
    expect([inFlight.validHandle("a"), inFlight.validHandle("b")]).toEqual([undefined, "b#1"]);
    over.abort();
    await keeping;
  });

  it("but one whose time has run out is left to others", async () => {
    const { clock, queue, holds: inFlight } = await holding("a");
    await clock.wait(TIMEOUT * 1000);
    await queue.receive({ max: 1, waitSeconds: 0, visibilityTimeout: TIMEOUT });
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    await clock.wait(60_000);
    over.abort();
    await keeping;
    expect(queue.callsOf("changeVisibility")).toEqual([]);
  });

  it("and the time of a newer delivery is not cut short by the extension of an older one", async () => {
    const { clock, queue, holds: inFlight, receive } = await holding("a");
    const change = queue.changeVisibility.bind(queue);
    queue.changeVisibility = async (handles, seconds) => {
      const failed = await change(handles, seconds);
      await clock.wait(5000);
      queue.deliverAgain("a");
      await receive();
      return failed;
    };
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    await clock.wait((TIMEOUT * 1000) / 2 + 5000);
    over.abort();
    await keeping;
    const extendedAt = queue.callsOf("changeVisibility").map(({ at }) => at);
    expect(extendedAt).toHaveLength(1);
    await clock.wait(TIMEOUT * 1000 - 1000);
    expect(inFlight.validHandle("a")).toBe("a#2");
  });

  it("until the end is asked for, at once", async () => {
    const { clock, holds: inFlight } = await holding("a");
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    over.abort();
    await keeping;
    expect(clock.now()).toBe(0);
  });

  it.each([30, 3600, 6 * 3600, 12 * 3600])(
    "not beyond the 12 hours that SQS allows: half an hour before, the run fails, with a visibility timeout of %i s",
    async (visibilityTimeout) => {
      const clock = new VirtualClock();
      await clock.wait(HOUR_MS);
      const queue = new MemoryQueue(clock, { visibilityTimeout });
      const inFlight = new InFlight(queue, clock);
      queue.send("a", "{}");
      for (const message of await queue.receive({ max: 1, waitSeconds: 0, visibilityTimeout })) {
        inFlight.add(message, HOUR_MS);
      }
      const over = new AbortController();
      const keeping = inFlight.keep(over.signal).then(
        () => undefined,
        (error: unknown) => error,
      );
      const ended = await Promise.race([keeping, clock.wait(13 * HOUR_MS)]);
      over.abort();
      expect(ended).toEqual(
        new Failure(
          "unavailable",
          "A message could not be loaded within 12 hours, SQS's limit for messages in flight. Check Postgres, then run again.",
        ),
      );
      expect(clock.now()).toBeGreaterThan(12.5 * HOUR_MS);
      const until = queue.callsOf("changeVisibility").map(({ at, amount }) => at + amount * 1000);
      expect(Math.max(...until)).toBeLessThanOrEqual(13 * HOUR_MS);
    },
  );

  it("not beyond the 12 hours of the oldest in one call", async () => {
    const clock = new VirtualClock();
    const queue = new MemoryQueue(clock, { visibilityTimeout: 12 * 3600 });
    const inFlight = new InFlight(queue, clock);
    inFlight.add({ messageId: "oldest", receiptHandle: "oldest#1" }, 0);
    inFlight.add({ messageId: "newest", receiptHandle: "newest#1" }, 300_000);
    queue.before = ({ handles }) => {
      if (handles.length === 1) throw new Throttled();
    };
    const over = new AbortController();
    const keeping = inFlight.keep(over.signal);
    await clock.wait(6.5 * HOUR_MS);
    over.abort();
    await keeping;
    const together = queue.callsOf("changeVisibility").filter(({ handles }) => handles.length === 2);
    expect(together.length).toBeGreaterThan(0);
    for (const { at, amount } of together) expect(at + amount * 1000).toBe(12 * HOUR_MS);
  });
});

it.each([
  [new Failure("configuration", "The role lacks sqs:ChangeMessageVisibility."), 1],
  [new Failure("unavailable", "SQS is away."), 0],
  [new Throttled(), 0],
])("a right that is missing to keep them hidden is told, once: %s", async (error, times) => {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, { visibilityTimeout: TIMEOUT });
  const told: string[] = [];
  const inFlight = new InFlight(queue, clock, { warn: (line) => told.push(line) });
  queue.before = () => {
    throw error;
  };
  inFlight.add({ messageId: "a", receiptHandle: "a#1" }, 0);
  const over = new AbortController();
  const keeping = inFlight.keep(over.signal);
  await clock.wait(25_000);
  over.abort();
  await keeping;
  expect(queue.callsOf("changeVisibility").length).toBeGreaterThan(1);
  expect(told).toHaveLength(times);
  for (const line of told) expect(line).toContain("sqs:ChangeMessageVisibility");
});

describe("messages are given back", () => {
  it("all at once, ten a call, and are visible to others then", async () => {
    const messageIds = Array.from({ length: 25 }, (_, index) => `m${index}`);
    const { clock, queue, holds: inFlight } = await holding(...messageIds);
    expect(queue.visible).toEqual([]);
    queue.before = () => clock.wait(5);
    expect(await inFlight.releaseAll()).toBe(25);
    expect(clock.now()).toBe(5);
    expect(queue.visible).toEqual(messageIds);
    expect(inFlight.size).toBe(0);
    const sizes = queue.callsOf("changeVisibility").map(({ amount, handles }) => [amount, handles.length]);
    expect(sizes).toEqual([
      [0, 10],
      [0, 10],
      [0, 5],
    ]);
  });

  it("by their newest receipt handles", async () => {
    const { queue, holds: inFlight, receive } = await holding("a");
    queue.deliverAgain("a");
    await receive();
    expect(await inFlight.releaseAll()).toBe(1);
    expect(queue.callsOf("changeVisibility").map(({ handles }) => handles)).toEqual([["a#2"]]);
  });

  it("but not those whose time has run out: others may hold them", async () => {
    const { clock, queue, holds: inFlight } = await holding("a");
    await clock.wait(TIMEOUT * 1000);
    expect(await inFlight.releaseAll()).toBe(0);
    expect([queue.callsOf("changeVisibility"), inFlight.size]).toEqual([[], 0]);
  });

  it("without a call when there is none", async () => {
    const { queue, holds: inFlight } = await holding();
    expect(await inFlight.releaseAll()).toBe(0);
    expect(queue.callsOf("changeVisibility")).toEqual([]);
  });

  it("and counted only where the queue took them", async () => {
    const { queue } = await holding("a", "b");
    expect(
      await release(
        queue,
        ["a#1", "a#9", "b#1", "c#1"].map((receiptHandle) => ({ receiptHandle })),
      ),
    ).toBe(2);
  });

  it("as far as it goes: a call that fails is not an error, its messages become visible by themselves", async () => {
    const {
      clock,
      queue,
      holds: inFlight,
    } = await holding(...Array.from({ length: 15 }, (_, index) => `m${index}`));
    let calls = 0;
    queue.before = () => {
      calls += 1;
      if (calls === 1) throw new Failure("unavailable", "SQS is away.");
    };
    expect(await inFlight.releaseAll()).toBe(5);
    await clock.wait(TIMEOUT * 1000);
    expect(queue.visible).toHaveLength(15);
  });
});

it("messages of a FIFO queue are given back in the order in which they were received, one call after the other", async () => {
  const ids = Array.from({ length: 25 }, (_, index) => `m${index}`);
  const { holds: inFlight, queue, clock } = await holdingOf({ isFifo: true }, ...ids);
  let underWay = 0;
  queue.before = async () => {
    underWay += 1;
    expect(underWay).toBe(1);
    await clock.wait(5);
    underWay -= 1;
  };
  expect(await inFlight.releaseAll()).toBe(25);
  const given = queue.callsOf("changeVisibility").flatMap(({ handles }) => handles);
  expect(given).toEqual(ids.map((id) => `${id}#1`));
});
