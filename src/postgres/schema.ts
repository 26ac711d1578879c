// Makes the tables that are missing, and checks those that are there.
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import type { Reader, Sql } from "./connection.ts";
import { fullName, identifier, literal, schemaName } from "./quote.ts";
import { requireOwners } from "./owners.ts";
import { lacking, missingGrants, rightsFor } from "./rights.ts";
import { CREATION_LOCK, CREATION_PATIENCE, type Table } from "./tables.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** Object ids of types (PostgreSQL source, pg_type.dat): what Postgres writes for a name depends on the search path and other settings. */
const TYPE_IDS = { "character varying": 1043, text: 25, integer: 23, bigint: 20, date: 1082 } as const;

/** The types that a column may have; `app_version` must be an `integer`, because the value may fill it. */
const COLUMN_TYPES = {
  user_id: ["character varying", "text"],
  device_type: ["character varying", "text"],
  masked_ip: ["character varying", "text"],
  masked_device_id: ["character varying", "text"],
  locale: ["character varying", "text"],
  app_version: ["integer", "bigint"],
  create_date: ["date"],
} as const satisfies Readonly<Record<string, readonly (keyof typeof TYPE_IDS)[]>>;

/** A condition: the relation `c` is a table, a view or a foreign table. */
const HOLDS_ROWS = "c.relkind operator(pg_catalog.=) any ('{r,p,v,f,m}')";

/** Characters of a token (`h1.`, the key's id, the MAC); a narrower column takes no row that has one. */
const TOKEN_LENGTH = 55;
const TOKEN_COLUMNS: ReadonlySet<string> = new Set(["masked_ip", "masked_device_id"]);

/** What exists of the tables. */
export interface TablesPresent {
  readonly userLogins: boolean;
  readonly quarantine: boolean;
  readonly vault: boolean;
}

/**
 * @param logins the logins' table
 * @throws {Failure} `configuration` when one belongs to a stranger
 */
export async function tablesPresent(sql: Sql, logins: TableName): Promise<TablesPresent> {
  await requireOwners(sql, logins);
  const [present] = await sql<TablesPresent[]>`
    select pg_catalog.bool_or(n.nspname operator(pg_catalog.=) ${logins.schema} and c.relname operator(pg_catalog.=) ${logins.name}) as "userLogins",
           pg_catalog.bool_or(n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) 'quarantine') as "quarantine",
           pg_catalog.bool_or(n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) 'reveal_log') as "vault"
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where ${sql.unsafe(HOLDS_ROWS)}`;
  return present ?? { userLogins: false, quarantine: false, vault: false };
}

/** Those of the tables that do not exist. */
export async function missingTables(sql: Reader, wanted: readonly Table[]): Promise<readonly Table[]> {
  const schemas = new Set(wanted.map(({ schema }) => literal(schema)));
  const found = await sql.unsafe<{ schema: string; name: string }[]>(`
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where n.nspname operator(pg_catalog.=) any (array[${[...schemas].join(", ")}]::pg_catalog.text[]) and ${HOLDS_ROWS}`);
  const present = new Set(found.map(fullName));
  return wanted.filter((table) => !present.has(fullName(table)));
}

/**
 * Makes the tables that are missing, safely beside others that do the same, and their schemas. Asking for a schema, or for a table,
 * takes the right to make one even where it exists: so look first.
 *
 * @returns the names of what was made
 * @throws {Failure} `configuration` when the user may not make one, with the GRANT that is missing
 */
export async function ensureTables(sql: Sql, user: string, wanted: readonly Table[]): Promise<string[]> {
  // The logins' table comes first.
  for (const logins of wanted.slice(0, 1)) await requireOwners(sql, logins);
  if ((await missingTables(sql, wanted)).length === 0) return [];
  return inTransaction(sql, READ_COMMITTED, async (tx) => {
    await tx.unsafe(CREATION_PATIENCE);
    await tx`select pg_catalog.pg_advisory_xact_lock(${CREATION_LOCK})`;
    // Somebody else may have made some meanwhile.
    const missing = await missingTables(tx, wanted);
    const grants = await grantsToMake(tx, user, missing);
    if (grants.length > 0) throw new Failure("configuration", mayNotMake(user, missing, grants));
    const made: string[] = [];
    for (const schema of new Set(missing.map((table) => table.schema))) {
      if (await hasSchema(tx, schema)) continue;
      await tx.unsafe(`create schema ${schemaName(schema)}`);
      made.push(schemaName(schema));
    }
    for (const table of missing) {
      await tx.unsafe(table.create);
      made.push(fullName(table));
    }
    return made;
  });
}

async function hasSchema(sql: Reader, schema: string): Promise<boolean> {
  const found = await sql.unsafe(
    `select 1 from pg_catalog.pg_namespace where nspname operator(pg_catalog.=) ${literal(schema)}`,
  );
  return found.length > 0;
}

