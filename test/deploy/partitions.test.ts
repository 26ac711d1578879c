// A partitioned `user_logins`, made as docs/scaling.md says. (A default partition takes PostgreSQL 11: not among the tests for 10.)
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, withBench } from "../support/bench.ts";
import { runScript } from "../support/catalogue.ts";

const page = readFileSync(new URL("../../docs/scaling.md", import.meta.url), "utf8");
const [, script = ""] = /```sql\n([\s\S]*?)```/.exec(page) ?? [];

it("is loaded, checked and verified like any other", () =>
  withBench(async (bench) => {
    await runScript(bench.databaseUrl, script);
    const logins = generateLogins(20).map((login, index) => ({
      ...login,
      create_date: index % 2 === 0 ? "2026-03-15" : "2024-02-29",
    }));
    await bench.send(logins.map((login) => JSON.stringify(login)));
    expect(json(await bench.run(["drain", "--json"]))).toMatchObject({ loaded: 20, deleted: 20 });
    const counts = await bench.sql`
      select tableoid::regclass::text as partition, count(*)::int as rows from user_logins group by 1 order by 1`;
    expect([...counts]).toEqual([
      { partition: "user_logins_2026_03", rows: 10 },
      { partition: "user_logins_others", rows: 10 },
    ]);
    expect(json(await bench.run(["doctor", "--json"]))).toMatchObject({ ok: true });
    expect(json(await bench.run(["verify", "--json", "--expect", "20"]))).toMatchObject({
      rows: 20,
      ok: true,
    });
  }));

it("what has no partition goes to the quarantine, and is loaded once there is one", () =>
  withBench(async (bench) => {
    await runScript(bench.databaseUrl, script);
    await bench.sql`drop table user_logins_others`;
    const dated = (date: string) =>
      generateLogins(15).map((login) => JSON.stringify({ ...login, create_date: date }));
    // In turn, so that no batch holds only rows without a partition.
    const inTurn = generateLogins(30).map((login, index) =>
      JSON.stringify({ ...login, create_date: index % 2 === 0 ? "2026-03-31" : "2026-04-01" }),
    );
    await bench.send(inTurn);
    const drained = await bench.run(["drain", "--json", "--concurrency", "1"]);
    expect(json(drained)).toMatchObject({ loaded: 15, quarantined: 15, deleted: 30 });
    expect(drained).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("warning: 15 messages quarantined"),
    });
    await bench.sql`create table april partition of user_logins for values from ('2026-04-01') to ('2026-05-01')`;
    expect(json(await bench.run(["quarantine", "replay", "--json"]))).toMatchObject({
      loaded: 15,
      rejected: 0,
    });
    expect((await bench.run(["verify", "--expect", "30", "--quiet"])).code).toBe(0);

    await bench.send(dated("2026-05-01"));
    expect(await bench.run(["drain"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("A partition may be missing."),
    });
    expect(await bench.contents()).toEqual({ ready: 15, inflight: 0, delayed: 0 });
  }));
