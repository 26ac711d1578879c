// Bodies that come again as another message, as after a redrive out of a dead-letter queue.
import { expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";

const bodies = generateLogins(10).map((login) => JSON.stringify(login));
const DROP = "alter table fetch_etl.ledger drop column body_mac";

const repeated = async ({ run }: Bench, env: Record<string, string> = {}): Promise<unknown> =>
  json(await run(["verify", "--json"], env))["repeatedBodies"];

const macs = async ({ sql }: Bench): Promise<number> =>
  (await sql`select 1 from fetch_etl.ledger where octet_length(body_mac) = 16`).length;

it("are counted by verify, and loaded all the same: equal logins may both be real", () =>
  withBench(async (bench) => {
    await bench.send(bodies);
    await bench.run(["drain"]);
    expect([await macs(bench), await repeated(bench)]).toEqual([10, 0]);
    await bench.send([...bodies.slice(0, 3), ...bodies.slice(0, 1)]);
    expect(json(await bench.run(["drain", "--json"]))).toMatchObject({ loaded: 4, duplicates: 0 });
    expect([await macs(bench), await repeated(bench)]).toEqual([14, 3]);
    expect((await bench.run(["verify"])).stdout).toMatch(/^repeated message bodies +3$/m);
  }));

it("are counted too where they were quarantined", () =>
  withBench(async (bench) => {
    await bench.send(["no JSON", "no JSON", "other"]);
    await bench.run(["drain"]);
    expect(await repeated(bench)).toBe(1);
  }));

it("a ledger of an earlier version gets the column from the first drain that may add it", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const ledgerCheck = async (): Promise<string> =>
      /.*ledger .*/.exec((await bench.run(["doctor"])).stdout)?.[0] ?? "";
    expect(await ledgerCheck()).not.toContain("came again");
    await bench.sql.unsafe(DROP);
    expect(await ledgerCheck()).toContain('before "fetch-etl init" adds a column');
    expect(await repeated(bench)).toBeNull();
    expect((await bench.run(["verify"])).stdout).not.toContain("came again");
    await bench.send(bodies);
    await Promise.all([bench.run(["drain"]), bench.run(["drain"])]);
    expect([await macs(bench), await repeated(bench)]).toEqual([10, 0]);
  }));

it("a drain that may not add the column, or would have to wait for it, does without", () =>
  withBench(async (bench) => {
    await bench.run(["init"]);
    await bench.sql.unsafe(DROP);
    const role = `${bench.queue}_loader`;
    await bench.sql.unsafe(`
      create role ${role} login password 'loader';
      grant usage on schema fetch_etl to ${role};
      grant insert on public.user_logins, fetch_etl.quarantine, fetch_etl.ledger to ${role};
      grant select on fetch_etl.ledger to ${role}`);
    try {
      const url = new URL(bench.databaseUrl);
      url.username = role;
      url.password = "loader";
      await bench.send(bodies.slice(0, 5));
      const drained = await bench.run(["drain", "--json"], { DATABASE_URL: url.href });
      expect(drained).toMatchObject({ code: 0, stderr: "" });
      expect(json(drained)).toMatchObject({ loaded: 5, deleted: 5 });
      const init = await bench.run(["init"], { DATABASE_URL: url.href });
      expect(init.code).toBe(2);
      expect(init.stderr).toContain(
        "As their owner, run: alter table fetch_etl.ledger add column if not exists body_mac pg_catalog.bytea;\n",
      );

      await bench.send(bodies.slice(5));
      await bench.sql.begin(async (tx) => {
        await tx`lock table fetch_etl.ledger in access share mode`;
        expect(json(await bench.run(["drain", "--json"]))).toMatchObject({ loaded: 5, deleted: 5 });
      });
      expect(await repeated(bench)).toBeNull();

      expect((await bench.run(["init"])).stdout).toContain("created fetch_etl.ledger.body_mac");
      await bench.sql.unsafe(`grant select on public.user_logins, fetch_etl.quarantine to ${role}`);
      expect(await repeated(bench, { DATABASE_URL: url.href })).toBe(0);
      await bench.sql.unsafe(`revoke select on fetch_etl.ledger from ${role}`);
      expect(await repeated(bench, { DATABASE_URL: url.href })).toBeNull();
    } finally {
      await bench.sql.unsafe(`drop owned by ${role}; drop role ${role}`);
    }
  }));
