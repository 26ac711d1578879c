// Whose the tables are, and who may make things where names are looked up.
import { readFile } from "node:fs/promises";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { initialise } from "../../src/postgres/init.ts";
import { initialSql } from "../../src/postgres/init-sql.ts";
import { verifyTables } from "../../src/postgres/verify.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { openVault } from "../../src/postgres/vault.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { NO_SEARCH, readVault } from "./entries.ts";

let databases: Databases;
beforeAll(async () => {
  databases = await openDatabases();
});
afterAll(() => databases.dispose());

/** Whether a command fails for whose something is; undefined where it does not. */
const commands: Readonly<Record<string, (settings: DatabaseSettings) => Promise<unknown>>> = {
  init: (settings) => initialise(settings),
  drain: async (settings) => (await openLoader(settings, "queue")).close(),
  "quarantine list": async (settings) => (await openQuarantine(settings)).close(),
  verify: (settings) => verifyTables(settings),
  rotate: async (settings) => (await openRotation(settings, "AAAAAAAA", () => Promise.resolve([]))).close(),
  reveal: (settings) => readVault(settings, [], "a test"),
  forget: (settings) => openVault(settings).forget([], "a test", NO_SEARCH),
  doctor: async (settings) => {
    const checks = await checkDatabase(settings, true, Date.now);
    const tables = checks.find(({ name }) => name === "tables");
    if (tables?.status === "failed") throw new Error(tables.wayOut);
  },
};

