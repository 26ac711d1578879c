// Postgres on its worst days: restarted, cut off, full, locked, and refusing.
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { startPostgres, type StopMode } from "../../sandbox/postgres.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";
import { startPostgresProxy, type Moment } from "../support/postgres-proxy.ts";
import { ended, expectEachOnce, makeMessages, times } from "./invariant.ts";

const it = test.concurrent;
/** Nothing has to wait for it: what is not deleted is given back. */
const VISIBILITY_TIMEOUT = 30;
const ATTRIBUTES = { VisibilityTimeout: String(VISIBILITY_TIMEOUT) };

it.for(["before the commit", "after the commit"] as const)(
  "a connection that is cut %s: the load is made again, and counted once",
  (moment) =>
    withBench(async (bench) => {
      const sent = makeMessages(300);
      await bench.send(sent.bodies);
      const cutAt = (load: number): Moment | undefined => (load === 2 || load === 4 ? moment : undefined);
      const proxy = await startPostgresProxy(bench.databaseUrl, cutAt);
      const outcome = await ended(
        bench,
        sent,
        bench.start(["drain", "--json", "--batch-size", "50"], { DATABASE_URL: proxy.url }).outcome,
      );
      expect(proxy.cuts()).toBe(2);
      await proxy.stop();
      expect(outcome.code).toBe(0);
      expect(json(outcome)).toMatchObject({
        loaded: 300,
        duplicates: 0,
        quarantined: sent.invalid,
        deleted: 303,
      });
      await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
    }, ATTRIBUTES),
);

it("a connection that is cut every time: waits for --retry-for, gives everything back, exit 5", () =>
  withBench(async (bench) => {
    const sent = makeMessages(100);
    await bench.send(sent.bodies);
    const proxy = await startPostgresProxy(bench.databaseUrl, () => "before the commit");
    const flags = ["drain", "--json", "--retry-for", "5"];
    const outcome = await ended(bench, sent, bench.start(flags, { DATABASE_URL: proxy.url }).outcome);
    expect(proxy.cuts()).toBeGreaterThan(3);
    await proxy.stop();
    expect(outcome.code).toBe(5);
    expect(outcome.stdout).toBe("");
    expect(await bench.contents()).toEqual({ ready: sent.bodies.length, inflight: 0, delayed: 0 });
    await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
  }, ATTRIBUTES));

it("a server that is restarted again and again, fast and immediate: the drain goes on", () =>
  withBench(async (bench) => {
    const server = await startPostgres({ inMemory: true });
    try {
      const sent = makeMessages(times(20_000, 2_000));
      await bench.send(sent.bodies);
      // A small batch and few receives, so that there is a middle to restart in.
      const flags = ["drain", "--json", "--batch-size", "20", "--concurrency", "1"];
      const running = bench.start(flags, { DATABASE_URL: server.url });
      let over = false;
      void running.outcome.then(() => (over = true));
      const isOver = (): boolean => over;
      let restarts = 0;
      for (const mode of restartModes(times(20, 3))) {
        if (isOver()) break;
        await rowsBeyond(server.url, (restarts + 1) * 50);
        await server.restart(mode);
        restarts += 1;
      }
      expect(restarts).toBe(times(20, 3));
      const outcome = await ended(bench, sent, running.outcome);
      expect(outcome.code).toBe(0);
      expect(json(outcome)).toMatchObject({
        loaded: sent.users.length,
        duplicates: 0,
        quarantined: sent.invalid,
      });
      await withDatabase(bench, server.url, (moved) => expectEachOnce(moved, sent, VISIBILITY_TIMEOUT));
    } finally {
      await server.dispose();
    }
  }, ATTRIBUTES));

function restartModes(count: number): StopMode[] {
  return Array.from({ length: count }, (_, index) => (index % 2 === 0 ? "immediate" : "fast"));
}

it("too many clients: waits, and goes on when there is room", () =>
  withBench(async (bench) => {
    const sent = makeMessages(100);
    await makeTables(bench);
    await bench.send(sent.bodies);
    // A row that is refused for want of a connection, as far as its SQLSTATE tells, three times.
    await failLoads(bench, "53300", 3);
    const outcome = await ended(bench, sent, bench.run(["drain", "--json"]));
    expect(outcome.code).toBe(0);
    expect(json(outcome)).toMatchObject({ loaded: 100, quarantined: sent.invalid });
    await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
  }, ATTRIBUTES));

it.for<[string, string]>([
  ["a full disk", "53100"],
  ["a server that is read-only", "25006"],
  ["a server that shuts down", "57P01"],
  ["a deadlock", "40P01"],
])(
  "%s for longer than --retry-for: gives everything back, exit 5, and nobody is quarantined for it",
  ([, sqlState]) =>
    withBench(async (bench) => {
      const sent = makeMessages(100);
      await makeTables(bench);
      await bench.send(sent.bodies);
      await failLoads(bench, sqlState, 1_000);
      const outcome = await ended(bench, sent, bench.run(["drain", "--json", "--retry-for", "1"]));
      expect(outcome.code).toBe(5);
      expect(outcome.stderr).toContain(sqlState);
      expect(await bench.contents()).toEqual({ ready: sent.bodies.length, inflight: 0, delayed: 0 });
      await bench.sql.unsafe("drop trigger fail on public.user_logins");
      await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
    }, ATTRIBUTES),
);

