// The rights of each command: with these and no others it works, and without any one of them it names what is missing.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { connect } from "../../src/postgres/connection.ts";
import { initialise } from "../../src/postgres/init.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { openQuarantine, type Quarantine } from "../../src/postgres/quarantine.ts";
import { grant, grantUsage, missingGrants, type Right } from "../../src/postgres/rights.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { openVault } from "../../src/postgres/vault.ts";
import { verifyTables } from "../../src/postgres/verify.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { NO_SEARCH, outcome, rejection, rowWithIp, type Told, readVault } from "./entries.ts";

const DATA_KEY = { id: "00000000-0000-4000-8000-000000000000", sealed: Buffer.from("a data key") };
const TOKEN = `h1.AAAAAAAA.${"A".repeat(43)}`;

let databases: Databases;
let database: Database;
/** A role that owns nothing. */
let etl: DatabaseSettings;

beforeAll(async () => {
  databases = await openDatabases();
  database = await databases.make();
  await initialise(database.settings);
  await database.sql
    .unsafe(`create schema logins; create table logins."User logins" (like public.user_logins);
    alter schema logins owner to ${databases.role}; alter table logins."User logins" owner to ${databases.role}`);
  etl = await databases.otherRole(database, "select 1");
});
afterAll(() => databases.dispose());

async function change(sql: string): Promise<void> {
  await database.sql.unsafe(sql);
}

/** Puts a message into the quarantine and a value into the vault, and deletes what other tests left. */
async function fill(): Promise<void> {
  await change(`
    truncate public.user_logins, fetch_etl.ledger, fetch_etl.quarantine, fetch_etl.vault, fetch_etl.vault_keys, fetch_etl.reveal_log, fetch_etl.reveal_outcomes;
    insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
      values ('arn:first', '2026-07-03', 'held', '{}', 'AAAAAAAA', '');
    insert into fetch_etl.vault (token, field, key_id, sealed) values ('${TOKEN}', 'ip', '${DATA_KEY.id}', '');
    insert into public.user_logins (user_id, masked_ip) values ('a', '${TOKEN}')`);
}

async function drain(settings: DatabaseSettings, vaultKey?: typeof DATA_KEY): Promise<void> {
  const loader = await openLoader(settings, "arn:first", vaultKey);
  try {
    await loader.load([rowWithIp("m", TOKEN), rejection("n")]);
  } finally {
    await loader.close();
  }
}

async function withQuarantine(
  settings: DatabaseSettings,
  use: (quarantine: Quarantine) => Promise<unknown>,
): Promise<void> {
  const quarantine = await openQuarantine(settings);
  try {
    await use(quarantine);
  } finally {
    await quarantine.close();
  }
}

const replay = (settings: DatabaseSettings, vaultKey?: typeof DATA_KEY): Promise<void> =>
  withQuarantine(settings, async (quarantine) => {
    const store = await quarantine.openReplay(vaultKey, undefined);
    const [held] = await store.page(undefined);
    if (held === undefined) throw new Error("nothing is held");
    await store.load([{ held, entry: rowWithIp("held", TOKEN) }]);
    await store.mark([{ held, rejected: undefined }]);
  });

const QUARANTINED = "queue, message_id, sent_at, reasons, records, key_id, sealed, quarantined_at";

interface Command {
  readonly run: (settings: DatabaseSettings) => Promise<unknown>;
  /** What follows `grant`. */
  readonly needs: readonly string[];
  /** In place of the GRANT, where Postgres alone finds out that a right is missing. */
  readonly refusal?: string;
}

const USAGE = "usage on schema fetch_etl";
const VERSION = "select on fetch_etl.schema_version";
const DRAIN = [
  ...[
    USAGE,
    VERSION,
    "insert on fetch_etl.ledger",
    "select on fetch_etl.ledger",
    "insert on fetch_etl.quarantine",
  ],
];
const VAULT = ["insert on fetch_etl.vault_keys", "insert on fetch_etl.vault"];
const REPLAY = [
  "select on fetch_etl.quarantine",
  "update (replayed_at, reasons, records) on fetch_etl.quarantine",
];
const RECORD = [
  "insert (id, action, reason, tokens, messages, client_user, client_host) on fetch_etl.reveal_log",
  "insert (id, outcome) on fetch_etl.reveal_outcomes",
];
const refusedBy = (doing: string): string => `lacks a permission for ${doing} (SQLSTATE 42501)`;

