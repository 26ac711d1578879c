// The tables: `public.user_logins` as the assignment gives it, and fetch-etl's own in schema `fetch_etl`.
// All SQL runs on Postgres 10 and later.
import { Failure } from "../failure.ts";
import type { Sql } from "./database.ts";
import { lacking, missingGrants, type Right } from "./rights.ts";

/** Makes what is missing. Asking for a schema takes the right to make one, even where it exists: so look first. */
const CREATE_USER_LOGINS = `create table if not exists public.user_logins (
  user_id varchar(128),
  device_type varchar(32),
  masked_ip varchar(256),
  masked_device_id varchar(256),
  locale varchar(32),
  app_version integer,
  create_date date
)`;
const CREATE_LEDGER = `create table if not exists fetch_etl.ledger (
  queue text not null,
  sent_at timestamptz not null,
  message_id text not null,
  run_id uuid not null,
  loaded_at timestamptz not null default now(),
  primary key (sent_at, queue, message_id)
)`;
const CREATE_QUARANTINE = `create table if not exists fetch_etl.quarantine (
  queue text not null,
  sent_at timestamptz not null,
  message_id text not null,
  reasons text[] not null,
  key_id text not null,
  sealed bytea not null,
  quarantined_at timestamptz not null default now(),
  replayed_at timestamptz,
  primary key (sent_at, queue, message_id)
)`;

const CREATE_VAULT_KEYS = `create table if not exists fetch_etl.vault_keys (
  key_id uuid primary key,
  sealed bytea not null,
  created_at timestamptz not null default now()
)`;
// Tokens are compared as bytes: a language's rules of order would take longer at each of them.
const CREATE_VAULT = `create table if not exists fetch_etl.vault (
  token text collate "C" primary key,
  field text not null,
  key_id uuid not null,
  sealed bytea not null
)`;
/** Who does what with the vault. Time and user are the database's own to fill in. */
const CREATE_REVEAL_LOG = `create table if not exists fetch_etl.reveal_log (
  at timestamptz not null default now(),
  database_user text not null default session_user,
  action text not null,
  reason text not null,
  tokens text[] not null
)`;

/** Any number will do, as long as every drain asks for the same. */
const CREATION_LOCK = 4_207_849_521;

/** The types that a column may have, by name; `app_version` must be an `integer`, because the value may fill it. */
const COLUMN_TYPES = {
  user_id: ["character varying", "text"],
  device_type: ["character varying", "text"],
  masked_ip: ["character varying", "text"],
  masked_device_id: ["character varying", "text"],
  locale: ["character varying", "text"],
  app_version: ["integer", "bigint"],
  create_date: ["date"],
} as const;

/** What exists of the tables. */
export interface TablesPresent {
  readonly userLogins: boolean;
  readonly ledger: boolean;
  readonly quarantine: boolean;
  readonly vault: boolean;
}

export async function tablesPresent(sql: Sql): Promise<TablesPresent> {
  const [present] = await sql<TablesPresent[]>`
    select bool_or(n.nspname = 'public' and c.relname = 'user_logins') as "userLogins",
           bool_or(n.nspname = 'fetch_etl' and c.relname = 'ledger') as "ledger",
           bool_or(n.nspname = 'fetch_etl' and c.relname = 'quarantine') as "quarantine",
           bool_or(n.nspname = 'fetch_etl' and c.relname = 'reveal_log') as "vault"
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'f')`;
  return present ?? { userLogins: false, ledger: false, quarantine: false, vault: false };
}

/** Makes the tables that are missing, safely beside others that do the same; those of the vault where one is kept. */
export async function ensureTables(sql: Sql, keepsVault: boolean): Promise<void> {
  const present = await tablesPresent(sql);
  const needsVault = keepsVault && !present.vault;
  if (present.userLogins && present.ledger && present.quarantine && !needsVault) return;
  await sql.begin(async (tx) => {
    await tx.unsafe("set local lock_timeout = '10s'");
    await tx`select pg_advisory_xact_lock(${CREATION_LOCK})`;
    if (!present.userLogins) await tx.unsafe(CREATE_USER_LOGINS);
    if (present.ledger && present.quarantine && !needsVault) return;
    const [schema] = await tx`select 1 from pg_catalog.pg_namespace where nspname = 'fetch_etl'`;
    if (schema === undefined) await tx.unsafe("create schema fetch_etl");
    await tx.unsafe(CREATE_LEDGER);
    await tx.unsafe(CREATE_QUARANTINE);
    if (needsVault) {
      for (const statement of [CREATE_VAULT_KEYS, CREATE_VAULT, CREATE_REVEAL_LOG])
        await tx.unsafe(statement);
    }
  });
}

/**
 * Makes sure that rows can be written, before a message is received.
 *
 * @throws {Failure} `configuration` when `user_logins` has other columns, or the user lacks a right
 */
export async function checkTables(sql: Sql, user: string, keepsVault: boolean): Promise<void> {
  const rights = keepsVault ? [...RIGHTS, ...VAULT_RIGHTS] : RIGHTS;
  const grants = await missingGrants(sql, user, rights);
  const problems = await wrongColumns(sql);
  if (grants.length > 0) problems.push(lacking(user, "a drain", grants));
  if (problems.length > 0) throw new Failure("configuration", problems.join("\n"));
}

async function wrongColumns(sql: Sql): Promise<string[]> {
  const columns = await sql<{ name: string; type: string; required: boolean }[]>`
    select a.attname as name, pg_catalog.format_type(a.atttypid, null) as type,
           a.attnotnull and not a.atthasdef and a.attidentity = '' as required
    from pg_catalog.pg_attribute a
    where a.attrelid = 'public.user_logins'::regclass and a.attnum > 0 and not a.attisdropped`;
  const wrong: string[] = [];
  for (const [name, types] of Object.entries(COLUMN_TYPES)) {
    const column = columns.find((found) => found.name === name);
    if (column === undefined) wrong.push(`${name} is missing`);
    else if (!types.some((type) => type === column.type)) {
      wrong.push(`${name} is ${column.type}, not ${types[0]}`);
    }
  }
  for (const { name, required } of columns) {
    if (required && !Object.hasOwn(COLUMN_TYPES, name))
      wrong.push(`${name} must be filled, and nothing fills it`);
  }
  if (wrong.length === 0) return [];
  return [
    `The table public.user_logins has other columns than fetch-etl writes: ${wrong.join("; ")}. ` +
      "Alter it, or point DATABASE_URL at the right database; the README shows the table.",
  ];
}

/** What a drain does with each table; asking for less would let a run fail in its middle. */
const RIGHTS: readonly Right[] = [
  { schema: "public", table: "user_logins", right: "insert" },
  { table: "ledger", right: "insert" },
  { table: "ledger", right: "select" },
  { table: "quarantine", right: "insert" },
];

/** More that a drain does where a vault is kept. */
const VAULT_RIGHTS: readonly Right[] = [
  { table: "vault_keys", right: "insert" },
  { table: "vault", right: "insert" },
];