/** Lets the next so many loads fail with a SQLSTATE; a sequence counts, because it is not rolled back. */
async function failLoads({ sql }: Bench, sqlState: string, count: number): Promise<void> {
  await sql.unsafe(`create sequence public.failures;
    create function public.fail() returns trigger language plpgsql as $$
      begin
        if nextval('public.failures') <= ${count} then raise exception 'as the test wants it' using errcode = '${sqlState}'; end if;
        return null;
      end $$;
    create trigger fail before insert on public.user_logins for each statement execute procedure public.fail()`);
}

it("a database that is set to read-only: gives everything back, exit 2, and names the setting", () =>
  withBench(async (bench) => {
    const sent = makeMessages(100);
    await makeTables(bench);
    await bench.send(sent.bodies);
    await bench.sql.unsafe(`alter database ${bench.queue} set default_transaction_read_only = on`);
    const outcome = await ended(bench, sent, bench.run(["drain", "--json", "--retry-for", "1"]));
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain("default_transaction_read_only");
    expect(await bench.contents()).toEqual({ ready: sent.bodies.length, inflight: 0, delayed: 0 });
    await bench.sql.unsafe(`alter database ${bench.queue} reset default_transaction_read_only`);
    await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
  }, ATTRIBUTES));

it("a right that is taken away in the middle: gives everything back, exit 2, and names what to do", () =>
  withBench(async (bench) => {
    const sent = makeMessages(100);
    await makeTables(bench);
    await bench.send(sent.bodies);
    await failLoads(bench, "42501", 1_000);
    const outcome = await ended(bench, sent, bench.run(["drain", "--json"]));
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(/42501.*Grant/);
    expect(await bench.contents()).toEqual({ ready: sent.bodies.length, inflight: 0, delayed: 0 });
    await bench.sql.unsafe("drop trigger fail on public.user_logins");
    await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
  }, ATTRIBUTES));

it("a column that is too narrow: the rows that do not fit are quarantined, with SQLSTATE and no value", () =>
  withBench(async (bench) => {
    const sent = makeMessages(100);
    await makeTables(bench);
    await bench.sql.unsafe("alter table public.user_logins alter column user_id type varchar(6)");
    await bench.send(sent.bodies);
    const outcome = await ended(bench, sent, bench.run(["drain", "--json"]));
    // user-0 to user-9 fit.
    expect(json(outcome)).toMatchObject({
      loaded: 10,
      quarantined: 90 + sent.invalid,
      deleted: sent.bodies.length,
    });
    const reasons =
      await bench.sql`select distinct unnest(reasons) as reason from fetch_etl.quarantine order by 1`;
    expect([...reasons]).toEqual([
      { reason: "row: refused by Postgres, SQLSTATE 22001" },
      { reason: "user_id: null" },
    ]);
  }));

it("a column that must not be null: names the column", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.sql.unsafe("alter table public.user_logins alter column masked_ip set not null");
    const [body = ""] = makeMessages(1).bodies;
    await bench.send([body, JSON.stringify({ ...(JSON.parse(body) as object), ip: null })]);
    expect(json(await bench.run(["drain", "--json"]))).toMatchObject({ loaded: 1, quarantined: 1 });
    const [held] = await bench.sql`select reasons from fetch_etl.quarantine`;
    expect(held).toEqual({ reasons: ["row: refused by Postgres, SQLSTATE 23502, column masked_ip"] });
  }));

it("a table that stays locked: a signal ends the run all the same, and everything is visible again", () =>
  withBench(async (bench) => {
    const sent = makeMessages(100);
    await makeTables(bench);
    await bench.send(sent.bodies);
    await bench.sql.begin(async (tx) => {
      await tx`lock table public.user_logins in access exclusive mode`;
      const running = bench.start(["drain", "--json"]);
      while ((await bench.contents()).ready > 0) await setTimeout(20);
      running.child.kill("SIGTERM");
      const outcome = await ended(bench, sent, running.outcome);
      expect(outcome.code).toBe(143);
      expect(json(outcome)).toMatchObject({
        loaded: 0,
        deleted: 0,
        released: sent.bodies.length,
        stoppedBy: "signal",
      });
      expect(await bench.contents()).toEqual({ ready: sent.bodies.length, inflight: 0, delayed: 0 });
    });
    await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
  }, ATTRIBUTES));

/** Resolves when the table of another server holds more rows than that. */
async function rowsBeyond(url: string, count: number): Promise<void> {
  const { default: postgres } = await import("postgres");
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    for (;;) {
      const [table] = await sql`select to_regclass('public.user_logins') is not null as there`;
      if (table?.["there"] === true) {
        const [row] = await sql`select count(*)::integer as rows from public.user_logins`;
        if (Number(row?.["rows"]) > count) return;
      }
      await setTimeout(20);
    }
  } finally {
    await sql.end();
  }
}

/** The bench with another database. */
async function withDatabase(bench: Bench, url: string, use: (bench: Bench) => Promise<void>): Promise<void> {
  const { default: postgres } = await import("postgres");
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const run: Bench["run"] = (args, env = {}) => bench.run(args, { DATABASE_URL: url, ...env });
    await use({ ...bench, sql, databaseUrl: url, run });
  } finally {
    await sql.end();
  }
}
