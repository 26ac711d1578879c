// The tables and their version: created, migrated, adopted or refused.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withDatabase } from "../../src/postgres/database.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { initialise } from "../../src/postgres/init.ts";
import { initialSql } from "../../src/postgres/init-sql.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { MIGRATIONS, type Migrations } from "../../src/postgres/migrations.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { rightsFor } from "../../src/postgres/rights.ts";
import { ensureTables } from "../../src/postgres/schema.ts";
import { verifyTables } from "../../src/postgres/verify.ts";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { definitions, runScript } from "../support/catalogue.ts";
import { readVault } from "./entries.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";

let databases: Databases;
beforeAll(async () => {
  databases = await openDatabases();
});
afterAll(() => databases.dispose());

async function created(): Promise<Database> {
  const database = await databases.make();
  await initialise(database.settings);
  return database;
}

const drain = async (settings: DatabaseSettings): Promise<void> => {
  await (await openLoader(settings, "arn:first")).close();
};
const commands: readonly (readonly [string, (settings: DatabaseSettings) => Promise<unknown>])[] = [
  ["init", initialise],
  ["drain", drain],
  ["verify", verifyTables],
  ["quarantine list", openQuarantine],
  ["reveal", (settings) => readVault(settings, [], "ticket 42")],
];

async function versions({ sql }: Database): Promise<number[]> {
  const rows = await sql<{ version: number }[]>`select version from fetch_etl.schema_version`;
  return rows.map(({ version }) => version);
}

/** The migrations of a later version of the program. */
const LATER: Migrations = [
  ...MIGRATIONS,
  [
    { table: "ledger", sql: "alter table fetch_etl.ledger add column if not exists extra integer" },
    { table: "vault", sql: "alter table fetch_etl.vault add column if not exists extra integer" },
  ],
];

function migrate(settings: DatabaseSettings, keepsVault: boolean, migrations?: Migrations): Promise<unknown> {
  const use = { doing: "a drain", rights: rightsFor(settings.table, keepsVault) };
  return withDatabase(settings, "migrating", (sql) =>
    ensureTables(sql, settings, keepsVault, use, migrations),
  );
}

/** Which of fetch-etl's tables have the column of {@link LATER}. */
async function extended({ sql }: Database): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select attrelid::regclass::text as name from pg_attribute where attname = 'extra' order by 1`;
  return rows.map(({ name }) => name);
}

describe("a version that is recorded", () => {
  it("is that of the last migration, in one row", async () => {
    const database = await created();
    expect(await versions(database)).toEqual([MIGRATIONS.length]);
    await expect(
      database.sql`insert into fetch_etl.schema_version (version) values (7)`,
    ).rejects.toMatchObject({ code: "23505" });
  });

  it("that is earlier gets the migrations that are pending, once, also from runs at the same time", async () => {
    const database = await created();
    await Promise.all([1, 2, 3].map(() => migrate(database.settings, true, LATER)));
    expect(await versions(database)).toEqual([LATER.length]);
    expect(await extended(database)).toEqual(["fetch_etl.ledger", "fetch_etl.vault"]);
    // Applied once: a column that its owner drops stays dropped.
    await database.sql`alter table fetch_etl.ledger drop column extra`;
    await migrate(database.settings, true, LATER);
    expect(await extended(database)).toEqual(["fetch_etl.vault"]);
  });

  it("holds for the tables that exist; one that is created later gets all of its migrations", async () => {
    const database = await databases.make();
    await migrate(database.settings, false);
    await migrate(database.settings, false, LATER);
    expect(await extended(database)).toEqual(["fetch_etl.ledger"]);
    await migrate(database.settings, true, LATER);
    expect(await extended(database)).toEqual(["fetch_etl.ledger", "fetch_etl.vault"]);
  });

  it("is left as it is when a migration fails, with all that the migration did", async () => {
    const database = await created();
    const before = await definitions(database.sql);
    const failing: Migrations = [
      ...LATER,
      [{ table: "ledger", sql: "alter table fetch_etl.ledger drop column nothing" }],
    ];
    await expect(migrate(database.settings, true, failing)).rejects.toThrow("SQLSTATE 42703");
    expect(await versions(database)).toEqual([MIGRATIONS.length]);
    expect(await definitions(database.sql)).toEqual(before);
  });

  it("that is earlier is named to who may not migrate, with the role that may", async () => {
    const database = await created();
    const loader = await databases.otherRole(
      database,
      `grant usage on schema fetch_etl to somebody; grant select on fetch_etl.schema_version to somebody`,
    );
    await expect(migrate(loader, true, LATER)).rejects.toMatchObject({
      kind: "configuration",
      message:
        `Schema fetch_etl has version ${MIGRATIONS.length}, and this fetch-etl needs version ${LATER.length}, which Postgres user ` +
        `"${loader.user}" cannot change. Run "fetch-etl init" as role "${databases.role}", which owns fetch_etl.ledger, or as a superuser.`,
    });
  });

  it.each(commands)("that is later is refused by %s", async (_name, run) => {
    const database = await created();
    await database.sql`update fetch_etl.schema_version set version = 999`;
    await expect(run(database.settings)).rejects.toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("a later version of fetch-etl migrated it"),
    });
    expect(await versions(database)).toEqual([999]);
  });

  it("that is later is refused by doctor, and by the SQL that init prints", async () => {
    const database = await created();
    await database.sql`update fetch_etl.schema_version set version = 999`;
    const checks = await checkDatabase(database.settings, true, () => Date.now());
    expect(checks.find(({ name }) => name === "tables")).toMatchObject({ status: "failed" });
    await expect(
      runScript(urlOf(database), initialSql(databases.role, database.settings)),
    ).rejects.toMatchObject({
      code: "P0001",
    });
    expect(await versions(database)).toEqual([999]);
  });

  it("that the user may not read is a right that a drain lacks", async () => {
    const database = await created();
    const other = await databases.otherRole(
      database,
      `grant usage on schema fetch_etl to somebody; grant insert on all tables in schema public to somebody;
       grant insert, select on fetch_etl.ledger, fetch_etl.quarantine to somebody`,
    );
    await expect(drain(other)).rejects.toThrow(
      `lacks permissions for a drain. Use a role that has them (docs/permissions.md), or as the tables' owner, run: GRANT SELECT ON fetch_etl.schema_version TO "${other.user}";`,
    );
  });

  it("is not hidden by row-level security", async () => {
    const database = await created();
    await database.sql`alter table fetch_etl.schema_version enable row level security`;
    await database.sql`alter table fetch_etl.schema_version force row level security`;
    await expect(initialise(database.settings)).rejects.toThrow(
      "Row-level security on fetch_etl.schema_version",
    );
  });
});

