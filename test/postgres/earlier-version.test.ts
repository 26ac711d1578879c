// A database that the first version of the schema was made in, with what drains of that version wrote.
import { createSecretKey, randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { WHOLE_MESSAGE, type Entry } from "../../src/drain/ports.ts";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { NONCE_BYTES, seal } from "../../src/masking/seal.ts";
import { maskOf } from "../../src/masking/token.ts";
import { withDatabase } from "../../src/postgres/database.ts";
import { initialise } from "../../src/postgres/init.ts";
import { initialSql } from "../../src/postgres/init-sql.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { MIGRATIONS } from "../../src/postgres/migrations.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { rightsFor } from "../../src/postgres/rights.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { ensureTables } from "../../src/postgres/schema.ts";
import { createBodyOpener } from "../../src/quarantine/message.ts";
import { replay } from "../../src/quarantine/replay.ts";
import { createOpener, type Opener } from "../../src/recovery/identities.ts";
import { createSealer, DATA_KEY_BYTES, type Sealer } from "../../src/recovery/recipients.ts";
import { revealEntries } from "../../src/recovery/reveal.ts";
import { rotate } from "../../src/recovery/rotate.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { definitions, runScript } from "../support/catalogue.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { KEYS, QUEUE_ID } from "../support/login-entries.ts";
import { loginRemask, rejection, replaySettings, row, readVault } from "./entries.ts";

/** Version 1, as it was released. */
const VERSION_1 = `
  create schema fetch_etl;
  create table public.user_logins (user_id varchar(128), device_type varchar(32), masked_ip varchar(256),
    masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date);
  create table fetch_etl.schema_version (only_row boolean primary key default true check (only_row), version integer not null);
  create table fetch_etl.ledger (queue text not null, sent_at timestamptz not null, message_id text not null, run_id uuid not null,
    loaded_at timestamptz not null default now(), body_mac bytea);
  create unique index ledger_message on fetch_etl.ledger (sent_at, message_id,
    (case when sent_at = '1970-01-01T00:00:00Z'::timestamptz then queue else '' end));
  alter table fetch_etl.ledger replica identity full;
  create table fetch_etl.quarantine (queue text not null, sent_at timestamptz not null, message_id text not null,
    reasons text[] not null, key_id text not null, sealed bytea not null, quarantined_at timestamptz not null default now(),
    replayed_at timestamptz, primary key (sent_at, queue, message_id));
  create table fetch_etl.vault_keys (key_id uuid primary key, sealed bytea not null, created_at timestamptz not null default now());
  create table fetch_etl.vault (token text collate "C" primary key, field text not null, key_id uuid not null, sealed bytea not null);
  create table fetch_etl.reveal_log (at timestamptz not null default now(), database_user text not null default session_user,
    action text not null, reason text not null, tokens text[] not null);
  insert into fetch_etl.schema_version (version) values (1);`;
const TABLES =
  "public.user_logins fetch_etl.schema_version fetch_etl.ledger fetch_etl.quarantine fetch_etl.vault_keys fetch_etl.vault fetch_etl.reveal_log";

const DEAD_QUEUE = `${QUEUE_ID}-dead`;
const RUN = "00000000-0000-4000-8000-000000000000";
const SENT_AT = Date.UTC(2026, 6, 3);
const IP = "192.0.2.77";
const DEVICE = "a device";
const TOKENS = {
  ip: maskOf(KEYS, "ip")(canonicalIp(IP) ?? new Uint8Array()),
  device_id: maskOf(KEYS, "device_id")(Buffer.from(DEVICE)),
};

interface Known {
  readonly id: string;
  /** Undefined where the server told none. */
  readonly sentAt: number | undefined;
  readonly queue?: string;
  readonly in: "rows" | "quarantine" | "quarantine, replayed" | "ledger alone";
  readonly record: number;
}
/** What the ledger has, and the record that it becomes. */
const KNOWN: readonly Known[] = [
  { id: "loaded", sentAt: SENT_AT, in: "rows", record: 0 },
  { id: "loaded, of an unknown time", sentAt: undefined, in: "rows", record: 0 },
  { id: "held", sentAt: SENT_AT, in: "quarantine", record: -1 },
  { id: "held, of an unknown time", sentAt: undefined, in: "quarantine", record: -1 },
  { id: "in two queues", sentAt: undefined, in: "quarantine", record: -1 },
  { id: "in two queues", sentAt: undefined, queue: DEAD_QUEUE, in: "rows", record: 0 },
  { id: "replayed", sentAt: SENT_AT, in: "quarantine, replayed", record: 0 },
  { id: "purged", sentAt: SENT_AT, in: "ledger alone", record: 0 },
];
const HELD = KNOWN.filter((known) => known.in === "quarantine");

let databases: Databases;
let opener: Opener;
let sealer: Sealer;
const dataKey = randomBytes(DATA_KEY_BYTES);

beforeAll(async () => {
  databases = await openDatabases();
  const identity = await generateX25519Identity();
  opener = createOpener(identity);
  sealer = await createSealer([await identityToRecipient(identity)], (length) =>
    length === DATA_KEY_BYTES ? dataKey : randomBytes(length),
  );
});
afterAll(() => databases.dispose());

function loginOf(id: string): string {
  const others = { app_version: "1.0", device_type: null, locale: null };
  return JSON.stringify({ user_id: id, ...others, ip: IP, device_id: DEVICE });
}

async function versionOne(): Promise<Database> {
  const database = await databases.make();
  const { sql } = database;
  await sql.unsafe(VERSION_1);
  await sql.unsafe(`alter schema fetch_etl owner to ${databases.role}`);
  for (const table of TABLES.split(" ")) await sql.unsafe(`alter table ${table} owner to ${databases.role}`);
  for (const { id, sentAt = 0, queue = QUEUE_ID, in: place } of KNOWN) {
    const at = new Date(sentAt);
    await sql`insert into fetch_etl.ledger (queue, sent_at, message_id, run_id) values (${queue}, ${at}, ${id}, ${RUN})`;
    if (place === "rows" || place === "quarantine, replayed")
      await sql`insert into public.user_logins (user_id, masked_ip) values (${id}, ${TOKENS.ip})`;
    if (!place.startsWith("quarantine")) continue;
    const context = JSON.stringify(["fetch-etl/v1/quarantine", queue, id]);
    const sealed = Buffer.from(seal(KEYS.quarantine, loginOf(id), context, randomBytes(NONCE_BYTES)));
    const replayedAt = place === "quarantine" ? null : new Date();
    await sql`
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed, replayed_at)
      values (${queue}, ${at}, ${id}, '{x: missing}', ${KEYS.keyId}, ${sealed}, ${replayedAt})`;
  }
  const { id, sealed } = sealer.dataKey;
  await sql`insert into fetch_etl.vault_keys (key_id, sealed) values (${id}, ${Buffer.from(sealed)})`;
  const values = { ip: canonicalIp(IP) ?? new Uint8Array(), device_id: Buffer.from(DEVICE) };
  for (const field of ["ip", "device_id"] as const) {
    const context = JSON.stringify(["fetch-etl/v1/vault", field, TOKENS[field]]);
    const value = seal(createSecretKey(dataKey), values[field], context, randomBytes(NONCE_BYTES));
    await sql`
      insert into fetch_etl.vault (token, field, key_id, sealed)
      values (${TOKENS[field]}, ${field}, ${id}, ${Buffer.from(value)})`;
  }
  return database;
}

function migrate(settings: DatabaseSettings): Promise<unknown> {
  const use = { doing: "a drain", rights: rightsFor(settings.table, true) };
  return withDatabase(settings, "migrating", (sql) => ensureTables(sql, settings, true, use));
}

async function replayAll(settings: DatabaseSettings): Promise<number> {
  const quarantine = await openQuarantine(settings);
  try {
    const store = await quarantine.openReplay(sealer.dataKey, undefined);
    return (await replay(store, createBodyOpener([KEYS]), replaySettings(KEYS, sealer))).loaded;
  } finally {
    await quarantine.close();
  }
}

/** How many of the entries are known. */
async function known(settings: DatabaseSettings, queue: string, entries: readonly Entry[]): Promise<number> {
  const loader = await openLoader(settings, queue);
  try {
    return (await loader.load(entries)).duplicates;
  } finally {
    await loader.close();
  }
}

async function users({ sql }: Database): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select user_id as id from public.user_logins order by 1`;
  return rows.map(({ id }) => id);
}

/** As the superuser. */
function urlOf({ settings, sql }: Database): string {
  const { host, port, user, pass } = sql.options;
  return `postgres://${user}:${String(pass)}@${host[0] ?? ""}:${port[0] ?? ""}/${settings.database}`;
}
async function print(database: Database): Promise<void> {
  await runScript(urlOf(database), initialSql(databases.role, database.settings));
  // The superuser ran it, and owns what it created.
  await database.sql.unsafe(`alter table fetch_etl.reveal_outcomes owner to ${databases.role}`);
}

