import { spawnSync } from "node:child_process";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { json, withBench, type Bench } from "../support/bench.ts";
import { definitions, rights, runScript } from "../support/catalogue.ts";
import { asRole } from "../support/vault.ts";

const TABLES = [
  "public.user_logins",
  "fetch_etl.schema_version",
  "fetch_etl.ledger",
  "fetch_etl.quarantine",
  "fetch_etl.reveal_log",
  "fetch_etl.reveal_outcomes",
  "fetch_etl.vault_keys",
  "fetch_etl.vault",
  "fetch_etl.remasked",
  "fetch_etl.runs",
];

/** What it takes to run `init`, and nothing more. */
function init(
  bench: Bench,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string | undefined>> = {},
): ReturnType<Bench["run"]> {
  return bench.run(["init", ...flags], {
    FETCH_ETL_MASKING_KEY: undefined,
    AWS_ENDPOINT_URL_SQS: undefined,
    ...env,
  });
}

/** Takes a role, and what it was granted in this database, away again. */
async function dropRole({ sql }: Bench, role: string): Promise<void> {
  await sql.unsafe(`drop owned by "${role}"; drop role "${role}"`);
}

it("creates the schema and tables, and says what it created, migrated and found", () =>
  withBench(async (bench) => {
    expect(json(await init(bench, ["--json"]))).toEqual({
      schemaVersion: 2,
      command: "init",
      made: ["fetch_etl", ...TABLES],
      present: [],
      migrated: null,
    });
    expect(await init(bench)).toEqual({
      code: 0,
      stdout: `nothing to create; already present: schema fetch_etl, ${TABLES.join(", ")}\n`,
      stderr: "",
    });
    await bench.sql.unsafe("drop table public.user_logins, fetch_etl.quarantine");
    const others = TABLES.filter((name) => !["public.user_logins", "fetch_etl.quarantine"].includes(name));
    expect((await init(bench)).stdout).toBe(
      `created public.user_logins, fetch_etl.quarantine; already present: schema fetch_etl, ${others.join(", ")}\n`,
    );
    await bench.sql`update fetch_etl.schema_version set version = 1`;
    expect((await init(bench)).stdout).toMatch(
      /^migrated schema fetch_etl from version 1 to \d+; nothing to create; already present: /,
    );
  }));

it("makes each thing once when several run at the same time", () =>
  withBench(async (bench) => {
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => init(bench, ["--json"])));
    const made = outcomes.flatMap((outcome) => json(outcome)["made"]);
    expect(made.sort()).toEqual(["fetch_etl", ...TABLES].sort());
  }));

it("makes the tables that a drain makes", async () => {
  const recipient = await identityToRecipient(await generateX25519Identity());
  const drained = await withBench(async (bench) => {
    const { code } = await bench.run(["drain", "--quiet"], { FETCH_ETL_RECOVERY_RECIPIENT: recipient });
    expect(code).toBe(0);
    return definitions(bench.sql);
  });
  expect(drained.join("\n")).toContain("fetch_etl.vault 1 token text C not null");
  await withBench(async (bench) => {
    await init(bench);
    expect(await definitions(bench.sql)).toEqual(drained);
  });
});

it("prints SQL that makes the same, however often it runs, and gives the loader what a drain needs", async () => {
  const made = await withBench(async (bench) => {
    await init(bench);
    expect(await rights(bench.sql)).toEqual([]);
    return definitions(bench.sql);
  });
  await withBench(async (bench) => {
    const role = `${bench.queue} "loader" $$ \\ '`;
    const quoted = role.replaceAll('"', '""');
    const { stdout, code } = await init(bench, ["--print", "--loader-role", role], {
      DATABASE_URL: undefined,
    });
    expect(code).toBe(0);
    await runScript(bench.databaseUrl, stdout);
    try {
      const granted = await rights(bench.sql);
      expect(await definitions(bench.sql)).toEqual(made);
      await runScript(bench.databaseUrl, stdout);
      expect(await definitions(bench.sql)).toEqual(made);
      expect(await rights(bench.sql)).toEqual(granted);

      const recipient = await identityToRecipient(await generateX25519Identity());
      const { role: user, env } = await asRole(bench, `grant "${quoted}" to somebody`);
      for (const [seed, vault] of [
        [1, {}],
        [2, { FETCH_ETL_RECOVERY_RECIPIENT: recipient }],
      ] as const) {
        await bench.send(generateMessages(100, seed));
        const drained = await bench.run(["drain", "--json"], { ...env, ...vault });
        expect(json(drained)).toMatchObject({ loaded: 99, quarantined: 1 });
      }
      expect(await bench.sql`select 1 from fetch_etl.vault limit 1`).toHaveLength(1);
      await dropRole(bench, user);
    } finally {
      await dropRole(bench, quoted);
    }
  });
});

it.skipIf(spawnSync("psql", ["--version"]).error !== undefined)("prints SQL that psql runs", () =>
  withBench(async (bench) => {
    const { stdout } = await init(bench, ["--print", "--loader-role", bench.queue]);
    const { status, stderr } = spawnSync("psql", ["-qX", "-v", "ON_ERROR_STOP=1", bench.databaseUrl], {
      input: stdout,
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringMatching(/warning|error/i) });
    expect(json(await init(bench, ["--json"]))).toMatchObject({ made: [] });
    await dropRole(bench, bench.queue);
  }),
);

it("tells a user who may not make tables what to grant, and makes nothing", () =>
  withBench(async (bench) => {
    const { role, env } = await asRole(bench, "revoke create on schema public from public");
    const { code, stdout, stderr } = await init(bench, [], env);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(
      `Postgres user "${role}" cannot create public.user_logins, fetch_etl.schema_version`,
    );
    expect(stderr).toContain(`GRANT CREATE ON SCHEMA public TO "${role}";`);
    expect(stderr).toContain(`GRANT CREATE ON DATABASE "${bench.queue}" TO "${role}";`);
    expect(await definitions(bench.sql)).toEqual([]);

    await bench.sql.unsafe(/GRANT .*;/.exec(stderr)?.[0] ?? "");
    expect((await init(bench, [], env)).code).toBe(0);
    await dropRole(bench, role);
  }));

it.each([
  [["--print", "--json"], "omit one of them"],
  [["--loader-role", "etl"], "--loader-role requires --print"],
  [["--print", "--loader-role", ""], "1 to 63 bytes"],
  [["--print", "--loader-role", "é".repeat(32)], "1 to 63 bytes"],
  [["--print", "--loader-role", "a\nb"], "control characters"],
  [["--print", "--loader-role", "public"], "is reserved for"],
  [["--print", "--loader-role", "pg_monitor"], "is reserved for"],
])("refuses %j", (flags, sentence) =>
  withBench(async (bench) => {
    const { code, stdout, stderr } = await init(bench, flags);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
  }),
);
