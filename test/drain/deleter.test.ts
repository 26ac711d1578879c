import { describe, expect, it } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { Deleter } from "../../src/drain/deleter.ts";
import { InFlight } from "../../src/drain/in-flight.ts";
import { Throttled } from "../../src/drain/ports.ts";
import { Backoff } from "../../src/drain/backoff.ts";
import { newCounts } from "../../src/drain/counts.ts";
import { Failure } from "../../src/failure.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

const ours = { code: "ReceiptHandleIsInvalid", senderFault: true };
const theirs = { code: "InternalError", senderFault: false };

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);

/** A queue of which every message was received, is held and committed. */
async function committed(messageIds: readonly string[], concurrency = 8, backlog = 30, isFifo = false) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, { isFifo });
  const inFlight = new InFlight(queue, clock);
  const counts = newCounts();
  const hurry = new AbortController();
  let settled = 0;
  const deleter = new Deleter({
    queue,
    inFlight: inFlight,
    counts: counts,
    concurrency,
    backlog,
    backoff: () => new Backoff({ clock, retryForMs: 700, random: () => 1 }),
    hurry: hurry.signal,
    onSettled: () => {
      settled += 1;
    },
  });
  for (const messageId of messageIds) queue.send(messageId, "{}");
  const receive = async (): Promise<number> => {
    const asked = clock.now();
    const messages = await queue.receive({ max: 10, waitSeconds: 0, visibilityTimeout: 30 });
    for (const message of messages) inFlight.add(message, asked);
    return messages.length;
  };
  while ((await receive()) > 0);
  const sizes = (): number[] => queue.callsOf("delete").map(({ handles }) => handles.length);
  return {
    clock,
    queue,
    hurry,
    holds: inFlight,
    tally: counts,
    deleter,
    receive,
    sizes,
    settled: () => settled,
  };
}

describe("committed messages", () => {
  it("are deleted ten a call, a rest when it is asked for", async () => {
    const { deleter, queue, holds: inFlight, tally: counts, sizes, settled } = await committed(many(25));
    await deleter.add(many(25));
    expect(sizes()).toEqual([10, 10]);
    expect(deleter.idle).toBe(false);
    await deleter.finish();
    expect(sizes()).toEqual([10, 10, 5]);
    expect([queue.left, inFlight.size, counts.deleted, settled(), deleter.idle]).toEqual([
      [],
      0,
      25,
      3,
      true,
    ]);
  });

  it("make full batches with those that come later", async () => {
    const { deleter, sizes } = await committed(many(12));
    for (const messageId of many(12)) await deleter.add([messageId]);
    expect(sizes()).toEqual([10]);
  });

  it("wait for no others on a FIFO queue, whose groups wait for them", async () => {
    const { deleter, sizes, clock } = await committed(many(16), 8, 30, true);
    await deleter.add(many(12));
    expect(sizes()).toEqual([10, 2]);
    await clock.wait(10);
    await deleter.add(many(16).slice(12));
    expect(sizes()).toEqual([10, 2, 4]);
  });

  it("need no call when there is none", async () => {
    const { deleter, sizes } = await committed([]);
    await deleter.add([]);
    await deleter.finish();
    expect(sizes()).toEqual([]);
  });

  it("are deleted by no more calls at once than are allowed", async () => {
    const { deleter, queue, clock } = await committed(many(95), 3);
    let underWay = 0;
    let most = 0;
    queue.before = async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await clock.wait(100);
      underWay -= 1;
    };
    await deleter.add(many(95));
    await deleter.finish();
    expect(most).toBe(3);
    expect(queue.left).toEqual([]);
  });

  it("do not hold up who commits them, until too many are not deleted yet", async () => {
    const { deleter, queue, clock } = await committed(many(60), 1);
    queue.before = () => clock.wait(100);
    await deleter.add(many(30));
    expect(clock.now()).toBe(0);
    await deleter.add(many(60).slice(30));
    expect(clock.now()).toBe(300);
    await deleter.finish();
    expect([clock.now(), queue.left]).toEqual([600, []]);
  });

  it("wait for more where they are too few for a call, however few may wait", async () => {
    const { deleter, sizes, queue } = await committed(many(4), 8, 2);
    await deleter.add(many(4));
    expect(sizes()).toEqual([]);
    await deleter.finish();
    expect(queue.left).toEqual([]);
  });

  it("are all deleted when the rest is asked for while more come, and both have to wait", async () => {
    const { deleter, queue, clock } = await committed(many(25), 1);
    queue.before = () => clock.wait(100);
    await deleter.add(many(25).slice(0, 15));
    const both = Promise.all([deleter.finish(), deleter.add(many(25).slice(15))]).then(() => "both went on");
    expect(await Promise.race([both, clock.wait(60_000)])).toBe("both went on");
    await deleter.finish();
    expect(queue.left).toEqual([]);
  });
});

