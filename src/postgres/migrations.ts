// The only definition of fetch-etl's own tables, in schema `fetch_etl`: numbered migrations. Pure. All SQL runs on Postgres 10 and later.
import type { TableName } from "../config/table.ts";
import { RELATIONS } from "./catalogue.ts";

/** A statement of a migration. It can run again, because `init --print` prints all of them. */
export interface Step {
  /** The table in `fetch_etl` that it creates or alters. A table that is missing is created by all its steps, in order. */
  readonly table: string;
  readonly sql: string;
}

/** Migration `n`, at index `n - 1`, brings schema `fetch_etl` from version `n - 1` to `n`. A migration that was released never changes what it leads to. */
export type Migrations = readonly (readonly Step[])[];

function create(table: string, columns: string): Step {
  return { table, sql: `create table if not exists fetch_etl.${table} (\n${columns}\n)` };
}

/**
 * Identifies an entry of the ledger, as the columns of its unique index: the sent time and the id, which a message keeps when it moves to a
 * dead-letter queue, and the record. Where the server sends no time, the ledger has the epoch, and the queue is part of the key.
 */
export const LEDGER_KEY =
  "sent_at, message_id, record, " +
  "(case when sent_at operator(pg_catalog.=) '1970-01-01T00:00:00Z'::pg_catalog.timestamptz then queue else '' end)";

/** The columns of `runs` that are NULL until the run ends. */
export const RUN_END = [
  ...["ended_at", "ended_by", "exit_code", "error"],
  ...["received", "loaded", "duplicates", "quarantined", "skipped", "left_in_queue", "deleted", "released"],
  "invalid_values",
] as const;

function alter(table: string, change: string): Step {
  return { table, sql: `alter table fetch_etl.${table} ${change}` };
}

export const MIGRATIONS: Migrations = [
  [
    create(
      "schema_version",
      `  only_row boolean primary key default true check (only_row),
  version integer not null`,
    ),
    create(
      "ledger",
      `  queue pg_catalog.text not null,
  sent_at pg_catalog.timestamptz not null,
  message_id pg_catalog.text not null,
  run_id pg_catalog.uuid not null,
  loaded_at pg_catalog.timestamptz not null default pg_catalog.now(),
  body_mac pg_catalog.bytea`,
    ),
    // Without a primary key, logical replication needs it to delete the entries that are pruned.
    { table: "ledger", sql: "alter table fetch_etl.ledger replica identity full" },
    create(
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
    ),
    create(
      "vault_keys",
      `  key_id pg_catalog.uuid primary key,
  sealed pg_catalog.bytea not null,
  created_at pg_catalog.timestamptz not null default pg_catalog.now()`,
    ),
    // Tokens are compared as bytes, which is faster than the rules of a language.
    create(
      "vault",
      `  token pg_catalog.text collate pg_catalog."C" primary key,
  field pg_catalog.text not null,
  key_id pg_catalog.uuid not null,
  sealed pg_catalog.bytea not null`,
    ),
    // The run history; `id` is the ledger's `run_id`. Columns that are known only at the end are NULL until then. The table was added
    // without a new schema version, because every command works without it. So earlier versions of fetch-etl still work beside later ones.
    create(
      "runs",
      `  id pg_catalog.uuid primary key,
  queue pg_catalog.text not null,
  target pg_catalog.text not null,
  host pg_catalog.text not null,
  version pg_catalog.text not null,
  key_id pg_catalog.text not null,
  started_at pg_catalog.timestamptz not null default pg_catalog.now(),
  ended_at pg_catalog.timestamptz,
  ended_by pg_catalog.text,
  exit_code integer,
  error pg_catalog.text,
  received bigint,
  loaded bigint,
  duplicates bigint,
  quarantined bigint,
  skipped bigint,
  left_in_queue bigint,
  deleted bigint,
  released bigint,
  invalid_values bigint`,
    ),
    {
      table: "runs",
      sql: "create index if not exists runs_started_at on fetch_etl.runs (started_at)",
    },
    // Who asked to open, delete or rotate values. The database sets time and user.
    create(
      "reveal_log",
      `  at pg_catalog.timestamptz not null default pg_catalog.now(),
  database_user pg_catalog.text not null default session_user,
  action pg_catalog.text not null,
  reason pg_catalog.text not null,
  tokens pg_catalog.text[] not null`,
    ),
  ],
  // A message may have several records.
  [
    // With the default, Postgres from version 11 on does not rewrite the table.
    alter("ledger", "add column if not exists record integer not null default 0"),
    // -1: the message, as it went into the quarantine. Only before the index of the first migration is dropped.
    {
      table: "ledger",
      sql: `update fetch_etl.ledger l set record = -1
from fetch_etl.quarantine q
where q.sent_at operator(pg_catalog.=) l.sent_at and q.queue operator(pg_catalog.=) l.queue
  and q.message_id operator(pg_catalog.=) l.message_id and q.replayed_at is null
  and pg_catalog.to_regclass('fetch_etl.ledger_message') is not null`,
    },
    {
      table: "ledger",
      sql: `create unique index if not exists ledger_record on fetch_etl.ledger (${LEDGER_KEY})`,
    },
    // The first migration created it. It no longer does: with several records of a message, the SQL of `init --print` could not run again.
    { table: "ledger", sql: "drop index if exists fetch_etl.ledger_message" },
    // A message that was replayed has an entry for the quarantine too: it may be delivered and rejected again.
    {
      table: "ledger",
      sql: `insert into fetch_etl.ledger (queue, sent_at, message_id, record, run_id, loaded_at)
select queue, sent_at, message_id, -1, '00000000-0000-0000-0000-000000000000'::pg_catalog.uuid, quarantined_at
from fetch_etl.quarantine
on conflict do nothing`,
    },
    // The MAC of a mapping's `dedupe` values.
    alter("ledger", "add column if not exists idempotency pg_catalog.bytea"),
    {
      table: "ledger",
      sql:
        "create unique index if not exists ledger_idempotency on fetch_etl.ledger (queue, idempotency) " +
        "where idempotency is not null",
    },
    // The indices of the rejected records; NULL where the message was rejected as a whole.
    alter("quarantine", "add column if not exists records integer[]"),
    // By which `reveal` spells a value; NULL in entries of the first version.
    alter("vault", "add column if not exists type pg_catalog.text"),
    // Where the tokens of a run are: schema, table, and the masked columns. A rotation keeps what other tables need.
    alter("vault_keys", "add column if not exists target pg_catalog.text[]"),
  ],
  // Requests have an outcome, and the quarantine's bodies are opened on record too. Earlier requests have no id.
  [
    alter("reveal_log", "add column if not exists id pg_catalog.uuid"),
    alter("reveal_log", "add column if not exists messages pg_catalog.text[] not null default '{}'"),
    // As the client says: the operating system's user, and the machine.
    alter("reveal_log", "add column if not exists client_user pg_catalog.text"),
    alter("reveal_log", "add column if not exists client_host pg_catalog.text"),
    // A table of its own, so that nobody needs the right to change a record.
    create(
      "reveal_outcomes",
      `  id pg_catalog.uuid primary key,
  at pg_catalog.timestamptz not null default pg_catalog.now(),
  outcome pg_catalog.text not null`,
    ),
    // What replaced the tokens of earlier masking keys: their keyed MACs, and the new tokens.
    create(
      "remasked",
      `  mac pg_catalog.bytea primary key,
  token pg_catalog.text not null,
  at pg_catalog.timestamptz not null default pg_catalog.now()`,
    ),
  ],
];

