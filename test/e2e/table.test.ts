// Another table than public.user_logins.
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { json, withBench, type Bench } from "../support/bench.ts";
import { runScript } from "../support/catalogue.ts";
import { asRole, login, withVault } from "../support/vault.ts";

async function countOf({ sql }: Bench, table: string): Promise<number> {
  const [row] = await sql.unsafe<{ count: number }[]>(`select count(*)::integer as count from ${table}`);
  return row?.count ?? 0;
}

it.each([
  ["analytics.logins", '"analytics"."logins"'],
  // Words of SQL's, capitals, blanks, and what would end a statement.
  ["order.select", '"order"."select"'],
  ["My Schema.it's; drop table x --", `"My Schema"."it's; drop table x --"`],
  ["public.ledger", '"public"."ledger"'],
])("init makes %s and its schema, a drain fills it, and verify counts it", (table, quoted) =>
  withBench(async (bench) => {
    const [schema = ""] = quoted.split(".");
    const made = json(await bench.run(["init", "--table", table, "--json"]))["made"];
    expect(made).toEqual(expect.arrayContaining(["fetch_etl", quoted, "fetch_etl.ledger"]));
    expect(made).toHaveLength(schema === '"public"' ? 11 : 12);
    const env = { FETCH_ETL_TABLE: table };
    expect(json(await bench.run(["init", "--json"], env))).toMatchObject({ made: [] });
    expect((await bench.run(["doctor"], env)).stdout).toContain(
      `${table} has all columns that a drain writes`,
    );

    await bench.send(generateMessages(100));
    expect(json(await bench.run(["drain", "--json"], env))).toMatchObject({ loaded: 99, quarantined: 1 });
    expect(await countOf(bench, quoted)).toBe(99);
    const verified = await bench.run(["verify", "--table", table, "--expect", "98", "--json"]);
    expect(json(verified)).toMatchObject({ rows: 99, quarantined: 1, ok: false });
    expect(verified.stderr).toBe(`error: ${table} has 99 rows; --expect is 98.\n`);
    expect(await bench.sql`select to_regclass('public.user_logins') as usual`).toEqual([{ usual: null }]);
  }),
);

it("a drain makes it too, and a table with other columns is refused", () =>
  withBench(async (bench) => {
    const args = ["drain", "--table", "analytics.logins"];
    expect((await bench.run(args)).code).toBe(0);
    await bench.sql.unsafe("alter table analytics.logins drop locale");
    const { code, stderr } = await bench.run(args);
    expect(code).toBe(2);
    expect(stderr).toContain('The table "analytics"."logins" does not have the columns');
  }));

it("init --print prints it, with a loader's rights that suffice", () =>
  withBench(async (bench) => {
    const { stdout } = await bench.run(
      ["init", "--print", "--table", "My Schema.logins", "--loader-role", bench.queue],
      { DATABASE_URL: undefined },
    );
    await runScript(bench.databaseUrl, stdout);
    await runScript(bench.databaseUrl, stdout);
    const { role, env } = await asRole(bench, `grant "${bench.queue}" to somebody`);
    await bench.send(generateMessages(100));
    const drained = await bench.run(["drain", "--json", "--table", "My Schema.logins"], env);
    expect(json(drained)).toMatchObject({ loaded: 99 });
    await bench.sql.unsafe(`drop role ${role}; drop owned by "${bench.queue}"; drop role "${bench.queue}"`);
  }));

it("the rights that are missing are told with its name, by drain and doctor", () =>
  withBench(async (bench) => {
    const flags = ["--table", "My Schema.logins"];
    const { role, env } = await asRole(bench, "select 1");
    const unmade = await bench.run(["init", ...flags], env);
    expect(unmade.stderr).toContain('cannot create "My Schema"."logins"');
    await bench.run(["init", ...flags]);
    for (const command of ["drain", "doctor"]) {
      const { code, stdout, stderr } = await bench.run([command, ...flags], env);
      expect(code).toBe(2);
      expect(stdout + stderr).toContain(`GRANT USAGE ON SCHEMA "My Schema" TO "${role}";`);
      expect(stdout + stderr).toContain(`GRANT INSERT ON "My Schema"."logins" TO "${role}";`);
    }
    await bench.sql.unsafe(`drop role ${role}`);
  }));