/** The GRANT for each right that the user lacks to make the tables. */
export async function grantsToMake(
  sql: Reader,
  user: string,
  missing: readonly Table[],
): Promise<readonly string[]> {
  const [may] = await sql.unsafe<{ database: string; create: boolean; schemas: string[] }[]>(`
    select pg_catalog.current_database() as database,
           pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as create,
           array(select nspname::pg_catalog.text from pg_catalog.pg_namespace
                 where pg_catalog.has_schema_privilege(oid, 'create')) as schemas`);
  const grants = new Set<string>();
  for (const { schema } of missing) {
    if (may?.schemas.includes(schema) === true) continue;
    if (await hasSchema(sql, schema)) {
      grants.add(`GRANT CREATE ON SCHEMA ${schemaName(schema)} TO ${identifier(user)};`);
    } else if (may?.create !== true) {
      grants.add(`GRANT CREATE ON DATABASE ${identifier(may?.database ?? "")} TO ${identifier(user)};`);
    }
  }
  return [...grants];
}

/** The sentence for tables that the user may not make. */
export function mayNotMake(user: string, missing: readonly Table[], grants: readonly string[]): string {
  return (
    `Postgres user "${user}" may not make ${missing.map(fullName).join(", ")}. As the database's owner or a superuser, ` +
    `run what "fetch-etl init --print" prints, or: ${grants.join(" ")}`
  );
}

/**
 * Makes sure that rows can be written, before a message is received.
 *
 * @throws {Failure} `configuration` when the logins' table has other columns, or the user lacks a right
 */
export async function requireTables(
  sql: Sql,
  user: string,
  logins: TableName,
  keepsVault: boolean,
): Promise<void> {
  const grants = await missingGrants(sql, user, rightsFor(logins, keepsVault));
  const problems = await wrongColumns(sql, logins);
  if (grants.length > 0) problems.push(lacking(user, "a drain", grants));
  if (problems.length > 0) throw new Failure("configuration", problems.join("\n"));
}

/** Whether rows can be inserted, in the bits of `pg_relation_is_updatable`: 1 shifted by `CMD_INSERT`. It waits for who locks the table. */
const INSERTABLE = 8;

/** What is wrong with the logins' table and its columns, in a sentence; none where a drain can write to it. */
export async function wrongColumns(sql: Sql, logins: TableName): Promise<string[]> {
  const columns = await sql<
    {
      name: string;
      type: string;
      typeId: number;
      width: number;
      required: boolean;
      filled: boolean;
      insertable: boolean;
    }[]
  >`
    select a.attname as name, pg_catalog.format_type(a.atttypid, null) as type, a.atttypid as "typeId",
           a.atttypmod operator(pg_catalog.-) 4 as width,
           a.attnotnull and not a.atthasdef and a.attidentity operator(pg_catalog.=) '' as required,
           a.attidentity operator(pg_catalog.=) 'a'
             or coalesce(pg_catalog.to_jsonb(a) operator(pg_catalog.->>) 'attgenerated', '') operator(pg_catalog.<>) '' as filled,
           case when c.relkind operator(pg_catalog.=) any ('{r,p}') then true
             else (pg_catalog.pg_relation_is_updatable(c.oid, true) operator(pg_catalog.&) ${INSERTABLE}::integer)
               operator(pg_catalog.<>) 0 end as insertable
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) a.attrelid join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where n.nspname operator(pg_catalog.=) ${logins.schema} and c.relname operator(pg_catalog.=) ${logins.name}
      and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped`;
  if (columns.some(({ insertable }) => !insertable)) {
    return [
      `Postgres takes no rows into ${fullName(logins)}, which is a view or a foreign table: name a table, or give the view a trigger ` +
        "(INSTEAD OF INSERT).",
    ];
  }
  const wrong: string[] = [];
  for (const [name, types] of Object.entries(COLUMN_TYPES)) {
    const column = columns.find((found) => found.name === name);
    if (column === undefined) wrong.push(`${name} is missing`);
    else if (!types.some((type) => TYPE_IDS[type] === column.typeId)) {
      wrong.push(`${name} is ${column.type}, not ${types[0]}`);
    } else if (TOKEN_COLUMNS.has(name) && column.width >= 0 && column.width < TOKEN_LENGTH) {
      wrong.push(`${name} holds ${column.width} characters, and a token has ${TOKEN_LENGTH}`);
    } else if (column.filled) wrong.push(`${name} is filled by Postgres itself`);
  }
  for (const { name, required } of columns) {
    if (required && !Object.hasOwn(COLUMN_TYPES, name))
      wrong.push(`${name} must be filled, and nothing fills it`);
  }
  if (wrong.length === 0) return [];
  return [
    `The table ${fullName(logins)} has other columns than fetch-etl writes: ${wrong.join("; ")}. ` +
      "Alter it, or point DATABASE_URL at the right database; docs/messages.md shows the table.",
  ];
}
