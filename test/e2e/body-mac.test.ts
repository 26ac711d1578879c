// Bodies that come again as another message, as after a redrive out of a dead-letter queue.
import { expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";
import { asRole } from "../support/vault.ts";

const bodies = generateLogins(10).map((login) => JSON.stringify(login));

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

it("are not counted where the user may not read the ledger", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const { role, env } = await asRole(
      bench,
      `grant usage on schema fetch_etl to somebody; grant select on public.user_logins, fetch_etl.quarantine to somebody`,
    );
    expect(await repeated(bench, env)).toBeNull();
    expect((await bench.run(["verify"], env)).stdout).not.toContain("repeated message bodies");
    await bench.sql.unsafe(`drop owned by ${role}; drop role ${role}`);
  }));