export function setVersion(version: number): string {
  return (
    `insert into fetch_etl.schema_version (version) values (${version})\n` +
    "on conflict (only_row) do update set version = excluded.version"
  );
}

/**
 * A condition: `fetch_etl` has tables that a version before the first migration created, without columns that the first migration expects.
 * They cannot be migrated.
 */
export const IS_OUTDATED = `exists (
  select 1 from ${RELATIONS}
  where n.nspname operator(pg_catalog.=) 'fetch_etl' and not exists (
    select 1 from pg_catalog.pg_attribute a
    where a.attrelid operator(pg_catalog.=) c.oid and not a.attisdropped and a.attname operator(pg_catalog.=)
      case when c.relname operator(pg_catalog.=) 'ledger' then 'body_mac' else 'replayed_at' end
  ) and c.relname operator(pg_catalog.=) any ('{ledger,quarantine}')
)`;

export const OUTDATED =
  "The tables fetch_etl.ledger and fetch_etl.quarantine were created by an unreleased version of fetch-etl and lack columns. " +
  'Add them as the owner of the tables, and run "fetch-etl init" again: ' +
  "ALTER TABLE fetch_etl.ledger ADD COLUMN IF NOT EXISTS body_mac bytea; " +
  "ALTER TABLE fetch_etl.quarantine ADD COLUMN IF NOT EXISTS replayed_at timestamptz;";

const VAULT: readonly string[] = ["vault_keys", "vault", "remasked"];

/** The run history. Optional: a drain works without it. */
export const RUNS: TableName = { schema: "fetch_etl", name: "runs" };

/** The record of who read personal data. `quarantine show --raw` needs it where there is no vault, too. */
const RECORD: readonly string[] = ["reveal_log", "reveal_outcomes"];

/** The tables that a drain creates or needs, the target table first; those of the vault only where one is kept. */
export function tablesFor(target: TableName, keepsVault: boolean): readonly TableName[] {
  const own = ["schema_version", "ledger", "quarantine", ...RECORD, ...(keepsVault ? VAULT : [])];
  return [target, ...own.map((name) => ({ schema: "fetch_etl", name }))];
}

/** All that `init` creates. */
export function allTables(target: TableName): readonly TableName[] {
  return [...tablesFor(target, true), RUNS];
}

/** Those of the tables that a drain inserts into. */
export function written(tables: readonly TableName[]): readonly TableName[] {
  return tables.filter(
    ({ schema, name }) => schema !== "fetch_etl" || (name !== "schema_version" && !RECORD.includes(name)),
  );
}

/** An advisory lock for creating tables: any number, as long as every version uses the same. */
export const CREATION_LOCK = 4_207_849_521;

/** In a transaction that creates tables: how long it waits for locks of other sessions. */
export const CREATION_TIMEOUT = "set local lock_timeout = '10s'";