it("init says which versions it migrated, and nothing of a schema that is new or complete", async () => {
  const { settings } = await versionOne();
  expect((await initialise(settings)).migrated).toEqual({ from: 1, to: MIGRATIONS.length });
  expect((await initialise(settings)).migrated).toBeUndefined();
  expect((await initialise((await databases.make()).settings)).migrated).toBeUndefined();
});

describe.each<[by: string, migrateIt: (database: Database) => Promise<unknown>]>([
  ["by a drain or init", ({ settings }) => Promise.all([migrate(settings), migrate(settings)])],
  ["by the SQL that init prints", print],
])("a database of version 1 that is brought forward %s", (_by, migrateIt) => {
  let database: Database;
  beforeAll(async () => {
    database = await versionOne();
    await migrateIt(database);
  });

  it("has the tables of a new one, and tells loaded records from messages in the quarantine", async () => {
    const fresh = await databases.make();
    await initialise(fresh.settings);
    expect(await definitions(database.sql)).toEqual(await definitions(fresh.sql));
    expect(await database.sql`select version from fetch_etl.schema_version`).toEqual([
      { version: MIGRATIONS.length },
    ]);
    const records = await database.sql`
      select message_id as id, queue, record from fetch_etl.ledger order by message_id collate "C", queue, record`;
    const replayed = { id: "replayed", queue: QUEUE_ID, record: WHOLE_MESSAGE };
    expect(records.map((each) => ({ ...each }))).toEqual(
      [replayed, ...KNOWN.map(({ id, queue = QUEUE_ID, record }) => ({ id, queue, record }))].toSorted(
        (one, other) => Number(one.id > other.id) - Number(one.id < other.id),
      ),
    );
  });

  it("knows its messages when they come again, also by way of another queue", async () => {
    const again = (queue: string): Entry[] =>
      KNOWN.filter((each) => (each.queue ?? QUEUE_ID) === queue).map(({ id, sentAt, record }) =>
        record === 0 ? row(id, {}, { sentAt }) : rejection(id, { sentAt }),
      );
    const own = again(QUEUE_ID);
    expect(await known(database.settings, QUEUE_ID, own)).toBe(own.length);
    const moved = own.filter(({ sentAt }) => sentAt !== undefined);
    expect(await known(database.settings, QUEUE_ID, [rejection("replayed", { sentAt: SENT_AT })])).toBe(1);
    const dead = [...moved, ...again(DEAD_QUEUE)];
    expect(await known(database.settings, DEAD_QUEUE, dead)).toBe(dead.length);
  });

  it("replays its quarantined messages once, and knows them then as rows and as rejections", async () => {
    const before = await users(database);
    expect(await replayAll(database.settings)).toBe(HELD.length);
    expect(await replayAll(database.settings)).toBe(0);
    const after = [...before, ...HELD.map(({ id }) => id)].toSorted();
    expect(await users(database)).toEqual(after);
    const again = HELD.flatMap(({ id, sentAt }) => [row(id, {}, { sentAt }), rejection(id, { sentAt })]);
    expect(await known(database.settings, QUEUE_ID, again)).toBe(again.length);
    expect(await users(database)).toEqual(after);
  });

  it("reveals the values of its vault, whose entries have no type, and rotates them", async () => {
    const values = [
      { field: "ip", value: IP },
      { field: "device_id", value: DEVICE },
    ];
    const reveal = async (tokens: readonly string[]): Promise<unknown> =>
      revealEntries(opener, await readVault(database.settings, tokens, "a test"));
    expect(await reveal([TOKENS.ip, TOKENS.device_id])).toMatchObject({ ok: true, values });
    expect(await database.sql`select from fetch_etl.vault where type is null`).toHaveLength(2);

    const next = deriveKeys(Buffer.alloc(32, 9));
    const rotation = await openRotation(database.settings, next.keyId, loginRemask(opener, [next, KEYS]));
    try {
      expect(await rotate(rotation, new AbortController().signal)).toMatchObject({ vault: 2, left: [] });
    } finally {
      await rotation.close();
    }
    const news = [
      maskOf(next, "ip")(canonicalIp(IP) ?? new Uint8Array()),
      maskOf(next, "device_id")(Buffer.from(DEVICE)),
    ];
    expect(await reveal(news)).toMatchObject({ ok: true, values });
  });

  it("takes the SQL that init prints again, when messages have several records", async () => {
    const several = [row("several"), row("several", {}, { record: 1 }), rejection("several")];
    await known(database.settings, QUEUE_ID, several);
    const before = await definitions(database.sql);
    await print(database);
    expect(await definitions(database.sql)).toEqual(before);
    expect(await known(database.settings, QUEUE_ID, several)).toBe(3);
  });
});
