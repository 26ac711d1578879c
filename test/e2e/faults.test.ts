// Nothing lost, nothing doubled, whatever happens to the process or to the delivery of a message.
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { generateLogins, generateMessages } from "../../sandbox/messages.ts";
import { USER_LOGINS } from "../../sandbox/sandbox.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";
import { failedDeletes, startProxy } from "../support/proxy.ts";

const it = test.concurrent;

/** Makes a drain of twenty statements out of one of two. */
const SMALL = ["--batch-size", "50"];

/** Each login has a user id of its own, so that the rows tell which messages were loaded, and how often. */
function bodies(count: number): string[] {
  return generateLogins(count).map((login, index) => JSON.stringify({ ...login, user_id: `user-${index}` }));
}

async function expectEachOnce({ sql }: Bench, count: number): Promise<void> {
  const [found] = await sql`
    select count(*)::integer as rows, count(distinct user_id)::integer as users from public.user_logins`;
  expect(found).toEqual({ rows: count, users: count });
}

/** Resolves when the table holds a row and fewer than all: the drain is in its middle. */
async function inTheMiddle({ sql }: Bench, count: number): Promise<void> {
  for (;;) {
    const [row] = await sql`
      select case when to_regclass('public.user_logins') is null then 0
        else (xpath('/row/c/text()', query_to_xml('select count(*) as c from public.user_logins', false, true, '')))[1]::text::integer
      end as rows`;
    const rows = Number(row?.["rows"]);
    if (rows > 0 && rows < count) return;
    if (rows >= count) throw new Error("the drain was over too soon to be interrupted");
    await setTimeout(10);
  }
}

it("ends within its grace when SQS stops answering and a signal comes, and tells what stays hidden", () =>
  withBench(async (bench) => {
    await bench.send(bodies(1_000));
    const proxy = await startProxy(bench.sqs.endpoint);
    const { child, outcome } = bench.start(["drain", "--json", ...SMALL], {
      AWS_ENDPOINT_URL_SQS: proxy.endpoint,
    });
    await inTheMiddle(bench, 1_000);
    proxy.misbehave(() => ({ kind: "silent" }));
    child.kill("SIGTERM");
    const ended = await outcome;
    await proxy.stop();
    expect(ended.code).toBe(143);
    expect(ended.stderr).toMatch(/^warning: [\d,]+ messages? could not be returned to the queue/m);
    expect(json(ended)).toMatchObject({ stoppedBy: "signal", remaining: null });
  }));

it("loads each of 1,000 messages once when the first drain is killed in its middle", () =>
  withBench(
    async (bench) => {
      await bench.send(bodies(1_000));
      const { child, outcome } = bench.start(["drain", ...SMALL]);
      await inTheMiddle(bench, 1_000);
      child.kill("SIGKILL");
      await outcome;
      const held = await bench.contents();
      expect(held.ready + held.inflight).toBeGreaterThan(0);
      // What the killed drain held comes back when its visibility timeout has run out.
      let report;
      do report = json(await bench.run(["drain", "--json"]));
      while ((await bench.sqs.inspect(bench.queue)).messages.length > 0);
      await expectEachOnce(bench, 1_000);
      expect(report["remaining"]).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    },
    { VisibilityTimeout: "3" },
  ));

it.for(["SIGTERM", "SIGINT"] as const)(
  "ends cleanly at %s: what is committed is deleted, the rest is visible at once",
  (signal) =>
    withBench(async (bench) => {
      await bench.send(bodies(1_000));
      const { child, outcome } = bench.start(["drain", "--json", ...SMALL]);
      await inTheMiddle(bench, 1_000);
      child.kill(signal);
      const ended = await outcome;
      expect(ended.code).toBe(signal === "SIGINT" ? 130 : 143);
      const report = json(ended);
      const loaded = Number(report["loaded"]);
      expect(report).toMatchObject({ stoppedBy: "signal", deleted: loaded });
      expect(report["received"]).toBe(loaded + Number(report["released"]));
      expect(await bench.contents()).toEqual({ ready: 1_000 - loaded, inflight: 0, delayed: 0 });
      await bench.run(["drain"]);
      await expectEachOnce(bench, 1_000);
    }),
);