describe("a message whose delete failed", () => {
  it("is asked for again where it was not our fault, alone, after pauses that double", async () => {
    const { deleter, queue, clock, tally: counts } = await committed(["a", "b", "c"]);
    const none = { code: "", senderFault: false };
    queue.deleteFailures.push(theirs, none, theirs, theirs, theirs, theirs);
    await deleter.add(["a", "b", "c"]);
    await deleter.finish();
    expect(queue.callsOf("delete").map(({ at, handles }) => [at, handles])).toEqual([
      [0, ["a#1", "b#1", "c#1"]],
      [100, ["a#1", "b#1", "c#1"]],
      [300, ["a#1", "b#1", "c#1"]],
    ]);
    expect([queue.left, counts.deleted, clock.now()]).toEqual([[], 3, 300]);
  });

  it("is not asked for again where it was, and not counted", async () => {
    const { deleter, queue, holds: inFlight, tally: counts, sizes } = await committed(["a", "b"]);
    queue.deleteFailures.push(ours);
    await deleter.add(["a", "b"]);
    await deleter.finish();
    expect([sizes(), queue.left, inFlight.size, counts.deleted]).toEqual([[2], ["a"], 0, 1]);
  });

  it("is let go when it was asked for as long as is waited: it is delivered again, and meets the ledger", async () => {
    const { deleter, queue, holds: inFlight, tally: counts, sizes } = await committed(["a"]);
    queue.deleteFailures.push(theirs, theirs, theirs, theirs);
    await deleter.add(["a"]);
    await deleter.finish();
    expect([sizes(), queue.left, inFlight.size, counts.deleted]).toEqual([[1, 1, 1, 1], ["a"], 0, 0]);
  });
});

it("a message whose delete failed stays in flight when the run has to end, so that it is released", async () => {
  const { deleter, queue, hurry, holds: inFlight } = await committed(["a"]);
  queue.deleteFailures.push(theirs);
  hurry.abort();
  await deleter.add(["a"]);
  await deleter.finish();
  expect([queue.left, inFlight.validHandle("a")]).toEqual([["a"], "a#1"]);
});

it("a call that fails after an answer is repeated for as long as any other", async () => {
  const { deleter, queue, clock, sizes } = await committed(["a", "b"]);
  queue.deleteFailures.push(theirs);
  let deletes = 0;
  queue.before = async ({ action }) => {
    if (action !== "delete") return;
    deletes += 1;
    if (deletes !== 2) return;
    await clock.wait(1_000);
    throw new Throttled();
  };
  await deleter.add(["a", "b"]);
  await deleter.finish();
  expect([sizes(), queue.left]).toEqual([[2, 1, 1], []]);
});

describe("a message that is delivered once more", () => {
  it("after its time ran out is not forgotten by the retry of an earlier delete", async () => {
    const { deleter, queue, holds: inFlight, clock, receive } = await committed(["a", "b"]);
    await clock.wait(20_000);
    queue.deliverAgain("b");
    await receive();
    await clock.wait(10_000);
    let deletes = 0;
    queue.before = async ({ action }) => {
      if (action !== "delete") return;
      deletes += 1;
      if (deletes > 1) return;
      // "a" is visible again, and is received as a new message.
      await receive();
      throw new Throttled();
    };
    await deleter.add(["a", "b"]);
    await deleter.finish();
    expect([deletes, inFlight.size, inFlight.validHandle("a")]).toEqual([2, 1, "a#2"]);
  });

  it("is deleted by its newer receipt handle", async () => {
    const { deleter, queue, receive } = await committed(["a"]);
    queue.deliverAgain("a");
    await receive();
    await deleter.add(["a"]);
    await deleter.finish();
    expect(queue.callsOf("delete").map(({ handles }) => handles)).toEqual([["a#2"]]);
    expect(queue.left).toEqual([]);
  });

  it("while its delete is under way is deleted again, and counted once", async () => {
    const { deleter, queue, receive, tally: counts } = await committed(["a", "b"]);
    queue.before = async ({ action, handles }) => {
      if (action !== "delete" || !handles.includes("a#1")) return;
      queue.deliverAgain("a");
      await receive();
    };
    await deleter.add(["a", "b"]);
    await deleter.finish();
    expect(queue.callsOf("delete").map(({ handles }) => handles)).toEqual([["a#1", "b#1"], ["a#2"]]);
    expect([queue.left, counts.deleted]).toEqual([[], 2]);
  });

  it("while its delete is refused for the older receipt handle is deleted again", async () => {
    const { deleter, queue, receive, tally: counts } = await committed(["a"]);
    queue.before = async ({ action, handles }) => {
      if (action !== "delete" || !handles.includes("a#1")) return;
      queue.deleteFailures.push(ours);
      queue.deliverAgain("a");
      await receive();
    };
    await deleter.add(["a"]);
    await deleter.finish();
    expect([queue.left, counts.deleted]).toEqual([[], 1]);
  });
});