async function outcomes(settings: DatabaseSettings): Promise<Record<string, string>> {
  const told: Record<string, string> = {};
  for (const [name, command] of Object.entries(commands)) {
    told[name] = await command(settings).then(
      () => "done",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  }
  return told;
}

const ALL_DONE = Object.fromEntries(Object.keys(commands).map((name) => [name, "done"]));
const COLUMNS = `user_id varchar(128), device_type varchar(32), masked_ip varchar(256), masked_device_id varchar(256),
  locale varchar(32), app_version integer, create_date date`;
const PARTITIONED = `drop table public.user_logins;
  create table public.user_logins (${COLUMNS}) partition by range (create_date);
  alter table public.user_logins owner to owner_of_all`;

/** A database with the tables, in which `change` was made; `owner_of_all` and `stranger` in it stand for two roles. */
async function changed(change: string): Promise<{ database: Database; stranger: DatabaseSettings }> {
  const database = await databases.make();
  await initialise(database.settings);
  const stranger = await databases.otherRole(database, "select 1");
  await database.sql.unsafe(
    change.replaceAll("stranger", stranger.user).replaceAll("owner_of_all", database.settings.user),
  );
  return { database, stranger };
}

describe("what a stranger owns", () => {
  it.each([
    ["schema fetch_etl", "alter schema fetch_etl owner to stranger", "SCHEMA fetch_etl"],
    ["a table of its own", "alter table fetch_etl.ledger owner to stranger", "TABLE fetch_etl.ledger"],
    ["the logins' table", "alter table public.user_logins owner to stranger", "TABLE public.user_logins"],
    [
      "a partition of it",
      `${PARTITIONED}; create table public.part partition of public.user_logins for values from ('2026-01-01') to ('2027-01-01');
       alter table public.part owner to stranger`,
      "TABLE public.part",
    ],
    [
      "a partition of a partition",
      `${PARTITIONED};
       create table public.year partition of public.user_logins for values from ('2026-01-01') to ('2027-01-01')
         partition by range (create_date);
       alter table public.year owner to owner_of_all;
       create table public.month partition of public.year for values from ('2026-01-01') to ('2026-02-01');
       alter table public.month owner to stranger`,
      "TABLE public.month",
    ],
    [
      "the table that it is a part of",
      `drop table public.user_logins; create table public.whole (${COLUMNS}) partition by range (create_date);
       alter table public.whole owner to stranger;
       create table public.user_logins partition of public.whole for values from ('2026-01-01') to ('2027-01-01');
       alter table public.user_logins owner to owner_of_all`,
      "TABLE public.whole",
    ],
  ])("%s is refused by every command, and taken once its owner is trusted", async (_what, change, object) => {
    const { database, stranger } = await changed(change);
    const told = await outcomes(database.settings);
    for (const sentence of Object.values(told)) {
      expect(sentence).toContain(`belongs to role "${stranger.user}"`);
      expect(sentence).toContain(`ALTER ${object} OWNER TO`);
    }
    await database.sql.unsafe(`grant ${stranger.user} to ${database.settings.user}`);
    await database.sql.unsafe(`
      grant usage on schema fetch_etl to ${database.settings.user}; grant all on all tables in schema public to ${database.settings.user};
      grant all on all tables in schema fetch_etl to ${database.settings.user}`);
    expect(await outcomes(database.settings)).toEqual(ALL_DONE);
  });
});

describe("the right to make things in public", () => {
  const SCHEMA = `grant create on schema public to public`;

  async function isGranted({ sql }: Database): Promise<boolean> {
    const [found] = await sql<{ granted: boolean }[]>`
      select pg_catalog.has_schema_privilege('public', 'public', 'create') as granted`;
    return found?.granted === true;
  }

  /** A database where everybody may, as before Postgres 15, and where a superuser owns the schema. */
  async function open(): Promise<Database> {
    const database = await databases.make();
    await database.sql.unsafe(`alter schema public owner to current_user; ${SCHEMA}`);
    return database;
  }

  /** Runs SQL as psql does; gives the codes of what Postgres says beside the results. */
  async function run({ database, user, password }: DatabaseSettings, text: string): Promise<string[]> {
    const url = new URL(inject("postgresUrl"));
    Object.assign(url, { pathname: `/${database}`, username: user, password: password?.reveal() ?? "" });
    const notices: string[] = [];
    const sql = postgres(url.href, { max: 1, onnotice: ({ code = "" }) => notices.push(code) });
    try {
      await sql.unsafe(text).simple();
      return notices;
    } finally {
      await sql.end();
    }
  }

  /** The block of deploy/roles.sql: the rest of it makes roles for the whole server. */
  async function blockOfRoles(): Promise<string> {
    const text = await readFile(new URL("../../deploy/roles.sql", import.meta.url), "utf8");
    const [block = ""] = text
      .split("do $$")
      .filter((part) => part.includes("revoke create on schema public"));
    return `do $$${block.slice(0, block.indexOf("$$;"))}$$;`;
  }

  it("is taken from everybody by init where the schema is the user's", async () => {
    const database = await open();
    await database.sql.unsafe(`alter schema public owner to ${database.settings.user}`);
    await initialise(database.settings);
    expect(await isGranted(database)).toBe(false);
    await initialise(database.settings);
  });

  it("stays, without an error, where the schema is another's", async () => {
    const database = await open();
    await initialise(database.settings);
    expect(await isGranted(database)).toBe(true);
  });

  it("is taken by what init prints, and by deploy/roles.sql, for the owner; for others they do nothing but warn", async () => {
    const database = await open();
    const { settings, sql } = database;
    const other = await databases.otherRole(database, "select 1");
    // A role that is there needs no right to make one.
    const printed = initialSql(other.user, settings);
    const WARNING = "01006";
    for (const text of [printed, await blockOfRoles()]) {
      expect((await run(settings, text)).filter((code) => code.startsWith("01"))).toEqual([WARNING]);
      expect(await isGranted(database)).toBe(true);
    }
    await sql.unsafe(
      `revoke all on schema public from public; grant create on schema public to ${other.user}`,
    );
    expect(await run(settings, await blockOfRoles())).toEqual([]);
    for (const text of [printed, await blockOfRoles()]) {
      await sql.unsafe(`alter schema public owner to ${settings.user}; ${SCHEMA}`);
      expect((await run(settings, text)).filter((code) => code.startsWith("01"))).toEqual([]);
      expect(await isGranted(database)).toBe(false);
    }
  });
});
