import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { drain } from "../../src/drain/loop.ts";
import { Throttled } from "../../src/drain/ports.ts";
import type { DrainReport } from "../../src/drain/report.ts";
import type { DrainSettings } from "../../src/drain/settings.ts";
import { newCounts } from "../../src/drain/counts.ts";
import { Failure } from "../../src/failure.ts";
import { CLEAN_STOP_SECONDS } from "../deploy/clean-stop.ts";
import { loginEntries } from "../support/login-entries.ts";
import { LOST, MemoryLoader } from "../support/memory-loader.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };
const REFUSED = new Failure("configuration", "The role may not delete.");
const AWAY = new Failure("unavailable", "SQS is away.");

interface Given {
  readonly messages?: number;
  readonly queue?: ConstructorParameters<typeof MemoryQueue>[1];
  readonly settings?: Partial<DrainSettings>;
  readonly dryRun?: boolean;
}

/** A drain of a queue whose calls take 5 ms into a database whose statements take 20 ms. */
function draining({ messages = 0, queue: options, settings = {}, dryRun = false }: Given) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, options);
  const loader = new MemoryLoader();
  const stop = new AbortController();
  const counts = newCounts();
  const warned: string[] = [];
  for (let index = 0; index < messages; index += 1) sendLogin(queue, `m${index}`);
  queue.before = () => clock.wait(5);
  loader.before = () => clock.wait(20);
  const run = (): Promise<DrainReport> =>
    drain(
      {
        concurrency: 8,
        batchSize: 50,
        maxMessages: undefined,
        maxSeconds: undefined,
        retryForSeconds: 30,
        onReject: "quarantine",
        ...settings,
      },
      {
        queue,
        loader: dryRun ? undefined : loader,
        entries: loginEntries({ queueId: queue.id }),
        clock,
        random: () => 1,
        stop: stop.signal,
        counts: counts,
        notices: { warn: (line) => void warned.push(line) },
      },
    );
  const users = (): string[] => loader.rows.map((row) => String(row["user_id"])).toSorted();
  return { clock, queue, loader, stop, tally: counts, run, users, warned };
}