describe("tables without a version", () => {
  it("are adopted, with their rows, when they have today's form", async () => {
    const database = await created();
    const before = await definitions(database.sql);
    await database.sql`insert into fetch_etl.ledger (queue, sent_at, message_id, run_id) values ('q', now(), 'm', '00000000-0000-4000-8000-000000000000')`;
    await database.sql`drop table fetch_etl.schema_version`;
    for (const [name, run] of commands.slice(2))
      await expect(run(database.settings), name).rejects.toThrow("has version 0");
    await drain(database.settings);
    expect(await definitions(database.sql)).toEqual(before);
    expect(await versions(database)).toEqual([MIGRATIONS.length]);
    expect(await database.sql`select message_id from fetch_etl.ledger`).toEqual([{ message_id: "m" }]);
  });

  it.each([
    ["ledger", "body_mac"],
    ["quarantine", "replayed_at"],
  ])("are refused, and left as they are, when %s lacks %s", async (table, column) => {
    const database = await created();
    await database.sql.unsafe(
      `drop table fetch_etl.schema_version; alter table fetch_etl.${table} drop column ${column}`,
    );
    const before = await definitions(database.sql);
    const [sentence] = await Promise.all([
      initialise(database.settings).then(String, String),
      expect(drain(database.settings)).rejects.toMatchObject({ kind: "configuration" }),
      expect(runScript(urlOf(database), initialSql(databases.role, database.settings))).rejects.toMatchObject(
        {
          code: "P0001",
        },
      ),
    ]);
    expect(sentence).toContain("lack columns");
    expect(await definitions(database.sql)).toEqual(before);
    // The way out that it names.
    await database.sql.unsafe(sentence.match(/ALTER TABLE [^;]*;/g)?.join(" ") ?? "");
    await initialise(database.settings);
    expect(await versions(database)).toEqual([MIGRATIONS.length]);
  });

  it("are named with their owner to who may not migrate them", async () => {
    const database = await created();
    await database.sql`drop table fetch_etl.schema_version`;
    const other = await databases.otherRole(
      database,
      "grant usage on schema fetch_etl to somebody; grant all on all tables in schema fetch_etl to somebody",
    );
    await expect(drain(other)).rejects.toThrow(`Run "fetch-etl init" as role "${databases.role}"`);
  });
});

it("the SQL that init prints makes the same, twice, and sets the version", async () => {
  const [made, printed] = [await created(), await databases.make()];
  const script = initialSql(databases.role, made.settings);
  for (let run = 1; run <= 2; run += 1) {
    await runScript(urlOf(printed), script);
    expect(await definitions(printed.sql)).toEqual(await definitions(made.sql));
    expect(await versions(printed)).toEqual([MIGRATIONS.length]);
  }
});

/** As the superuser. */
function urlOf({ settings, sql }: Database): string {
  const { host, port, user, pass } = sql.options;
  return `postgres://${user}:${String(pass)}@${host[0] ?? ""}:${port[0] ?? ""}/${settings.database}`;
}
