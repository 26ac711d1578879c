// What a run knows of a server that does not answer, with the real loop on a virtual clock.
import { expect, it } from "vitest";
import { Outages, type Outage } from "../../src/drain/outages.ts";
import { DatabaseLost, Throttled } from "../../src/drain/ports.ts";
import { drain } from "../../src/drain/loop.ts";
import { DRAIN_DEFAULTS } from "../../src/drain/settings.ts";
import { Failure } from "../../src/failure.ts";
import { loginEntries } from "../support/login-entries.ts";
import { MemoryLoader, refused } from "../support/memory-loader.ts";
import { MemoryQueue, type Call } from "../support/memory-queue.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function away(code: string): Failure {
  return new Failure("unavailable", "It is away.", Object.assign(new Error("gone"), { code }));
}

/** A drain of 100 logins whose servers fail as `broken` says at a time, and what it tells. */
async function draining(broken: (what: Call["action"] | "load", at: number) => Error | undefined) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock);
  const loader = new MemoryLoader();
  const seen: (Outage | undefined)[] = [];
  const told: unknown[] = [];
  const outages = new Outages(clock, {
    lasts: (outage) => told.push(outage),
    ended: ({ server }, ms) => told.push([server, ms]),
  });
  const fail = async (what: Call["action"] | "load"): Promise<void> => {
    await clock.wait(5);
    seen.push(outages.current);
    const error = broken(what, clock.now());
    if (error !== undefined) throw error;
  };
  queue.before = ({ action }) => fail(action);
  loader.before = () => fail("load");
  const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };
  for (let index = 0; index < 100; index += 1)
    queue.send(`m${index}`, JSON.stringify({ user_id: "u", ...nothing }));
  const run = drain(
    { ...DRAIN_DEFAULTS, concurrency: 8, retryForSeconds: DRAIN_DEFAULTS.retryFor },
    {
      queue: outages.queue(queue),
      loader: outages.loader(loader),
      entries: loginEntries({ queueId: queue.id }),
      clock,
      random: () => 1,
      stop: new AbortController().signal,
    },
  );
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { outages, told, seen, rows: loader.rows.length, error };
}

it("knows while Postgres is away that it waits, for what and since when, and afterwards how long it was", async () => {
  const { outages, told, seen, rows } = await draining((what, at) =>
    what === "load" && at < 6_000 ? new DatabaseLost(away("ECONNREFUSED")) : undefined,
  );
  expect(rows).toBe(100);
  const waiting = seen.filter((each) => each !== undefined);
  expect(new Set(waiting.map(({ since }) => since)).size).toBe(1);
  expect(waiting[0]).toMatchObject({ server: "Postgres", code: "ECONNREFUSED" });
  expect(outages.current).toBeUndefined();
  expect(told).toEqual([waiting[0], ["Postgres", outages.waited.postgres]]);
  expect(outages.waited.postgres).toBeGreaterThan(6_000 - (waiting[0]?.since ?? 0));
  expect(outages.waited.sqs).toBe(0);
});

it.each<[Call["action"], Error, string]>([
  ["receive", away("ENOTFOUND"), "ENOTFOUND"],
  ["receive", new Throttled("Slow down."), "throttled"],
  ["delete", away("ECONNRESET"), "ECONNRESET"],
  ["depth", away("ETIMEDOUT"), "ETIMEDOUT"],
])("tells once of an outage in which SQS fails each %s", async (action, error, code) => {
  let first = Infinity;
  const { told, outages, rows } = await draining((what, at) => {
    if (what !== action) return undefined;
    first = Math.min(first, at);
    return at < first + 4_000 ? error : undefined;
  });
  expect(rows).toBe(100);
  const { sqs, postgres } = outages.waited;
  expect(told).toEqual([{ server: "SQS", code, since: first }, ["SQS", sqs]]);
  expect(sqs).toBeGreaterThanOrEqual(4_000);
  expect(postgres).toBe(0);
});

it("tells nothing of a connection that is lost once, and counts the time", async () => {
  let isLost = false;
  const { told, outages } = await draining((what) => {
    if (what !== "load" || isLost) return undefined;
    isLost = true;
    return new DatabaseLost(away("CONNECTION_CLOSED"));
  });
  expect(told).toEqual([]);
  expect(outages.waited.postgres).toBeGreaterThan(0);
});

it("counts the time until a run gives up", async () => {
  const { error, told, outages } = await draining((what) =>
    what === "receive" ? away("ECONNREFUSED") : undefined,
  );
  expect(error).toBeInstanceOf(Failure);
  expect(told).toHaveLength(1);
  expect(outages.current).toMatchObject({ server: "SQS" });
  expect(outages.waited.sqs).toBeGreaterThanOrEqual(30_000);
});

it("does not take a refusal for an outage, nor show what has not the form of a code", async () => {
  const refusal = await draining((what, at) =>
    what === "load" && at < 100 ? refused("22001", { column: "locale" }) : undefined,
  );
  expect(refusal.seen.every((each) => each === undefined)).toBe(true);
  const odd = await draining((what, at) =>
    what === "load" && at < 3_000 ? new DatabaseLost(away("about 192.0.2.7")) : undefined,
  );
  expect(odd.told[0]).toMatchObject({ server: "Postgres", code: undefined });
});
