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

/** @param more statements that go with it, in the same transaction */
function ownTable(name: string, columns: string, ...more: readonly string[]): Table {
  const table = tableOf({ schema: "fetch_etl", name }, columns);
  return { ...table, create: [table.create, ...more].join(";\n") };
}

const LOGIN_COLUMNS = `  user_id varchar(128),
  device_type varchar(32),
  masked_ip varchar(256),
  masked_device_id varchar(256),
  locale varchar(32),
  app_version integer,
  create_date pg_catalog.date`;

/**
 * A message is known by its sent time and its id, which it keeps on its way to a dead-letter queue, whichever queue it came from. Where
 * the server tells no sent time the epoch stands in for it, and the queue is part of the key.
 */
const LEDGER_KEY =
  "ledger_message on fetch_etl.ledger (sent_at, message_id, (case when sent_at operator(pg_catalog.=) " +
  "'1970-01-01T00:00:00Z'::pg_catalog.timestamptz then queue else '' end))";

/** How the ledger of an earlier version, whose primary key led with sent time and queue, gets the key that it has today. */
export const LEDGER_UPGRADE = {
  /** The same message under two queues: the first entry stays. */
  removeRepeated: `delete from fetch_etl.ledger as later using fetch_etl.ledger as earlier
where later.sent_at operator(pg_catalog.=) earlier.sent_at and later.message_id operator(pg_catalog.=) earlier.message_id
  and later.sent_at operator(pg_catalog.<>) '1970-01-01T00:00:00Z'::pg_catalog.timestamptz
  and (later.loaded_at operator(pg_catalog.>) earlier.loaded_at
    or (later.loaded_at operator(pg_catalog.=) earlier.loaded_at and later.queue operator(pg_catalog.>) earlier.queue))`,
  /** Others can write meanwhile. Not within a transaction. */
  build: `create unique index concurrently if not exists ${LEDGER_KEY}`,
  /** What a build that was interrupted leaves is there, and checks nothing. */
  dropUnfinished: "drop index if exists fetch_etl.ledger_message",
  /** A table without a primary key needs it for logical replication of what is pruned. */
  dropEarlier: "alter table fetch_etl.ledger drop constraint if exists ledger_pkey, replica identity full",
} as const;

const LEDGER = ownTable(
  "ledger",
  `  queue pg_catalog.text not null,
  sent_at pg_catalog.timestamptz not null,
  message_id pg_catalog.text not null,
  run_id pg_catalog.uuid not null,
  loaded_at pg_catalog.timestamptz not null default pg_catalog.now(),
  body_mac pg_catalog.bytea`,
  `create unique index if not exists ${LEDGER_KEY}`,
  "alter table fetch_etl.ledger replica identity full",
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
