// Creates the tables that are missing, and brings schema `fetch_etl` to the version that this program needs.
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import { findTables, hasSchema, type FoundTable } from "./catalogue.ts";
import type { Reader, Sql } from "./connection.ts";
import {
  CREATION_LOCK,
  CREATION_TIMEOUT,
  IS_OUTDATED,
  MIGRATIONS,
  OUTDATED,
  allTables,
  RUNS,
  setVersion,
  tablesFor,
  type Migrations,
  type Step,
} from "./migrations.ts";
import { fullName, identifier, schemaName } from "./quote.ts";
import { requireOwners } from "./owners.ts";
import { READ_VERSION, requireRights, type Use } from "./rights.ts";
import { createTarget, type Target } from "./target-table.ts";
import { inTransaction, READ_COMMITTED, SNAPSHOT } from "./transaction.ts";

export interface SchemaState {
  /** The tables, including the run history, that do not exist. */
  readonly missing: readonly TableName[];
  /** All that exist of the wanted tables and of fetch-etl's own. */
  readonly found: readonly FoundTable[];
  /** Version of schema `fetch_etl`: 0 where none is recorded, undefined where the user may not read it. */
  readonly version: number | undefined;
}

async function readState(sql: Reader, target: TableName, keepsVault: boolean): Promise<SchemaState> {
  const found = await findTables(sql, allTables(target));
  const present = new Set(found.map(fullName));
  const versionTable = found.find(isVersionTable);
  return {
    missing: [...tablesFor(target, keepsVault), RUNS].filter((table) => !present.has(fullName(table))),
    found,
    version: versionTable === undefined ? 0 : versionTable.isReadable ? await readVersion(sql) : undefined,
  };
}

/** Whether all tables exist that a drain needs. */
export function lacksOnlyRuns({ missing }: SchemaState): boolean {
  return missing.every((table) => table === RUNS);
}

function isVersionTable({ schema, name }: TableName): boolean {
  return schema === "fetch_etl" && name === READ_VERSION.table;
}

async function readVersion(sql: Reader): Promise<number> {
  const [row] = await sql.unsafe<{ version: number }[]>("select version from fetch_etl.schema_version");
  return row?.version ?? 0;
}

/** @throws {Failure} `configuration` when a table, or the schema, belongs to a role that is not trusted */
export async function schemaState(sql: Sql, target: TableName, keepsVault: boolean): Promise<SchemaState> {
  await requireOwners(sql, target);
  // Row-level security that would hide the version makes Postgres refuse.
  return inTransaction(sql, SNAPSHOT, (tx) => readState(tx, target, keepsVault));
}

export interface TablesPresent {
  readonly target: boolean;
  readonly quarantine: boolean;
  readonly vault: boolean;
  /** That of requests for personal data. */
  readonly record: boolean;
  readonly runs: boolean;
}

/**
 * For commands that create no table.
 *
 * @throws {Failure} `configuration` when a table belongs to a role that is not trusted, or the schema has another version; the version is
 *   not checked where the user may not read it
 */
export async function tablesPresent(sql: Sql, target: TableName): Promise<TablesPresent> {
  const { found, version } = await schemaState(sql, target, true);
  const names = new Set(found.map(fullName));
  const quarantine = names.has("fetch_etl.quarantine");
  if (version !== undefined && quarantine) {
    requireKnown(version, MIGRATIONS);
    if (version < MIGRATIONS.length) {
      throw new Failure("configuration", `${otherVersion(version, MIGRATIONS)}: run "fetch-etl init".`);
    }
  }
  return {
    target: names.has(fullName(target)),
    quarantine,
    vault: names.has("fetch_etl.vault"),
    record: names.has("fetch_etl.reveal_outcomes"),
    runs: names.has(fullName(RUNS)),
  };
}

/** The versions of schema `fetch_etl`, before and after. */
export interface Migrated {
  readonly from: number;
  readonly to: number;
}

interface Created {
  readonly made: readonly string[];
  /** Undefined where all is new, or nothing was migrated. */
  readonly migratedFrom?: number;
}

export interface Ensured {
  /** The names of what was created. */
  readonly made: readonly string[];
  /** Undefined where the tables that existed had the version that this program needs. */
  readonly migrated: Migrated | undefined;
  /** Whether the run history exists, and the user may write to it. */
  readonly recordsRuns: boolean;
}