it("two queues go to two tables beside one ledger, and a replay to the one that is named", () =>
  withBench(async (bench) => {
    const env = { FETCH_ETL_TABLE: "analytics.logins" };
    const otherUrl = await bench.sqs.createQueue("other");
    await bench.send(generateMessages(30, 1));
    await bench.sqs.send(otherUrl, generateMessages(40, 2));
    const drains = await Promise.all([
      bench.run(["drain", "--json"]),
      bench.run(["drain", "--json", "--queue", "other"], env),
    ]);
    expect(drains.map((drained) => Number(json(drained)["loaded"]))).toEqual([
      await countOf(bench, "public.user_logins"),
      await countOf(bench, "analytics.logins"),
    ]);
    expect(await countOf(bench, "fetch_etl.ledger")).toBe(70);

    // What the one table refuses, the other takes.
    const before = await countOf(bench, "analytics.logins");
    await bench.sql.unsafe("alter table public.user_logins alter column user_id type varchar(3) using 'x'");
    await bench.send([JSON.stringify(login("user-1", "192.0.2.7", "device-1"))]);
    expect(json(await bench.run(["drain", "--json"]))).toMatchObject({ quarantined: 1 });
    const replay = ["quarantine", "replay", "--json", "--queue", bench.queue];
    expect(json(await bench.run(replay, env))).toMatchObject({ loaded: 1 });
    expect(await countOf(bench, "analytics.logins")).toBe(before + 1);
  }));

it("rotate changes the table that is named, and keeps what another one needs of the vault", () =>
  withVault(async (bench) => {
    const other = { FETCH_ETL_TABLE: "analytics.logins" };
    await bench.drain([login("user-1", "192.0.2.1", "device-1")]);
    // One address is in both.
    await bench.drain([login("user-2", "192.0.2.1", "device-2")], other);
    const keys = [randomBytes(32).toString("base64"), bench.env["FETCH_ETL_MASKING_KEY"]];
    const rotated = { FETCH_ETL_MASKING_KEY: keys.join(",") };
    const rotate = (env = {}): ReturnType<Bench["run"]> =>
      bench.run(["rotate", "--identity", bench.holder.file, "--json"], { ...rotated, ...env });

    const missing = await rotate({ FETCH_ETL_TABLE: "analytics.nothing" });
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('There is no table "analytics"."nothing"');

    const first = await rotate();
    expect(json(first)).toMatchObject({ rows: 1, vault: 0, left: {} });
    expect(first.stderr).toContain('"analytics"."logins"');
    const tokens = await bench.sql<{ masked_ip: string; masked_device_id: string }[]>`
      select masked_ip, masked_device_id from analytics.logins`;
    const { code, stdout } = await bench.reveal(
      tokens.flatMap(({ masked_ip, masked_device_id }) => [masked_ip, masked_device_id]),
    );
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/ {2}192\.0\.2\.1\n.* {2}device-2\n$/),
    });

    expect(json(await rotate(other))).toMatchObject({ rows: 1, vault: 0, left: {} });
    // Each table is without earlier tokens now, which a rotation of one cannot know of the other.
    await bench.sql`drop table analytics.logins`;
    expect(json(await rotate())).toMatchObject({ rows: 0, vault: 3, left: {} });
    const entries = await bench.sql`select count(*)::integer as count from fetch_etl.vault`;
    expect([...entries]).toEqual([{ count: 3 }]);
  }));

it("is one of the settings that are told together when they are wrong", () =>
  withBench(async ({ run }) => {
    const { code, stderr } = await run(["drain", "--table", "logins", "--concurrency", "0"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--table / FETCH_ETL_TABLE: a table is a schema and a name");
    expect(stderr).toContain("--concurrency");
  }));
