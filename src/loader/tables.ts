// The tables: the logins' as the assignment gives it, which may have another name, and fetch-etl's own in schema `fetch_etl`. Their only
// definition; pure. All SQL runs on Postgres 10 and later.
import type { TableName } from "../config/table.ts";
import { fullName } from "./quote.ts";

export interface Table extends TableName {
  /** Makes it where it is missing. */
  readonly create: string;
}

function tableOf(table: TableName, columns: string): Table {
  return { ...table, create: `create table if not exists ${fullName(table)} (\n${columns}\n)` };
}

function ownTable(name: string, columns: string): Table {
  return tableOf({ schema: "fetch_etl", name }, columns);
}

const LOGIN_COLUMNS = `  user_id varchar(128),
  device_type varchar(32),
  masked_ip varchar(256),
  masked_device_id varchar(256),
  locale varchar(32),
  app_version integer,
  create_date pg_catalog.date`;

const LEDGER = ownTable(
  "ledger",
  `  queue pg_catalog.text not null,
  sent_at pg_catalog.timestamptz not null,
  message_id pg_catalog.text not null,
  run_id pg_catalog.uuid not null,
  loaded_at pg_catalog.timestamptz not null default pg_catalog.now(),
  body_mac pg_catalog.bytea,
  primary key (sent_at, queue, message_id)`,
);
const QUARANTINE = ownTable(
  "quarantine",
  `  queue pg_catalog.text not null,
  sent_at pg_catalog.timestamptz not null,
  message_id pg_catalog.text not null,
  reasons pg_catalog.text[] not null,
  key_id pg_catalog.text not null,
  sealed pg_catalog.bytea not null,
  quarantined_at pg_catalog.timestamptz not null default pg_catalog.now(),
  replayed_at pg_catalog.timestamptz,
  primary key (sent_at, queue, message_id)`,
);
const VAULT_KEYS = ownTable(
  "vault_keys",
  `  key_id pg_catalog.uuid primary key,
  sealed pg_catalog.bytea not null,
  created_at pg_catalog.timestamptz not null default pg_catalog.now()`,
);
// Tokens are compared as bytes: a language's rules of order would take longer at each of them.
const VAULT = ownTable(
  "vault",
  `  token pg_catalog.text collate pg_catalog."C" primary key,
  field pg_catalog.text not null,
  key_id pg_catalog.uuid not null,
  sealed pg_catalog.bytea not null`,
);
/** Who does what with the vault. Time and user are the database's own to fill in. */
const REVEAL_LOG = ownTable(
  "reveal_log",
  `  at pg_catalog.timestamptz not null default pg_catalog.now(),
  database_user pg_catalog.text not null default session_user,
  action pg_catalog.text not null,
  reason pg_catalog.text not null,
  tokens pg_catalog.text[] not null`,
);

/** All there are: the vault's too, with the record of who asked for what. */
export function allTables(logins: TableName): readonly Table[] {
  return [...tablesFor(logins, false), VAULT_KEYS, VAULT, REVEAL_LOG];
}

/** The tables that a drain needs. */
export function tablesFor(logins: TableName, keepsVault: boolean): readonly Table[] {
  return keepsVault ? allTables(logins) : [tableOf(logins, LOGIN_COLUMNS), LEDGER, QUARANTINE];
}

/** A column of a table in `fetch_etl` that a table made by an earlier version is without. */
export interface LaterColumn {
  readonly table: string;
  readonly name: string;
  readonly add: string;
}

export const REPLAYED_AT: LaterColumn = laterColumn("quarantine", "replayed_at", "pg_catalog.timestamptz");
export const BODY_MAC: LaterColumn = laterColumn("ledger", "body_mac", "pg_catalog.bytea");

/** All there are. */
export const LATER_COLUMNS: readonly LaterColumn[] = [REPLAYED_AT, BODY_MAC];

function laterColumn(table: string, name: string, type: string): LaterColumn {
  return { table, name, add: `alter table fetch_etl.${table} add column if not exists ${name} ${type}` };
}

/** Any number will do, as long as all who make tables ask for the same. */
export const CREATION_LOCK = 4_207_849_521;

/** For a transaction that makes tables: it waits no longer for others. */
export const CREATION_PATIENCE = "set local lock_timeout = '10s'";