const COMMANDS: Readonly<Record<string, Command>> = {
  drain: { run: (settings) => drain(settings), needs: ["insert on public.user_logins", ...DRAIN] },
  "a drain into the vault": {
    run: (settings) => drain(settings, DATA_KEY),
    needs: ["insert on public.user_logins", ...DRAIN, ...VAULT],
  },
  "a drain into another table": {
    run: (settings) => drain({ ...settings, table: { schema: "logins", name: "User logins" } }),
    needs: ['usage on schema "logins"', 'insert on "logins"."User logins"', ...DRAIN],
  },
  init: { run: initialise, needs: [USAGE, VERSION] },
  verify: {
    run: (settings) => verifyTables(settings, "values"),
    needs: [
      USAGE,
      "select on public.user_logins",
      "select (queue, message_id, sent_at, quarantined_at, replayed_at, reasons, key_id) on fetch_etl.quarantine",
    ],
    refusal: refusedBy("reading the tables"),
  },
  "quarantine list": {
    run: (settings) => withQuarantine(settings, (quarantine) => quarantine.summary()),
    needs: [
      USAGE,
      "select (queue, message_id, sent_at, quarantined_at, replayed_at, reasons, key_id) on fetch_etl.quarantine",
    ],
    refusal: refusedBy("reading the quarantine"),
  },
  "quarantine show": {
    run: (settings) => withQuarantine(settings, (quarantine) => quarantine.find("held")),
    needs: [USAGE, `select (${QUARANTINED}, replayed_at) on fetch_etl.quarantine`],
    refusal: refusedBy("reading the quarantine"),
  },
  "quarantine show --raw": {
    run: (settings) =>
      withQuarantine(settings, (quarantine) =>
        quarantine.open("held", "ticket 42", () => ({ outcome: "opened", text: "", attributes: {} })),
      ),
    needs: [USAGE, ...RECORD, `select (${QUARANTINED}, replayed_at) on fetch_etl.quarantine`],
  },
  "quarantine purge": {
    run: (settings) => withQuarantine(settings, (quarantine) => quarantine.purge({}, "any")),
    needs: [
      USAGE,
      "select (queue, sent_at, message_id, quarantined_at, reasons) on fetch_etl.quarantine",
      "delete on fetch_etl.quarantine",
    ],
    refusal: refusedBy("purging the quarantine"),
  },
  "quarantine replay": {
    run: (settings) => replay(settings),
    needs: ["insert on public.user_logins", ...DRAIN, ...REPLAY],
  },
  "a replay into the vault": {
    run: (settings) => replay(settings, DATA_KEY),
    needs: ["insert on public.user_logins", ...DRAIN, ...VAULT, ...REPLAY],
  },
  reveal: {
    run: (settings) => readVault(settings, [TOKEN], "ticket 42"),
    needs: [
      USAGE,
      ...RECORD,
      "select (token, field, type, key_id, sealed) on fetch_etl.vault",
      "select (key_id, sealed) on fetch_etl.vault_keys",
    ],
  },
  forget: {
    run: (settings) => openVault(settings).forget([TOKEN], "ticket 42", NO_SEARCH),
    needs: [USAGE, ...RECORD, "select (token) on fetch_etl.vault", "delete on fetch_etl.vault"],
  },
  "forget with a purge": {
    run: (settings) => openVault(settings).forget([TOKEN], "ticket 42", { ...NO_SEARCH, purge: true }),
    needs: [
      USAGE,
      ...RECORD,
      "select (token) on fetch_etl.vault",
      "delete on fetch_etl.vault",
      "select (queue, sent_at, message_id, key_id, sealed) on fetch_etl.quarantine",
      "delete on fetch_etl.quarantine",
    ],
  },
  rotate: {
    run: async (settings) => {
      const rotation = await openRotation(settings, "BBBBBBBB", () => Promise.resolve([]));
      try {
        await rotation.changeRows(0);
        await rotation.deleteEntries(await rotation.copyEntries(""));
        await rotation.left();
      } finally {
        await rotation.close();
      }
    },
    needs: [
      USAGE,
      "select on public.user_logins",
      'update ("masked_ip", "masked_device_id") on public.user_logins',
      "select on fetch_etl.vault",
      "insert on fetch_etl.vault",
      "delete on fetch_etl.vault",
      "select on fetch_etl.vault_keys",
      "insert (mac, token) on fetch_etl.remasked",
      ...RECORD,
    ],
  },
};

