// What a drain does with messages that cannot be loaded when it is to leave them to the queue's redrive policy.
import { describe, expect, it, vi } from "vitest";
import { drain } from "../../src/drainer/drain.ts";
import { createEntryMaker } from "../../src/drainer/entry.ts";
import type { DrainReport } from "../../src/drainer/report.ts";
import { requireRedrive } from "../../src/drainer/redrive.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { MemoryLoader } from "../support/memory-loader.ts";
import { FakeClock, MemoryQueue } from "../support/memory-queue.ts";

// Time is not real here: a test that takes long does not end.
vi.setConfig({ testTimeout: 10_000 });

const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };

/** A queue of 40 logins, of which Postgres refuses one, and 3 other messages. */
function leaving(visibilityTimeout: number, maxReceiveCount: number) {
  const clock = new FakeClock();
  const queue = new MemoryQueue(clock, { visibilityTimeout, maxReceiveCount });
  const loader = new MemoryLoader();
  const stop = new AbortController();
  for (let index = 0; index < 40; index += 1) {
    queue.send(`m${index}`, JSON.stringify({ user_id: `m${index}`, ...nothing }));
    if (index % 15 === 0) queue.send(`bad${index}`, "no JSON");
  }
  loader.refused.add("m7");
  const bad = ["bad0", "m7", "bad15", "bad30"];
  queue.before = () => clock.wait(5);
  loader.before = () => clock.wait(20);
  const entries = createEntryMaker({
    keys: deriveKeys(Buffer.alloc(32, 1)),
    queueId: queue.id,
    appVersion: "full",
    today: "2030-01-01",
    randomBytes: (length) => new Uint8Array(length),
  });
  const run = (dryRun = false): Promise<DrainReport> =>
    drain(
      { concurrency: 8, batchSize: 50, retryForSeconds: 30, onReject: "leave" },
      { queue, loader: dryRun ? undefined : loader, entries, clock, random: () => 1, stop: stop.signal },
    );
  return { clock, queue, loader, stop, bad, run };
}

const sorted = (ids: readonly string[]): string[] => ids.toSorted();

describe("messages that are left", () => {
  it("stay hidden for their time, and are neither loaded, quarantined, deleted nor given back", async () => {
    const { run, queue, loader, bad } = leaving(300, 3);
    expect(await run()).toMatchObject({
      ...{ received: 43, loaded: 39, left: 4, deleted: 39, quarantined: 0, duplicates: 0, released: 0 },
      ...{ stoppedBy: "empty", stillVisible: false, leftHidden: 0 },
      remaining: { visible: 0, inFlight: 4, delayed: 0 },
    });
    expect(sorted(queue.left)).toEqual(sorted(bad));
    expect(queue.visible).toEqual([]);
    expect([loader.rows.length, loader.quarantine.size]).toEqual([39, 0]);
  });

  it("go to the dead-letter queue within the run where their time is short and the run is long, and it ends", async () => {
    const { run, queue, loader, clock } = leaving(2, 5);
    loader.refused.clear();
    loader.before = () => clock.wait(30_000);
    expect(await run()).toMatchObject({
      received: 55,
      loaded: 40,
      left: 3 * 5,
      deleted: 40,
      stoppedBy: "empty",
    });
    expect(sorted(queue.deadLetters)).toEqual(["bad0", "bad15", "bad30"]);
    expect(queue.left).toEqual([]);
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

it("a queue without a redrive policy is refused", () => {
  const queue = new MemoryQueue(new FakeClock());
  expect(() => {
    requireRedrive(queue);
  }).toThrow(
    expect.objectContaining({ kind: "configuration", message: expect.stringContaining("--on-reject") }),
  );
});