function sendLogin(queue: MemoryQueue, messageId: string): void {
  queue.send(messageId, JSON.stringify({ user_id: messageId, ...nothing }));
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`).toSorted();

/** What is visible and what was loaded make up everything that was sent, each once. */
function expectNothingLostOrDoubled({ queue, users }: ReturnType<typeof draining>, messages: number): void {
  expect([...users(), ...queue.left].toSorted()).toEqual(ids(messages));
  expect(queue.visible).toEqual(queue.left);
}

describe("a drain", () => {
  it.each([0, 1, 9, 10, 11, 49, 50, 51, 100, 1000, 1234])(
    "of %i messages loads each once, deletes it and ends",
    async (messages) => {
      const { run, queue, users } = draining({ messages });
      const report = await run();
      expect(users()).toEqual(ids(messages));
      expect(queue.left).toEqual([]);
      expect(report).toMatchObject({
        ...{ received: messages, loaded: messages, deleted: messages },
        ...{ duplicates: 0, quarantined: 0, released: 0, stoppedBy: "empty", stillVisible: false },
        ...{ leftHidden: 0, databaseSilent: false },
        remaining: { visible: 0, inFlight: 0, delayed: 0 },
      });
    },
  );

  it("costs about 0.2 requests a message, and counts them", async () => {
    const { run, queue } = draining({ messages: 5000, settings: { batchSize: 500 } });
    const { requests } = await run();
    expect(requests).toEqual(queue.requests);
    expect((requests.receive + requests.delete + requests.other) / 5000).toBeLessThan(0.21);
  });

  it("writes batches as large as they may be, while there is enough", async () => {
    const { run, loader } = draining({ messages: 1000, settings: { batchSize: 100 } });
    await run();
    expect(Math.max(...loader.calls)).toBe(100);
    expect(loader.calls.length).toBeLessThan(20);
  });

  it.each([1, 2, 3, 4, 9])("ends with statements of at most %i rows, too", async (batchSize) => {
    const drained = draining({ messages: 60, settings: { batchSize } });
    expect(await drained.run()).toMatchObject({ loaded: 60, deleted: 60, stoppedBy: "empty" });
  });

  it("deletes a message only after the commit that holds it", async () => {
    const { run, queue, clock, users } = draining({ messages: 200 });
    queue.before = async ({ action, handles }) => {
      if (action === "delete")
        expect(users()).toEqual(expect.arrayContaining(handles.map((h) => h.split("#")[0])));
      await clock.wait(5);
    };
    await run();
    expect(queue.left).toEqual([]);
  });

  it("quarantines what breaks the contract, and deletes it", async () => {
    const { run, queue, loader, users } = draining({ messages: 20 });
    queue.send("wrong", '{"foo": "oops_wrong_msg_type", "bar": "123"}');
    queue.send("no JSON", "hello");
    const report = await run();
    expect(users()).toEqual(ids(20));
    expect([...loader.quarantine.keys()].toSorted()).toEqual(["no JSON", "wrong"]);
    expect(loader.quarantine.get("no JSON")?.reasons).toEqual(["body: not JSON"]);
    expect(report).toMatchObject({ loaded: 20, quarantined: 2, deleted: 22 });
    expect(queue.left).toEqual([]);
  });

  it("quarantines the one row that the database refuses", async () => {
    const { run, queue, loader } = draining({ messages: 100 });
    loader.refused.add("m42");
    expect(await run()).toMatchObject({ loaded: 99, quarantined: 1, deleted: 100 });
    expect(loader.quarantine.get("m42")?.reasons).toEqual([
      "row: refused by Postgres, SQLSTATE 22021, column locale",
    ]);
    expect(queue.left).toEqual([]);
  });

  it("goes on while messages keep coming, and ends when they don't", async () => {
    const { run, queue, clock, users } = draining({ messages: 10 });
    void (async () => {
      for (let index = 10; index < 40; index += 1) {
        await clock.wait(900);
        sendLogin(queue, `m${index}`);
      }
    })();
    expect(await run()).toMatchObject({ loaded: 40, stoppedBy: "empty" });
    expect(users()).toEqual(ids(40));
  });

  it("is not ended by long polls that are empty although messages are there", async () => {
    const { run, queue } = draining({ messages: 100 });
    queue.falseEmpties = 5;
    expect(await run()).toMatchObject({ loaded: 100, deleted: 100, stoppedBy: "empty" });
  });

  it("ends, and says so, when the queue counts messages that it does not hand out", async () => {
    const { run, queue } = draining({ messages: 3 });
    queue.falseEmpties = Infinity;
    expect(await run()).toMatchObject({
      ...{ received: 0, stoppedBy: "empty", stillVisible: true },
      remaining: { visible: 3, inFlight: 0, delayed: 0 },
    });
  });

  it("does not wait for what others hold, and reports it", async () => {
    const { run, queue, clock } = draining({ messages: 12 });
    await queue.receive({ max: 5, waitSeconds: 0, visibilityTimeout: 3600 });
    expect(await run()).toMatchObject({ loaded: 7, remaining: { visible: 0, inFlight: 5, delayed: 0 } });
    expect(clock.now()).toBeLessThan(5000);
  });

  it("is quick: it waits for nothing but two empty long polls", async () => {
    const { run, clock } = draining({ messages: 1000 });
    await clock.wait(1_000_000);
    const { durationMs } = await run();
    expect(durationMs).toBe(clock.now() - 1_000_000);
    expect(durationMs).toBeLessThan(4000);
  });

  it("reports what it did although the queue cannot tell in the end what is left", async () => {
    const { run, queue, clock } = draining({ messages: 3, settings: { maxMessages: 3 } });
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action === "depth") throw AWAY;
    };
    expect(await run()).toMatchObject({ loaded: 3, deleted: 3, remaining: undefined });
  });

  it("asks an empty queue for its counts once", async () => {
    const { run, queue } = draining({ messages: 0 });
    const { remaining } = await run();
    expect(remaining).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(queue.calls.map(({ action }) => action)).toEqual(["receive", "receive", "depth"]);
  });
});

describe("a message that is delivered more than once", () => {
  it("in one receive is loaded once and deleted by its newest receipt handle", async () => {
    const { run, queue, users } = draining({ messages: 25 });
    queue.deliveries = 3;
    expect(await run()).toMatchObject({ received: 75, loaded: 25, duplicates: 50, deleted: 25 });
    expect(users()).toEqual(ids(25));
    expect(queue.left).toEqual([]);
    const handles = queue.callsOf("delete").flatMap((call) => call.handles);
    expect(handles.every((handle) => handle.endsWith("#3"))).toBe(true);
  });

  it("in two receives, while the first is being written, is loaded once and deleted", async () => {
    const { run, queue, loader, clock, users } = draining({ messages: 25 });
    let again = true;
    loader.before = async () => {
      if (again) queue.deliverAgain("m3");
      again = false;
      await clock.wait(3000);
    };
    expect(await run()).toMatchObject({ received: 26, loaded: 25, duplicates: 1, deleted: 25 });
    expect(users()).toEqual(ids(25));
    expect(queue.left).toEqual([]);
  });

  it("after it was loaded meets the ledger, and is deleted", async () => {
    const { run, queue, users } = draining({ messages: 5 });
    await run();
    sendLogin(queue, "m2");
    expect(await run()).toMatchObject({ loaded: 5, duplicates: 1, deleted: 6 });
    expect(users()).toEqual(ids(5));
    expect(queue.left).toEqual([]);
  });
});

describe("a server that returns more than ten messages for a receive", () => {
  it.each([11, 25, 100])("up to %i: all are loaded, and deleted ten a call", async (perReceive) => {
    const { run, queue, users } = draining({ messages: 234 });
    queue.perReceive = perReceive;
    expect(await run()).toMatchObject({ loaded: 234, deleted: 234 });
    expect(users()).toEqual(ids(234));
    expect(Math.max(...queue.callsOf("delete").map(({ handles }) => handles.length))).toBe(10);
  });
});

describe("--max-messages", () => {
  it.each([1, 7, 10, 33, 100, 199])(
    "%i loads exactly as many, with eight receives at once",
    async (maxMessages) => {
      const drained = draining({ messages: 200, settings: { maxMessages } });
      expect(await drained.run()).toMatchObject({
        ...{ received: maxMessages, loaded: maxMessages, deleted: maxMessages, released: 0 },
        stoppedBy: "max-messages",
      });
      expectNothingLostOrDoubled(drained, 200);
    },
  );

  it("gives back what a server hands out beyond, and counts it", async () => {
    const drained = draining({ messages: 400, settings: { maxMessages: 120 } });
    drained.queue.perReceive = 25;
    const report = await drained.run();
    expect(report).toMatchObject({ loaded: 120, deleted: 120, stoppedBy: "max-messages", leftHidden: 0 });
    const released = drained.queue.callsOf("changeVisibility").flatMap(({ handles }) => handles);
    expect(released.length).toBeGreaterThan(0);
    expect(report.released).toBe(released.length);
    expectNothingLostOrDoubled(drained, 400);
  });
});

describe("what a server hands out beyond --max-messages", () => {
  it("is reported as hidden if it cannot be given back", async () => {
    const { run, queue } = draining({ messages: 200, settings: { maxMessages: 33 } });
    queue.perReceive = 25;
    queue.before = ({ action }) => {
      if (action === "changeVisibility") throw AWAY;
    };
    const report = await run();
    const beyond = queue.callsOf("changeVisibility").flatMap(({ handles }) => handles).length;
    expect(beyond).toBeGreaterThan(0);
    expect(report).toMatchObject({ deleted: 33, released: 0, leftHidden: beyond });
  });

  it("is not given back if it may be visible again", async () => {
    const { run, queue, clock } = draining({
      messages: 20,
      settings: { maxMessages: 5, concurrency: 1 },
      queue: { visibilityTimeout: 2 },
    });
    const receive = queue.receive.bind(queue);
    queue.receive = async (request) => {
      const received = await receive({ ...request, max: 9 });
      await clock.wait(3_000);
      return received;
    };
    expect(await run()).toMatchObject({ received: 5, released: 0, leftHidden: 0 });
    expect(queue.callsOf("changeVisibility")).toEqual([]);
  });

  it("is reported as hidden if SQS does not answer before the run ends", async () => {
    const { run, queue, clock, stop } = draining({ messages: 200, settings: { maxMessages: 33 } });
    queue.perReceive = 25;
    queue.before = async ({ action }) => {
      if (action === "changeVisibility") await clock.wait(3_600_000);
    };
    const running = run();
    await clock.wait(10_000);
    stop.abort();
    const report = await running;
    const beyond = queue.callsOf("changeVisibility").flatMap(({ handles }) => handles).length;
    expect(beyond).toBeGreaterThan(0);
    expect(report).toMatchObject({ deleted: 33, released: 0, leftHidden: beyond });
  });
});

describe("--max-seconds", () => {
  it("ends a drain that would go on, on time, with nothing held", async () => {
    const drained = draining({ messages: 5000, settings: { maxSeconds: 2 } });
    drained.queue.before = () => drained.clock.wait(100);
    const report = await drained.run();
    expect(report.stoppedBy).toBe("max-seconds");
    expect(report.loaded).toBeGreaterThan(100);
    expect(report.durationMs).toBeLessThan(3000);
    expectNothingLostOrDoubled(drained, 5000);
  });

  it("does not end before it is time", async () => {
    const { run } = draining({ messages: 100, settings: { maxSeconds: 60 } });
    expect(await run()).toMatchObject({ loaded: 100, stoppedBy: "empty" });
  });

  it("is why a drain ends that would have to wait for messages beyond them", async () => {
    const { run, clock } = draining({ messages: 3, settings: { maxSeconds: 1.5 } });
    expect(await run()).toMatchObject({ loaded: 3, deleted: 3, stoppedBy: "max-seconds" });
    expect(clock.now()).toBeLessThan(1500);
  });

  it("ends although the database takes no end: what is under way is waited for 10 s", async () => {
    const drained = draining({ messages: 100, settings: { maxSeconds: 5 } });
    drained.loader.before = () => drained.clock.wait(3_600_000);
    const report = await drained.run();
    expect(report).toMatchObject({ loaded: 0, released: 100, stoppedBy: "max-seconds" });
    expect(report.durationMs).toBeLessThan(16_000);
    expect(drained.queue.visible).toHaveLength(100);
  });
});

describe("a signal", () => {
  it("before the start: nothing is received", async () => {
    const { run, queue, stop } = draining({ messages: 10 });
    stop.abort("SIGTERM");
    expect(await run()).toMatchObject({ received: 0, stoppedBy: "signal" });
    expect(queue.requests.receive).toBe(0);
  });

  it("lets the batch under way commit, deletes it, and gives the rest back", async () => {
    const drained = draining({ messages: 500, queue: { visibilityTimeout: 3600 } });
    const { run, queue, loader, stop, clock } = drained;
    loader.before = async () => {
      await clock.wait(1000);
      if (loader.calls.length === 2) stop.abort("SIGINT");
      await clock.wait(1000);
    };
    const report = await run();
    expect(loader.calls).toHaveLength(2);
    const written = loader.calls.reduce((sum, size) => sum + size, 0);
    expect(report).toMatchObject({ loaded: written, deleted: written, stoppedBy: "signal" });
    expect(report.released).toBe(report.received - written);
    expect(report.released).toBeGreaterThan(0);
    expect(report.leftHidden).toBe(0);
    expect(queue.left).toHaveLength(500 - written);
    expectNothingLostOrDoubled(drained, 500);
  });

  it("lets the receives under way finish, and gives back what they bring", async () => {
    const drained = draining({ messages: 40, queue: { visibilityTimeout: 3600 } });
    const { run, queue, stop, clock } = drained;
    queue.before = () => clock.wait(500);
    void clock.wait(100).then(() => {
      stop.abort("SIGINT");
    });
    expect(await run()).toMatchObject({ received: 20, loaded: 0, released: 20, stoppedBy: "signal" });
    expectNothingLostOrDoubled(drained, 40);
  });

  it("while a batch is written keeps what the receives under way bring out of the next one", async () => {
    const drained = draining({ messages: 40, queue: { visibilityTimeout: 3600 } });
    const { run, queue, loader, stop, clock } = drained;
    queue.before = ({ action }) => (action === "receive" ? clock.wait(500) : undefined);
    loader.before = () => clock.wait(2000);
    void clock.wait(700).then(() => {
      stop.abort("SIGINT");
    });
    expect(await run()).toMatchObject({ received: 40, loaded: 20, deleted: 20, released: 20 });
    expectNothingLostOrDoubled(drained, 40);
  });

  it("while the queue is long polled ends as soon as the poll does", async () => {
    const { run, stop, clock } = draining({});
    void clock.wait(300).then(() => {
      stop.abort("SIGINT");
    });
    const { stoppedBy, durationMs } = await run();
    expect(stoppedBy).toBe("signal");
    expect(durationMs).toBeLessThan(1100);
  });

  it("does not wait for a database that is away, and is no error", async () => {
    const drained = draining({ messages: 30, settings: { retryForSeconds: 3600 } });
    const { run, loader, stop, clock } = drained;
    loader.faults.push(...Array.from({ length: 1000 }, () => "lost before" as const));
    void clock.wait(60_000).then(() => {
      stop.abort("SIGTERM");
    });
    const report = await run();
    expect(report).toMatchObject({ loaded: 0, released: 30, stoppedBy: "signal" });
    expect(report.durationMs).toBeLessThan(61_000);
    expectNothingLostOrDoubled(drained, 30);
  });

  it("does not wait for an SQS that wants fewer calls, and is no error", async () => {
    const { run, queue, stop, clock } = draining({ messages: 30, settings: { retryForSeconds: 3600 } });
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action === "delete") throw new Throttled();
    };
    void clock.wait(60_000).then(() => {
      stop.abort("SIGTERM");
    });
    const report = await run();
    expect(report).toMatchObject({ loaded: 30, deleted: 0, released: 30, stoppedBy: "signal" });
    expect(report.durationMs).toBeLessThan(66_000);
    expect(queue.visible).toHaveLength(30);
  });

  it("waits no longer than 10 s for a statement that does not end", async () => {
    const { run, loader, stop, clock, queue } = draining({ messages: 30 });
    loader.before = () => clock.wait(3_600_000);
    void clock.wait(5000).then(() => {
      stop.abort("SIGTERM");
    });
    const report = await run();
    expect(report).toMatchObject({ loaded: 0, released: 30, stoppedBy: "signal" });
    expect(report.durationMs).toBeLessThan(16_000);
    expect(queue.visible).toHaveLength(30);
  });

  it("at any moment loses nothing, doubles nothing and leaves nothing hidden", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.integer({ min: 1, max: 8 }), async (at, concurrency) => {
        const drained = draining({ messages: 300, settings: { concurrency, batchSize: 20 } });
        void drained.clock.wait(at).then(() => {
          drained.stop.abort("SIGINT");
        });
        const report = await drained.run();
        expect(report.stoppedBy).toBe("signal");
        expect(report.received).toBe(report.loaded + report.released);
        expectNothingLostOrDoubled(drained, 300);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a failure ends the drain, is told, and everything that was not committed is given back:", () => {
  it("SQS cannot be reached any more", async () => {
    const drained = draining({ messages: 500 });
    const { run, queue, clock } = drained;
    queue.before = async ({ action, at }) => {
      await clock.wait(5);
      if (action === "receive" && at > 100) throw AWAY;
    };
    await expect(run()).rejects.toBe(AWAY);
    expect(drained.tally.loaded).toBeGreaterThan(0);
    expectNothingLostOrDoubled(drained, 500);
  });

  it("the database refuses for good", async () => {
    const drained = draining({ messages: 500 });
    const { run, loader, tally: counts } = drained;
    const denied = new Failure("configuration", "The role may not insert.");
    loader.before = () => {
      if (loader.calls.length === 3) loader.faults.push(denied);
    };
    await expect(run()).rejects.toBe(denied);
    expect(counts.loaded).toBeGreaterThan(0);
    expectNothingLostOrDoubled(drained, 500);
  });

  it("the database is away for longer than is waited", async () => {
    const drained = draining({ messages: 100, settings: { retryForSeconds: 60 } });
    drained.loader.faults.push(...Array.from({ length: 100 }, () => "lost before" as const));
    await expect(drained.run()).rejects.toBe(LOST);
    expect(drained.clock.now()).toBeGreaterThan(55_000);
    expect(drained.clock.now()).toBeLessThan(65_000);
    expectNothingLostOrDoubled(drained, 100);
  });

  it.each([1, 9, 10, 11, 20, 100, 123])("none of %i messages can be deleted", async (messages) => {
    const drained = draining({ messages });
    const { run, queue, clock, users } = drained;
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action === "delete") throw AWAY;
    };
    await expect(run()).rejects.toBe(AWAY);
    expect(clock.now()).toBeLessThan(61_000);
    expect(users().length).toBeGreaterThan(0);
    expect(queue.visible).toEqual(queue.left);
  });

  it("nothing may be deleted, which is noticed long before the queue is empty", async () => {
    const drained = draining({ messages: 5000 });
    const { run, queue, clock, users } = drained;
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action === "delete") throw REFUSED;
    };
    await expect(run()).rejects.toBe(REFUSED);
    expect(users().length).toBeLessThan(500);
    expect(queue.visible).toHaveLength(5000);
  });

  it("one delete of many is refused for good", async () => {
    const { run, queue, clock, tally: counts } = draining({ messages: 100 });
    let deletes = 0;
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action === "delete" && (deletes += 1) === 3) throw REFUSED;
    };
    await expect(run()).rejects.toBe(REFUSED);
    expect(clock.now()).toBeLessThan(60_000);
    expect(queue.visible).toEqual(queue.left);
    expect(counts.deleted).toBe(100 - queue.left.length);
  });

  it("the counts cannot be read", async () => {
    const drained = draining({ messages: 25 });
    const { run, queue, clock } = drained;
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action === "depth") throw AWAY;
    };
    await expect(run()).rejects.toBe(AWAY);
    expectNothingLostOrDoubled(drained, 25);
  });

  it("Postgres refuses the work, and an answer waits for memory", async () => {
    const { run, queue, loader, clock } = draining({});
    const body = JSON.stringify({ user_id: "m", ...nothing, padding: "x".repeat(1_000_000) });
    for (let index = 0; index < 20; index += 1) queue.send(`m${index}`, body);
    loader.faults.push(new Failure("configuration", "The role may not insert."));
    await expect(run()).rejects.toThrow("The role may not insert.");
    expect(queue.visible).toEqual(queue.left);
    expect(clock.now()).toBeLessThan(3_000);
  });

  it("even when giving back fails, too, which is not told", async () => {
    const { run, queue, loader, clock } = draining({ messages: 25 });
    loader.faults.push(new Failure("configuration", "The role may not insert."));
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action === "changeVisibility") throw AWAY;
    };
    await expect(run()).rejects.toThrow("The role may not insert.");
    expect(queue.left).toHaveLength(25);
  });
});

describe("a delete that SQS did not carry out", () => {
  it("is asked for again", async () => {
    const { run, queue } = draining({ messages: 30 });
    queue.deleteFailures.push(
      ...Array.from({ length: 15 }, () => ({ code: "InternalError", senderFault: false })),
    );
    expect(await run()).toMatchObject({ loaded: 30, deleted: 30 });
    expect(queue.left).toEqual([]);
  });

  it("is not asked for again where the fault is ours: the message is reported as still in flight", async () => {
    const { run, queue } = draining({ messages: 30 });
    queue.deleteFailures.push({ code: "ReceiptHandleIsInvalid", senderFault: true });
    expect(await run()).toMatchObject({
      ...{ loaded: 30, deleted: 29 },
      remaining: { visible: 0, inFlight: 1, delayed: 0 },
    });
  });
});

describe("a database that is slow", () => {
  it("costs no delivery: messages are kept hidden, extended at half of their time", async () => {
    const drained = draining({ messages: 120, queue: { visibilityTimeout: 10 } });
    const { run, queue, loader, clock } = drained;
    loader.before = () => clock.wait(60_000);
    expect(await run()).toMatchObject({ received: 120, loaded: 120, duplicates: 0, deleted: 120 });
    const extended = queue.callsOf("changeVisibility");
    expect(extended.length).toBeGreaterThan(0);
    expect(extended.every(({ amount }) => amount === 10)).toBe(true);
  });

  it("does not delay the end until a call that extends a visibility timeout is answered", async () => {
    const { run, queue, loader, clock } = draining({ messages: 10, queue: { visibilityTimeout: 10 } });
    queue.before = ({ action, amount }) =>
      clock.wait(action === "changeVisibility" && amount > 0 ? 300_000 : 5);
    loader.before = () => clock.wait(6000);
    const { deleted, durationMs } = await run();
    expect(deleted).toBe(10);
    expect(durationMs).toBeLessThan(20_000);
  });

  it("bounds what is received: no more is held than can be written soon", async () => {
    const {
      run,
      loader,
      clock,
      tally: counts,
    } = draining({
      messages: 5000,
      queue: { visibilityTimeout: 3600 },
      settings: { batchSize: 50 },
    });
    const held: number[] = [];
    loader.before = async () => {
      await clock.wait(5000);
      held.push(counts.received - counts.deleted);
    };
    await run();
    // One batch is written, and one waits.
    expect(Math.max(...held)).toBe(2 * 50);
    expect(Math.min(...held.slice(0, -1))).toBe(2 * 50);
  });

  it.each([
    [1, 5, 12],
    [20, 32, 50],
  ])("has as many receives in flight as it needs: at %i ms from %i to %i", async (ms, fewest, most) => {
    const settings = { concurrency: 128, batchSize: 50 };
    const { run, queue, loader, clock } = draining({ messages: 5000, settings });
    const inFlight = { now: 0, most: 0 };
    queue.before = async ({ action }) => {
      if (action === "receive") inFlight.most = Math.max(inFlight.most, (inFlight.now += 1));
      await clock.wait(ms);
      if (action === "receive") inFlight.now -= 1;
    };
    loader.before = () => clock.wait(5);
    await run();
    expect(inFlight.most).toBeGreaterThan(fewest);
    expect(inFlight.most).toBeLessThanOrEqual(most);
  });

  it("holds no more than it can write before a visibility timeout has to be extended", async () => {
    const {
      run,
      loader,
      clock,
      tally: counts,
      queue,
    } = draining({
      messages: 200,
      queue: { visibilityTimeout: 30 },
      settings: { batchSize: 50 },
    });
    const held: number[] = [];
    loader.before = async () => {
      // Half a second for each row.
      await clock.wait(500 * (loader.calls.at(-1) ?? 0));
      held.push(counts.received - counts.deleted);
    };
    expect(await run()).toMatchObject({ loaded: 200, duplicates: 0 });
    expect(Math.max(...held.slice(4))).toBeLessThanOrEqual(20);
    const extended = queue.callsOf("changeVisibility").filter(({ at }) => at > 95_000);
    expect(extended).toEqual([]);
  });

  it("and messages whose time ran out are not deleted: they are delivered again, meet the ledger, and are deleted then", async () => {
    const { run, queue, loader, clock, users } = draining({ messages: 20, queue: { visibilityTimeout: 10 } });
    queue.before = async ({ action, amount }) => {
      await clock.wait(5);
      if (action === "changeVisibility" && amount > 0) throw AWAY;
    };
    loader.before = () => clock.wait(loader.calls.length === 1 ? 60_000 : 20);
    const report = await run();
    expect(report).toMatchObject({ loaded: 20, deleted: 20 });
    expect(report.duplicates).toBeGreaterThan(0);
    expect(users()).toEqual(ids(20));
    expect(queue.left).toEqual([]);
  });

  it("or away for a while is waited for; what it had committed is not loaded twice", async () => {
    const { run, queue, loader, users } = draining({ messages: 100 });
    loader.faults.push("lost before", "lost after", "lost before", "lost after");
    const report = await run();
    expect(report.loaded + report.duplicates).toBe(100);
    expect([users(), queue.left]).toEqual([ids(100), []]);
  });
});

it.each(["SQS", "Postgres", "SQS and Postgres"])(
  "ends within the time that docs/reliability.md promises after a signal when %s answers no more",
  async (silent) => {
    const { run, queue, loader, clock, stop } = draining({ messages: 3000 });
    const never = new Promise<void>(() => undefined);
    const answers = (who: string) => async () => {
      await clock.wait(5);
      if (stop.signal.aborted && silent.includes(who)) await never;
    };
    queue.before = answers("SQS");
    loader.before = answers("Postgres");
    const running = run();
    await clock.wait(100);
    stop.abort("SIGTERM");
    const report = await running;
    expect(report).toMatchObject({ stoppedBy: "signal", databaseSilent: silent.includes("Postgres") });
    // Two seconds more are for closing the connection.
    expect(clock.now()).toBeLessThan((CLEAN_STOP_SECONDS - 2) * 1000);
  },
);

it("does not blame Postgres for deletes that SQS does not answer, and writes on until two batches are not deleted", async () => {
  const { run, queue, clock, stop } = draining({ messages: 3000, settings: { batchSize: 10 } });
  queue.before = async ({ action }) => {
    await clock.wait(5);
    if (action === "delete") await new Promise<void>(() => undefined);
  };
  const running = run();
  await clock.wait(1000);
  stop.abort("SIGTERM");
  // Two batches wait for SQS; the next one is written and waits for them.
  expect(await running).toMatchObject({ loaded: 2 * 10 + 10, stoppedBy: "signal", databaseSilent: false });
});

describe("when SQS asks for fewer calls", () => {
  it("the drain slows down, and it is no error", async () => {
    const { run, queue, clock, users } = draining({ messages: 300 });
    let calls = 0;
    queue.before = async ({ action }) => {
      await clock.wait(5);
      calls += 1;
      if ((action === "receive" || action === "delete") && calls % 3 === 0) throw new Throttled();
    };
    expect(await run()).toMatchObject({ loaded: 300, deleted: 300, stoppedBy: "empty" });
    expect([users(), queue.left]).toEqual([ids(300), []]);
  });

  it("nothing is said on stderr of however many calls that wait at once", async () => {
    const warned = vi.fn();
    process.on("warning", warned);
    const { run, queue, clock } = draining({ messages: 3000, settings: { concurrency: 32, batchSize: 500 } });
    const waiting = { now: 0, most: 0 };
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action !== "receive" || clock.now() < 100 || clock.now() > 150) return;
      waiting.most = Math.max(waiting.most, ++waiting.now);
      throw new Throttled();
    };
    expect(await run()).toMatchObject({ loaded: 3000 });
    process.off("warning", warned);
    expect(waiting.most).toBeGreaterThan(10);
    expect(warned).not.toHaveBeenCalled();
  });

  it("many calls that fail at once do not use up a short time for retries", async () => {
    const settings = { concurrency: 32, batchSize: 500, retryForSeconds: 2 };
    const { run, queue, clock } = draining({ messages: 3000, settings });
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action === "receive" && clock.now() >= 100 && clock.now() <= 150) throw new Throttled();
    };
    expect(await run()).toMatchObject({ loaded: 3000 });
  });

  it("and for nothing else, that is told in the end, and everything is given back", async () => {
    const drained = draining({ messages: 300, settings: { retryForSeconds: 20 } });
    const { run, queue, clock } = drained;
    queue.before = async ({ action, at }) => {
      await clock.wait(5);
      if (action === "receive" && at > 20) throw new Throttled();
    };
    await expect(run()).rejects.toThrow(Throttled);
    expectNothingLostOrDoubled(drained, 300);
  });
});

describe("a dry run", () => {
  it.each([0, 5, 100, 234])(
    "of %i messages counts them, writes and deletes nothing, and gives all back",
    async (messages) => {
      const { run, queue, loader } = draining({ messages, dryRun: true });
      expect(await run()).toMatchObject({
        ...{ received: messages, loaded: messages, deleted: 0, released: messages, stoppedBy: "empty" },
        remaining: { visible: messages, inFlight: 0, delayed: 0 },
      });
      expect([loader.calls, queue.callsOf("delete")]).toEqual([[], []]);
      expect(queue.visible).toHaveLength(messages);
      expect(queue.callsOf("receive").every(({ amount }) => amount === 10)).toBe(true);
    },
  );

  it("counts what would be quarantined, and a message once that is delivered twice", async () => {
    const { run, queue } = draining({ messages: 5, dryRun: true });
    queue.send("wrong", "hello");
    queue.deliveries = 2;
    expect(await run()).toMatchObject({
      received: 12,
      loaded: 5,
      quarantined: 1,
      duplicates: 6,
      released: 6,
    });
  });

  it("keeps what it saw hidden until its end, so that it sees it once", async () => {
    const { run, queue, clock } = draining({ messages: 30, dryRun: true, queue: { visibilityTimeout: 15 } });
    queue.before = () => clock.wait(2000);
    queue.perReceive = 5;
    expect(await run()).toMatchObject({ received: 30, loaded: 30, released: 30 });
  });

  it("gives all back at a signal, too", async () => {
    const { run, queue, stop, clock } = draining({
      messages: 300,
      dryRun: true,
      settings: { concurrency: 1 },
    });
    void clock.wait(50).then(() => {
      stop.abort("SIGINT");
    });
    const report = await run();
    expect(report.stoppedBy).toBe("signal");
    expect(report.released).toBe(report.received);
    expect(report.received).toBeGreaterThan(0);
    expect(queue.visible).toHaveLength(300);
  });

  it("receives nothing from a queue that moves a message to its dead-letter queue after one receive", async () => {
    const { run, queue } = draining({ messages: 5, dryRun: true, queue: { maxReceiveCount: 1 } });
    await expect(run()).rejects.toThrow(/dead-letter queue/);
    expect([queue.requests.receive, queue.visible.length]).toEqual([0, 5]);
  });

  it("stops when a message has one receive left, having received one at a time, and gives all back", async () => {
    const { run, queue } = draining({ messages: 15, dryRun: true, queue: { maxReceiveCount: 3 } });
    await run();
    const before = queue.requests.receive;
    await expect(run()).rejects.toThrow(/has been received 2 times/);
    expect(queue.requests.receive - before).toBe(1);
    expect(queue.callsOf("receive").every(({ amount }) => amount === 1)).toBe(true);
    expect(queue.visible).toHaveLength(15);
  });
});

it("a drain of a FIFO queue receives ten messages at a time", async () => {
  const { run, queue } = draining({ messages: 40, queue: { isFifo: true } });
  expect(await run()).toMatchObject({ loaded: 40, deleted: 40 });
  expect(queue.callsOf("receive").every(({ amount }) => amount === 10)).toBe(true);
});

it("a drain leaves nothing behind that listens for a signal", async () => {
  const { run, stop } = draining({ messages: 1 });
  await run();
  expect(getEventListeners(stop.signal, "abort")).toEqual([]);
});

it("a drain warns once that messages cannot be kept hidden, and goes on", async () => {
  const { run, queue, loader, clock, warned } = draining({ messages: 20, queue: { visibilityTimeout: 10 } });
  queue.before = ({ action, amount }) => {
    if (action === "changeVisibility" && amount > 0) throw new Failure("configuration", "It is not allowed.");
  };
  loader.before = () => clock.wait(loader.calls.length === 1 ? 9000 : 20);
  expect(await run()).toMatchObject({ loaded: 20, deleted: 20 });
  expect(warned).toEqual([
    "Cannot extend the visibility timeout, so SQS redelivers messages that take long to load. It is not allowed.",
  ]);
});

it("a real drain does not mind a dead-letter queue", async () => {
  const { run } = draining({ messages: 15, queue: { maxReceiveCount: 1 } });
  expect(await run()).toMatchObject({ loaded: 15, deleted: 15 });
});
