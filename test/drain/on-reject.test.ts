// What a drain does with messages that cannot be loaded when it is to leave them to the queue's redrive policy.
import { describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { drain } from "../../src/drain/loop.ts";
import type { DrainReport } from "../../src/drain/report.ts";
import { loginEntries } from "../support/login-entries.ts";
import { MemoryLoader } from "../support/memory-loader.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

// Time is not real here: a test that takes long does not end.
vi.setConfig({ testTimeout: 10_000 });

const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };

const login = (id: string): string => JSON.stringify({ user_id: id, ...nothing });

/** A queue of 40 logins, of which Postgres refuses one, and 3 other messages. */
function leaving(visibilityTimeout: number, maxReceiveCount: number) {
  const parts = leavingIn({ visibilityTimeout, maxReceiveCount });
  const { queue, loader } = parts;
  for (let index = 0; index < 40; index += 1) {
    queue.send(`m${index}`, login(`m${index}`));
    if (index % 15 === 0) queue.send(`bad${index}`, "no JSON");
  }
  loader.refused.add("m7");
  return { ...parts, bad: ["bad0", "m7", "bad15", "bad30"] };
}

function leavingIn(options: ConstructorParameters<typeof MemoryQueue>[1]) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, options);
  const loader = new MemoryLoader();
  const stop = new AbortController();
  queue.before = () => clock.wait(5);
  loader.before = () => clock.wait(20);
  const entries = loginEntries({ queueId: queue.id });
  const warned: string[] = [];
  const warn = (line: string): void => void warned.push(line);
  const run = (dryRun = false): Promise<DrainReport> =>
    drain(
      { concurrency: 8, batchSize: 50, retryForSeconds: 30, onReject: "leave" },
      {
        queue,
        loader: dryRun ? undefined : loader,
        entries,
        clock,
        random: () => 1,
        stop: stop.signal,
        notices: { warn },
      },
    );
  return { clock, queue, loader, stop, run, warned };
}

const sorted = (ids: readonly string[]): string[] => ids.toSorted();

describe("messages that are left", () => {
  it("are counted by reason, also in a dry run", async () => {
    const { reasons } = await leaving(300, 3).run();
    expect([...reasons].toSorted()).toEqual([
      ["body: not JSON", 3],
      ["row: refused by Postgres, SQLSTATE 22021, column locale", 1],
    ]);
    expect([...(await leaving(300, 3).run(true)).reasons]).toEqual([["body: not JSON", 3]]);
  });

  it("stay hidden for their time, and are neither loaded, quarantined, deleted nor given back", async () => {
    const { run, queue, loader, bad, warned } = leaving(300, 3);
    expect(await run()).toMatchObject({
      ...{ received: 43, loaded: 39, left: 4, deleted: 39, quarantined: 0, duplicates: 0, released: 0 },
      ...{ stoppedBy: "empty", stillVisible: false, leftHidden: 0 },
      remaining: { visible: 0, inFlight: 4, delayed: 0 },
    });
    expect(sorted(queue.left)).toEqual(sorted(bad));
    expect(queue.visible).toEqual([]);
    expect([loader.rows.length, loader.quarantine.size]).toEqual([39, 0]);
    expect(warned).toEqual([
      "Postgres refuses the row of message m7 (SQLSTATE 22021, column locale). This message, and others with the same error, stay in the queue.",
    ]);
  });

  it("are not received for as long as the run is busy with others, where their time is short", async () => {
    const { run, queue, loader, clock } = leaving(2, 50);
    loader.refused.clear();
    loader.before = () => clock.wait(60_000);
    const report = await run();
    expect(report).toMatchObject({ loaded: 40, deleted: 40, stoppedBy: "empty" });
    expect(report.left).toBeLessThan(3 * 10);
    expect(sorted(queue.left)).toEqual(["bad0", "bad15", "bad30"]);
  });

  it.each([2, 10, 25])(
    "do not keep a run going where they come back after %i s, policy or not",
    async (seconds) => {
      const { run, queue, clock, loader } = leaving(seconds, 1_000_000);
      loader.refused.clear();
      const report = await run();
      expect(report).toMatchObject({ loaded: 40, deleted: 40 });
      expect(report.left).toBeGreaterThanOrEqual(3);
      expect(queue.left).toHaveLength(3);
      expect(clock.now()).toBeLessThan(90_000);
    },
  );

  it("do not end a run while new messages come with them", async () => {
    const { run, queue, clock } = leavingIn({ visibilityTimeout: 300, maxReceiveCount: 1_000_000 });
    queue.send("bad", "no JSON");
    for (let index = 0; index < 100; index += 1) queue.send(`m${index}`, login(`m${index}`));
    queue.perReceive = 2;
    queue.before = ({ action }) => {
      if (action === "receive") queue.deliverAgain("bad");
      return clock.wait(5);
    };
    expect(await run()).toMatchObject({ loaded: 100, deleted: 100 });
  });

  it("go there after as many runs as the policy allows where their time is long", async () => {
    const { run, queue, bad, clock } = leaving(300, 3);
    for (const loaded of [39, 0, 0]) {
      expect(await run()).toMatchObject({ loaded, left: 4 });
      await clock.wait(300_000);
    }
    expect(await run()).toMatchObject({ received: 0, left: 0 });
    expect(sorted(queue.deadLetters)).toEqual(sorted(bad));
  });

  it("are not hidden for longer while the rest is written, however long that takes", async () => {
    const { run, queue, loader, clock, bad } = leaving(30, 100);
    loader.before = () => clock.wait(100_000);
    await run();
    const extended = queue.callsOf("changeVisibility").flatMap(({ handles }) => handles);
    expect(extended.length).toBeGreaterThan(0);
    const contract = bad.filter((id) => id !== "m7");
    expect(extended.filter((handle) => contract.includes(handle.split("#")[0] ?? ""))).toEqual([]);
  });

  it("are given back with the rest when they come after a signal", async () => {
    const { run, queue, stop } = leaving(300, 3);
    queue.before = ({ action }) => {
      if (action === "receive") stop.abort("SIGTERM");
    };
    expect(await run()).toMatchObject({ received: 10, left: 0, released: 10 });
    expect(queue.visible).toHaveLength(43);
  });

  it("are counted in a dry run, and given back with the rest", async () => {
    const { run, queue, loader } = leaving(300, 3);
    expect(await run(true)).toMatchObject({ loaded: 40, left: 3, quarantined: 0, released: 43 });
    expect([queue.visible.length, loader.calls.length]).toEqual([43, 0]);
  });
});