/**
 * Creates the tables and schemas that are missing, and applies the migrations that are pending, in one transaction. Runs at the same time
 * wait for each other. If the run history cannot be created, that is a failure only if `use` needs it.
 *
 * @throws {Failure} `configuration` when the user may not do so, with the way out, or when a later version of fetch-etl migrated the schema
 */
export async function ensureTables(
  sql: Sql,
  settings: Target & { readonly user: string },
  keepsVault: boolean,
  use: Use,
  migrations: Migrations = MIGRATIONS,
): Promise<Ensured> {
  const { user, table: target } = settings;
  const isUsable = (state: SchemaState): boolean => {
    if (state.version !== undefined) requireKnown(state.version, migrations);
    return lacksOnlyRuns(state) && state.version === migrations.length;
  };
  const isComplete = (state: SchemaState): boolean => isUsable(state) && state.missing.length === 0;
  const found = await schemaState(sql, target, keepsVault);
  const before = use.needsRuns === true ? found : await neededState(sql, user, found, migrations);
  const createsRuns = before.missing.includes(RUNS);
  const ensured = ({ made, migratedFrom }: Created = { made: [] }): Ensured => {
    const runs = before.found.find((table) => fullName(table) === fullName(RUNS));
    const migrated = migratedFrom === undefined ? undefined : { from: migratedFrom, to: migrations.length };
    return { made, migrated, recordsRuns: runs?.isWritable ?? made.includes(fullName(RUNS)) };
  };
  if (isComplete(before)) return ensured();
  if (before.version === undefined) await requireRights(sql, user, use);
  const isOptional = isUsable(before) && use.needsRuns !== true;
  const creating = inTransaction(sql, READ_COMMITTED, async (tx): Promise<Created> => {
    await tx.unsafe(CREATION_TIMEOUT);
    await tx`select pg_catalog.pg_advisory_xact_lock(${CREATION_LOCK})`;
    // Another run may have changed it in the meantime.
    const now = await readState(tx, target, keepsVault);
    const state = createsRuns ? now : withoutRuns(now);
    if (isComplete(state)) return { made: [] };
    const problem = await migrationProblem(tx, user, state, migrations);
    if (problem !== undefined) throw problem;
    const made: string[] = [];
    for (const schema of new Set(state.missing.map((table) => table.schema))) {
      if (await hasSchema(tx, schema)) continue;
      await tx.unsafe(`create schema ${schemaName(schema)}`);
      made.push(schemaName(schema));
    }
    if (state.missing.includes(target)) await tx.unsafe(createTarget(settings));
    for (const step of pendingSteps(state, migrations)) await tx.unsafe(step.sql);
    if (state.version !== migrations.length) await tx.unsafe(setVersion(migrations.length));
    const isMigrated =
      state.version !== migrations.length && state.found.some(({ schema }) => schema === "fetch_etl");
    return {
      made: [...made, ...state.missing.map(fullName)],
      ...(isMigrated && { migratedFrom: state.version ?? 0 }),
    };
  });
  return ensured(
    await creating.catch((error: unknown) => {
      if (isOptional) return undefined;
      throw error;
    }),
  );
}

/** All steps of tables that are missing, and for the others those of later versions. */
function pendingSteps({ missing, found, version = 0 }: SchemaState, migrations: Migrations): Step[] {
  const own = (tables: readonly TableName[]): Set<string> =>
    new Set(tables.filter(({ schema }) => schema === "fetch_etl").map(({ name }) => name));
  const [toCreate, existing] = [own(missing), own(found)];
  return migrations.flatMap((steps, index) =>
    steps.filter(({ table }) => toCreate.has(table) || (existing.has(table) && index >= version)),
  );
}

/**
 * Why the user cannot create the missing tables and apply the pending migrations.
 *
 * @returns a `configuration` failure with the way out; undefined where nothing prevents it
 */