it("shares one queue among four drains on an empty database, and each message is loaded once", () =>
  withBench(async (bench) => {
    await bench.send([...bodies(1_000), "{}"]);
    const reports = await Promise.all(Array.from({ length: 4 }, () => bench.run(["drain", "--json"])));
    expect(reports.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    await expectEachOnce(bench, 1_000);
    const loaded = reports.map((report) => Number(json(report)["loaded"]));
    expect(loaded.reduce((sum, each) => sum + each)).toBe(1_000);
    expect(await bench.sql`select 1 from fetch_etl.quarantine`).toHaveLength(1);
  }));

it("deletes a message that comes a second time, without loading it again", () =>
  withBench(
    async (bench) => {
      await bench.send(generateMessages(100));
      // The first drain commits and dies before it can delete: its visibility timeout runs out.
      const proxy = await startProxy(bench.sqs.endpoint, (call) =>
        call.action === "DeleteMessageBatch"
          ? failedDeletes(call, "ReceiptHandleIsInvalid", true)
          : undefined,
      );
      const first = json(await bench.run(["drain", "--json"], { AWS_ENDPOINT_URL_SQS: proxy.endpoint }));
      await proxy.stop();
      expect(first).toMatchObject({ loaded: 99, quarantined: 1, deleted: 0 });
      let deleted = 0;
      let duplicates = 0;
      while (deleted < 100) {
        const next = json(await bench.run(["drain", "--json"]));
        expect(next).toMatchObject({ loaded: 0, quarantined: 0 });
        deleted += Number(next["deleted"]);
        duplicates += Number(next["duplicates"]);
      }
      expect(duplicates).toBe(100);
      const [count] = await bench.sql`select (select count(*)::integer from public.user_logins) as rows,
        (select count(*)::integer from fetch_etl.quarantine) as quarantined`;
      expect(count).toEqual({ rows: 99, quarantined: 1 });
    },
    { VisibilityTimeout: "5" },
  ));

it("quarantines the one row that Postgres refuses, and loads the others of its batch", () =>
  withBench(async (bench) => {
    await bench.sql.unsafe(`${USER_LOGINS}; alter table user_logins add check (user_id <> 'user-37')`);
    await bench.send(bodies(100));
    const report = json(await bench.run(["drain", "--json"]));
    expect(report).toMatchObject({ loaded: 99, quarantined: 1, deleted: 100 });
    const held = await bench.sql`select reasons from fetch_etl.quarantine`;
    expect([...held]).toEqual([
      { reasons: ["row: refused by Postgres, SQLSTATE 23514, constraint user_logins_user_id_check"] },
    ]);
  }));

it("keeps messages hidden for as long as a locked table makes it wait", () =>
  withBench(
    async (bench) => {
      await bench.send(generateMessages(100));
      await bench.run(["drain", "--max-messages", "10"]);
      const drained = await bench.sql.begin(async (tx) => {
        await tx`lock table public.user_logins in access exclusive mode`;
        const { outcome } = bench.start(["drain", "--json"]);
        // Twice the visibility timeout, and more: without an extension everything would be visible again.
        await setTimeout(11_000);
        expect(await bench.contents()).toEqual({ ready: 0, inflight: 90, delayed: 0 });
        // Wrapped, so that the lock is not held until the drain has ended.
        return { outcome };
      });
      expect(json(await drained.outcome)).toMatchObject({ received: 90, duplicates: 0, deleted: 90 });
    },
    { VisibilityTimeout: "5" },
  ));

it("holds the server to a commit that is on disk, although its default is otherwise", () =>
  withBench(async (bench) => {
    await bench.sql.unsafe(`${USER_LOGINS};
      create table public.seen (at_commit text);
      create function public.note() returns trigger language plpgsql as
        'begin insert into public.seen values (current_setting(''synchronous_commit'')); return null; end';
      create constraint trigger note after insert on public.user_logins
        deferrable initially deferred for each row execute procedure public.note();`);
    await bench.sql.unsafe(`alter database ${bench.queue} set synchronous_commit = off`);
    await bench.send(bodies(1));
    await bench.run(["drain"]);
    expect([...(await bench.sql`select at_commit from public.seen`)]).toEqual([{ at_commit: "on" }]);
  }));

it("stops when every row is refused, as for a missing partition: nothing is quarantined or deleted, exit 2", () =>
  withBench(async (bench) => {
    await bench.sql.unsafe(`${USER_LOGINS}
      partition by range (create_date)`);
    await bench.send(bodies(100));
    const refused = await bench.run(["drain", "--json"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/\(SQLSTATE 23514\), and a retry would not help.*partitions/);
    expect(await bench.contents()).toEqual({ ready: 100, inflight: 0, delayed: 0 });
    await bench.sql.unsafe(
      "create table public.all_logins partition of public.user_logins for values from ('2000-01-01') to ('3000-01-01')",
    );
    expect(json(await bench.run(["drain", "--json"]))).toMatchObject({
      loaded: 100,
      quarantined: 0,
      deleted: 100,
    });
  }));

it("says so, and exits 5, when the database has not answered by the time limit; what it commits later is not doubled", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await bench.send(bodies(20));
    await bench.sql.begin(async (tx) => {
      await tx`lock table public.user_logins in access exclusive mode`;
      const late = await bench.run(["drain", "--json", "--max-seconds", "5"]);
      expect(late.code).toBe(5);
      expect(late.stderr).toMatch(/^warning: Postgres did not answer before the run ended/);
      expect(json(late)).toMatchObject({ loaded: 0, released: 20, stoppedBy: "max-seconds" });
    });
    let report;
    do report = json(await bench.run(["drain", "--json"]));
    while ((await bench.sqs.inspect(bench.queue)).messages.length > 0);
    expect(report["remaining"]).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    await expectEachOnce(bench, 20);
  }));