describe("a message whose time has run out", () => {
  it("is not deleted: others may hold it, and it is not counted", async () => {
    const { deleter, queue, holds: inFlight, clock, tally: counts } = await committed(["a"]);
    await clock.wait(30_000);
    await deleter.add(["a"]);
    await deleter.finish();
    expect([queue.callsOf("delete"), queue.left, inFlight.size, counts.deleted]).toEqual([[], ["a"], 0, 0]);
    expect(clock.now()).toBe(30_000);
  });

  it("while its delete is under way is counted where SQS deleted it", async () => {
    const { deleter, queue, clock, tally: counts } = await committed(["a"]);
    queue.before = () => clock.wait(40_000);
    await deleter.add(["a"]);
    await deleter.finish();
    expect([queue.left, counts.deleted]).toEqual([[], 1]);
  });

  it("does not keep the others of its call", async () => {
    const { deleter, queue, clock, receive } = await committed(["a"]);
    await clock.wait(20_000);
    queue.send("b", "{}");
    await receive();
    await clock.wait(10_000);
    await deleter.add(["a", "b"]);
    await deleter.finish();
    expect(queue.left).toEqual(["a"]);
  });
});

describe("a call that fails altogether", () => {
  it("is made again when SQS asked for fewer calls", async () => {
    const { deleter, queue, tally: counts } = await committed(many(10));
    let throttles = 3;
    queue.before = () => {
      throttles -= 1;
      if (throttles >= 0) throw new Throttled();
    };
    await deleter.add(many(10));
    await deleter.finish();
    expect(queue.callsOf("delete").map(({ at }) => at)).toEqual([0, 100, 300, 700]);
    expect([queue.left, counts.deleted]).toEqual([[], 10]);
  });

  it("is told in the end when SQS still asks for fewer", async () => {
    const { deleter, queue } = await committed(["a"]);
    queue.before = () => {
      throw new Throttled();
    };
    await deleter.add(["a"]);
    await expect(deleter.finish()).rejects.toThrow(Throttled);
    expect(queue.callsOf("delete")).toHaveLength(4);
  });

  it("leaves something to finish, until it is told, while other calls are under way and after", async () => {
    const { deleter, queue, clock } = await committed(many(20));
    queue.before = async ({ handles }) => {
      if (handles.includes("m0#1")) throw new Failure("configuration", "The role may not delete.");
      await clock.wait(1000);
    };
    await deleter.add(many(20));
    await clock.wait(500);
    expect(deleter.idle).toBe(false);
    await clock.wait(1000);
    expect(deleter.idle).toBe(false);
    await expect(deleter.finish()).rejects.toThrow("The role may not delete.");
    expect(deleter.idle).toBe(true);
  });

  it("is told in the end, once; the other calls are made all the same, and its messages stay held", async () => {
    const { deleter, queue, holds: inFlight, tally: counts } = await committed(many(20));
    queue.before = ({ handles }) => {
      if (handles.includes("m0#1")) throw new Failure("unavailable", "SQS is away.");
    };
    await deleter.add(many(20));
    await expect(deleter.finish()).rejects.toThrow("SQS is away.");
    expect([queue.left, inFlight.size, counts.deleted]).toEqual([many(10), 10, 10]);
    await deleter.finish();
  });
});