describe.each(Object.entries(COMMANDS))("%s", (_name, { run, needs, refusal }) => {
  const all = (verb: "grant" | "revoke"): Promise<void> =>
    change(
      needs.map((right) => `${verb} ${right} ${verb === "grant" ? "to" : "from"} ${etl.user}`).join(";"),
    );
  beforeAll(() => all("grant"));
  afterAll(() => all("revoke"));

  it("works with its rights and no others", async () => {
    await fill();
    expect(await outcome(run(etl))).toEqual({ at: "nobody", message: "" });
  });

  it.each(needs)("tells a user without %s what to grant, and does nothing", async (right) => {
    await fill();
    await change(`revoke ${right} from ${etl.user}`);
    const told = await outcome(run(etl));
    await change(`grant ${right} to ${etl.user}`);
    expect(told).toMatchObject({ kind: "configuration" });
    const [, what = "", on = ""] = /^(.*) (on .*)$/.exec(right) ?? [];
    const [verb = "", columns] = what.split(/ (?=[(])/);
    const sentence = `GRANT ${[verb.toUpperCase(), columns].filter(Boolean).join(" ")} ${on.replace(/^on( schema)?/, (text) => text.toUpperCase())} TO "${etl.user}";`;
    expect(told.message).toContain(refusal ?? sentence);
    expect(await untouched()).toBe(true);
  });
});

/** Whether the tables have what {@link fill} put there. */
async function untouched(): Promise<boolean> {
  const [counts] = await database.sql<{ rows: number; held: number; vault: number; noted: number }[]>`
    select (select count(*)::int from public.user_logins) as rows, (select count(*)::int from fetch_etl.ledger) as noted,
           (select count(*)::int from fetch_etl.quarantine where replayed_at is null) as held, (select count(*)::int from fetch_etl.vault) as vault`;
  return counts?.rows === 1 && counts.held === 1 && counts.vault === 1 && counts.noted === 0;
}

/** They need each kind of right, on each table. */
const NEED_MOST = [
  "a drain into the vault",
  "verify",
  "a replay into the vault",
  "forget with a purge",
  "rotate",
];

describe("a role that is", () => {
  it.each<[what: string, make: string, undo: string, version?: number]>([
    ["a member of the owner", "grant owner to etl", "revoke owner from etl"],
    [
      "a member of a member of the owner",
      "create role between; grant owner to between; grant between to etl",
      "drop role between",
    ],
    ["a superuser", "alter role etl superuser", "alter role etl nosuperuser"],
    [
      "granted everything",
      "grant usage on schema fetch_etl to etl; grant all on all tables in schema fetch_etl, public to etl",
      "revoke all on schema fetch_etl from etl; revoke all on all tables in schema fetch_etl, public from etl",
    ],
    [
      "a member of a role that is granted everything",
      "create role granted; grant granted to etl; grant usage on schema fetch_etl to granted; grant all on all tables in schema fetch_etl, public to granted",
      "drop owned by granted; drop role granted",
    ],
    [
      "one of everybody, who is granted everything",
      "grant usage on schema fetch_etl to public; grant all on all tables in schema fetch_etl, public to public",
      "revoke all on schema fetch_etl from public; revoke all on all tables in schema fetch_etl, public from public",
    ],
    [
      "one that may read and write all data",
      "grant pg_read_all_data, pg_write_all_data to etl",
      "revoke pg_read_all_data, pg_write_all_data from etl",
      140_000,
    ],
  ])("%s may do everything", async (_what, make, undo, version = 0) => {
    const [server] = await database.sql<
      { version: number }[]
    >`select current_setting('server_version_num')::int as version`;
    if ((server?.version ?? 0) < version) return;
    const named = (sql: string): string =>
      sql
        .replaceAll(/\bowner\b/g, databases.role)
        .replaceAll(/\betl\b/g, etl.user)
        .replaceAll(/\b(between|granted)\b(?! everything)/g, `${etl.user}_$1`);
    await change(named(make));
    const told: Record<string, Told> = {};
    for (const name of NEED_MOST) {
      await fill();
      told[name] = await outcome(COMMANDS[name]?.run(etl) ?? Promise.resolve("no such command"));
    }
    await change(named(undo));
    for (const [name, each] of Object.entries(told))
      expect(each, name).toEqual({ at: "nobody", message: "" });
  });

  it.each(Object.keys(COMMANDS))(
    "a member of the owner without its rights (NOINHERIT) is told so by %s",
    async (name) => {
      await fill();
      await change(`alter role ${etl.user} noinherit; grant ${databases.role} to ${etl.user}`);
      const told = await outcome(COMMANDS[name]?.run(etl) ?? Promise.resolve());
      await change(`revoke ${databases.role} from ${etl.user}; alter role ${etl.user} inherit`);
      expect(told).toMatchObject({
        kind: "configuration",
        message: expect.stringMatching(/lacks (a permission|permissions) for/),
      });
    },
  );
});

describe("the right to create", () => {
  /** In a transaction that is undone: which sentence tells what the role lacks, of an empty database. */
  it.each<[what: string, state: string, table: string, sentence: string]>([
    [
      "a schema",
      "",
      "public.user_logins",
      'GRANT USAGE, CREATE ON SCHEMA public TO "etl"; GRANT CREATE ON DATABASE "db" TO "etl";',
    ],
    [
      "a schema, where the table is there",
      "create table public.user_logins (like others.logins)",
      "public.user_logins",
      'GRANT CREATE ON DATABASE "db" TO "etl";',
    ],
    [
      "tables in a schema that is there, with the right to use it",
      "create schema fetch_etl; create table public.user_logins (like others.logins); grant usage on schema fetch_etl to etl",
      "public.user_logins",
      'or: GRANT CREATE ON SCHEMA fetch_etl TO "etl";',
    ],
    [
      "tables in a schema that is there, with the right to create",
      "create schema fetch_etl; create table public.user_logins (like others.logins); grant create on schema fetch_etl to etl",
      "public.user_logins",
      'or: GRANT USAGE ON SCHEMA fetch_etl TO "etl";',
    ],
    [
      "tables in a schema that is there",
      "create schema fetch_etl; create table public.user_logins (like others.logins)",
      "public.user_logins",
      'GRANT USAGE, CREATE ON SCHEMA fetch_etl TO "etl";',
    ],
    [
      "tables in two schemas that are there",
      "create schema fetch_etl",
      "public.user_logins",
      'GRANT USAGE, CREATE ON SCHEMA public TO "etl"; GRANT USAGE, CREATE ON SCHEMA fetch_etl TO "etl";',
    ],
    [
      "a table in a schema of the user's",
      'create schema "My logins"; grant create on database db to etl',
      "My logins.user_logins",
      'GRANT USAGE, CREATE ON SCHEMA "My logins" TO "etl";',
    ],
    ["two schemas", "", "new.user_logins", 'or: GRANT CREATE ON DATABASE "db" TO "etl";'],
  ])("%s is told where it is missing", async (_what, state, table, sentence) => {
    const empty = await databases.make();
    const role = await databases.otherRole(empty, "select 1");
    const name = empty.settings.database;
    const filled = (text: string): string =>
      text.replaceAll(/\bdb\b/g, name).replaceAll(/\betl\b/g, role.user);
    await empty.sql.unsafe(
      filled(
        `revoke all on schema public from public; create schema others; create table others.logins (${COLUMNS}); ${state}`,
      ),
    );
    await empty.sql.unsafe(owned(databases.role));
    const [schema = "", ...rest] = table.split(".");
    const settings = { ...role, table: { schema, name: rest.join(".") } };
    for (const run of [initialise, drain]) {
      const told = await outcome(run(settings));
      expect(told).toMatchObject({
        kind: "configuration",
        message: expect.stringContaining(filled(sentence)),
      });
      expect(told.message).toContain(`Postgres user "${role.user}" cannot create `);
    }
    // The grants that it names suffice.
    await empty.sql.unsafe(filled(sentence).replace("or: ", ""));
    await initialise(settings);
  });
});

const COLUMNS = `user_id varchar(128), device_type varchar(32), masked_ip varchar(256), masked_device_id varchar(256),
  locale varchar(32), app_version integer, create_date date`;

/** Gives a role all tables and schemas that a superuser made. */
function owned(role: string): string {
  return `do $$ declare each record; begin
    for each in select n.nspname as name from pg_namespace n where n.nspname !~ '^pg_|information_schema|^public$' loop
      execute format('alter schema %I owner to ${role}', each.name); end loop;
    for each in select schemaname, tablename from pg_tables where schemaname !~ '^pg_|information_schema' loop
      execute format('alter table %I.%I owner to ${role}', each.schemaname, each.tablename); end loop; end $$`;
}

describe("a right is found", () => {
  const LEDGER: Right = { table: "ledger", right: "select" };
  const SOME: Right = { table: "ledger", right: "select", columns: ["queue", "sent_at"] };
  const GONE: Right = { table: "nothing", right: "delete" };
  const usage = (schema = "fetch_etl"): string => grantUsage(schema, etl.user);

  it.each<[what: string, grants: string, rights: readonly Right[], missing: () => readonly string[]]>([
    ["on nothing, for none", "", [], () => []],
    ["on the table", "select on fetch_etl.ledger", [LEDGER], () => []],
    ["on the table, for some columns", "select on fetch_etl.ledger", [SOME], () => []],
    ["on the columns", "select (queue, sent_at) on fetch_etl.ledger", [SOME], () => []],
    ["on more columns", "select (queue, sent_at, run_id) on fetch_etl.ledger", [SOME], () => []],
    [
      "but not on one of the columns",
      "select (queue) on fetch_etl.ledger",
      [SOME],
      () => [grant(SOME, etl.user)],
    ],
    [
      "but not on all columns",
      "select (queue, sent_at) on fetch_etl.ledger",
      [LEDGER],
      () => [grant(LEDGER, etl.user)],
    ],
    [
      "but not another one",
      "insert, update, delete, references, trigger on fetch_etl.ledger",
      [LEDGER],
      () => [grant(LEDGER, etl.user)],
    ],
    [
      "but not on a table that does not exist",
      "select on fetch_etl.ledger",
      [LEDGER, GONE],
      () => [usage(), grant(GONE, etl.user)],
    ],
    [
      "but not in a schema that does not exist",
      "select on fetch_etl.ledger",
      [{ ...LEDGER, schema: "gone" }],
      () => [usage("gone"), grant({ ...LEDGER, schema: "gone" }, etl.user)],
    ],
  ])("%s", async (_what, grants, rights, missing) => {
    if (grants !== "")
      await change(`grant usage on schema fetch_etl to ${etl.user}; grant ${grants} to ${etl.user}`);
    const { sql, close } = connect(etl);
    expect(await missingGrants(sql, etl.user, rights)).toEqual(missing());
    await close();
    if (grants !== "")
      await change(`revoke usage on schema fetch_etl from ${etl.user}; revoke ${grants} from ${etl.user}`);
  });
});