export async function migrationProblem(
  sql: Reader,
  user: string,
  state: SchemaState,
  migrations: Migrations = MIGRATIONS,
): Promise<Failure | undefined> {
  const { version = 0, missing, found } = state;
  requireKnown(version, migrations);
  const grants = await grantsToCreate(
    sql,
    user,
    missing.filter((table) => !isVersionTable(table)),
  );
  if (grants.length > 0) {
    return new Failure(
      "configuration",
      `Postgres user "${user}" cannot create ${missing.map(fullName).join(", ")}. As the owner of the database or a superuser, ` +
        `run the SQL of "fetch-etl init --print", or: ${grants.join(" ")}`,
    );
  }
  const pending = new Set(pendingSteps(state, migrations).map(({ table }) => table));
  if (version !== migrations.length) pending.add(READ_VERSION.table);
  const foreign = found.find(
    ({ schema, name, isOwned }) => schema === "fetch_etl" && pending.has(name) && !isOwned,
  );
  if (foreign !== undefined) {
    return new Failure(
      "configuration",
      `${otherVersion(version, migrations)}, which Postgres user "${user}" cannot change. ` +
        `Run "fetch-etl init" as role "${foreign.owner}", which owns ${fullName(foreign)}, or as a superuser.`,
    );
  }
  if (version > 0) return undefined;
  const [outdated] = await sql.unsafe<{ is: boolean }[]>(`select ${IS_OUTDATED} as is`);
  return outdated?.is === true ? new Failure("configuration", OUTDATED) : undefined;
}

/** The state without the run history among the missing tables, if a drain would not create it. */
export async function neededState(
  sql: Reader,
  user: string,
  state: SchemaState,
  migrations: Migrations = MIGRATIONS,
): Promise<SchemaState> {
  if (!state.missing.includes(RUNS)) return state;
  return (await runsProblem(sql, user, state, migrations)) === undefined ? state : withoutRuns(state);
}

function withoutRuns(state: SchemaState): SchemaState {
  return { ...state, missing: state.missing.filter((table) => table !== RUNS) };
}

/**
 * Why a drain does not create the run history if the other tables exist. The owner of the others must own it too, because a user who
 * trusts that owner need not trust another role.
 *
 * @returns a failure that says what to do; undefined if nothing prevents it
 */
export async function runsProblem(
  sql: Reader,
  user: string,
  state: SchemaState,
  migrations: Migrations = MIGRATIONS,
): Promise<Failure | undefined> {
  const owner = state.found.find(isVersionTable)?.owner;
  if (owner === undefined || owner === user)
    return migrationProblem(sql, user, { ...state, missing: [RUNS] }, migrations);
  return new Failure(
    "configuration",
    `There is no table ${fullName(RUNS)}. Run "fetch-etl init" as role "${owner}", which owns the other tables, or as a superuser.`,
  );
}

function requireKnown(version: number, migrations: Migrations): void {
  if (version <= migrations.length) return;
  throw new Failure(
    "configuration",
    `${otherVersion(version, migrations)}: a later version of fetch-etl migrated it. Install that version or a later one.`,
  );
}

function otherVersion(version: number, migrations: Migrations): string {
  return `Schema fetch_etl has version ${version}, and this fetch-etl needs version ${migrations.length}`;
}

/** The GRANT for each right that the user lacks to create the tables. */
async function grantsToCreate(
  sql: Reader,
  user: string,
  missing: readonly TableName[],
): Promise<readonly string[]> {
  const found = await sql.unsafe<{ schema: string; create: boolean; usage: boolean }[]>(`
    select nspname::pg_catalog.text as schema, pg_catalog.has_schema_privilege(oid, 'create') as create,
           pg_catalog.has_schema_privilege(oid, 'usage') as usage
    from pg_catalog.pg_namespace`);
  const [may] = await sql.unsafe<{ database: string; create: boolean }[]>(`
    select pg_catalog.current_database() as database,
           pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as create`);
  const grants = new Set<string>();
  for (const { schema } of missing) {
    const existing = found.find((each) => each.schema === schema);
    if (existing !== undefined) {
      const rights = (["usage", "create"] as const).filter((right) => !existing[right]);
      const what = rights.join(", ").toUpperCase();
      if (what !== "") grants.add(`GRANT ${what} ON SCHEMA ${schemaName(schema)} TO ${identifier(user)};`);
    } else if (may?.create !== true) {
      grants.add(`GRANT CREATE ON DATABASE ${identifier(may?.database ?? "")} TO ${identifier(user)};`);
    }
  }
  return [...grants];
}