describe("in a FIFO queue", () => {
  const sent = ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"];

  /** Two groups; `a1` is no login, and Postgres refuses `b1` until `mend` is called. */
  function groups(visibilityTimeout: number) {
    const parts = leavingIn({ visibilityTimeout, maxReceiveCount: 3, isFifo: true });
    const { queue, loader } = parts;
    for (const id of sent) queue.send(id, id === "a1" ? "no JSON" : login(id), 0, id.slice(0, 1));
    loader.refused.add("b1");
    const loaded = (group: string): string[] =>
      loader.rows.map((row) => String(row["user_id"])).filter((id) => id.startsWith(group));
    return {
      ...parts,
      loaded,
      mend: () => {
        loader.refused.clear();
      },
    };
  }

  it("what comes after one that is left, in its group, waits for it", async () => {
    const { run, queue, loaded } = groups(300);
    expect(await run()).toMatchObject({ received: 4, loaded: 2, left: 2, stillVisible: true });
    expect([loaded("a"), loaded("b")]).toEqual([["a0"], ["b0"]]);
    expect(queue.left).toEqual(["a1", "a2", "a3", "b1", "b2", "b3"]);
  });

  it("is loaded after it where the table was mended", async () => {
    const { run, clock, loaded, mend } = groups(300);
    await run();
    mend();
    await clock.wait(300_000);
    await run();
    expect(loaded("b")).toEqual(["b0", "b1", "b2", "b3"]);
  });

  it.each([2, 10, 25])(
    "no longer than a minute where it comes back after %i s, policy or not",
    async (seconds) => {
      const parts = leavingIn({ visibilityTimeout: seconds, maxReceiveCount: 1_000_000, isFifo: true });
      for (const id of sent) parts.queue.send(id, id === "a1" ? "no JSON" : login(id), 0, id.slice(0, 1));
      expect(await parts.run()).toMatchObject({ loaded: 5, deleted: 5, stillVisible: true });
      expect(parts.queue.left).toEqual(["a1", "a2", "a3"]);
      expect(parts.clock.now()).toBeLessThan(90_000);
    },
  );

  it("and does not go to the dead-letter queue with it", async () => {
    const { run, clock, queue, loaded } = groups(300);
    for (let count = 0; count < 4; count += 1) {
      await run();
      await clock.wait(300_000);
    }
    expect(sorted(queue.deadLetters)).toEqual(["a1", "b1"]);
    expect([loaded("a"), loaded("b")]).toEqual([
      ["a0", "a2", "a3"],
      ["b0", "b2", "b3"],
    ]);
    expect(queue.left).toEqual([]);
  });
});
