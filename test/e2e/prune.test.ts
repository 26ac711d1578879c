// The ledger: what a drain forgets of it, and what it keeps.
import { describe, expect, it } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";

const logins = generateLogins(20).map((login) => JSON.stringify(login));

interface Age {
  /** Days ago. */
  readonly sent: number;
  readonly loaded: number;
}

/** Notes so many messages as loaded. */
async function note({ sql }: Bench, name: string, { sent, loaded }: Age, count = 1): Promise<void> {
  await sql`
    insert into fetch_etl.ledger (queue, sent_at, message_id, run_id, loaded_at)
    select 'some queue', now() - make_interval(days => ${sent}), ${name}::text || '-' || n,
           '00000000-0000-4000-8000-000000000000', now() - make_interval(days => ${loaded})
    from generate_series(1, ${count}::int) as n`;
}

async function noted({ sql }: Bench): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select distinct split_part(message_id, '-', 1) as name from fetch_etl.ledger where queue = 'some queue' order by 1`;
  return rows.map(({ name }) => name);
}

async function withLedger(use: (bench: Bench) => Promise<void>): Promise<void> {
  await withBench(async (bench) => {
    await makeTables(bench);
    await note(bench, "old", { sent: 31, loaded: 31 });
    await note(bench, "younger", { sent: 29, loaded: 29 });
    await note(bench, "latecomer", { sent: 40, loaded: 29 });
    await use(bench);
  });
}

describe("what was sent and loaded longer ago than --ledger-days is forgotten", () => {
  it.each([
    ["by a run that empties the queue", []],
    ["by one that ends at --max-messages", ["--max-messages", "5"]],
    ["by one that ends at --max-seconds", ["--max-seconds", "3"]],
  ])("%s", (_which, flags) =>
    withLedger(async (bench) => {
      await bench.send(logins);
      expect(await bench.run(["drain", "--quiet", ...flags])).toMatchObject({ code: 0, stderr: "" });
      expect(await noted(bench)).toEqual(["latecomer", "younger"]);
    }),
  );

  it("however much that is", () =>
    withLedger(async (bench) => {
      await note(bench, "ancient", { sent: 400, loaded: 400 }, 50_000);
      await bench.run(["drain", "--quiet"]);
      expect(await noted(bench)).toEqual(["latecomer", "younger"]);
    }));

  it("and no sooner where it is to be kept for longer", () =>
    withLedger(async (bench) => {
      await bench.run(["drain", "--quiet", "--ledger-days", "32"]);
      expect(await noted(bench)).toEqual(["latecomer", "old", "younger"]);
    }));
});

it("where it is locked, the run says so and has loaded everything all the same", () =>
  withLedger(async (bench) => {
    await bench.send(logins);
    await bench.sql.begin(async (tx) => {
      // Others may go on reading and writing, but not delete this entry.
      await tx`select 1 from fetch_etl.ledger where message_id = 'old-1' for update`;
      const drained = await bench.run(["drain", "--json"]);
      expect(drained.code).toBe(0);
      expect(json(drained)).toMatchObject({ loaded: 20 });
      expect(drained.stderr).toContain("Could not delete old entries of the ledger. They only take up space");
    });
    expect(await noted(bench)).toEqual(["latecomer", "old", "younger"]);
  }));
