// Look-ups of tables in Postgres's catalogue.
import type { TableName } from "../config/table.ts";
import type { Reader } from "./connection.ts";
import { fullName, literal } from "./quote.ts";

/** What follows `from`: every relation `c`, with its schema `n`. */
export const RELATIONS =
  "pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace";

/** A condition on {@link RELATIONS}: it is a table, a view or a foreign table. */
export const HOLDS_ROWS = "c.relkind operator(pg_catalog.=) any ('{r,p,v,f,m}')";

/** A condition on {@link RELATIONS}: it is one of the tables, of which there is at least one. */
export function isOneOf(tables: readonly TableName[]): string {
  const conditions = tables.map(
    ({ schema, name }) =>
      `n.nspname operator(pg_catalog.=) ${literal(schema)} and c.relname operator(pg_catalog.=) ${literal(name)}`,
  );
  return `(${conditions.join(" or ")})`;
}

/** A part of a `with recursive`: `parts`, the ids (`oid`) of the tables and of all their partitions and children. */
export function partsOf(tables: readonly TableName[]): string {
  return `parts as (
      select c.oid from ${RELATIONS} where ${isOneOf(tables)}
      union
      select i.inhrelid from pg_catalog.pg_inherits i join parts on i.inhparent operator(pg_catalog.=) parts.oid
    )`;
}

export interface FoundTable extends TableName {
  readonly owner: string;
  /** Whether the user has the owner's rights. */
  readonly isOwned: boolean;
  readonly isReadable: boolean;
  /** Whether the user may add and read rows, and change at least one column. */
  readonly isWritable: boolean;
}

/** Those of the tables that exist. */
export async function findTables(sql: Reader, tables: readonly TableName[]): Promise<readonly FoundTable[]> {
  return sql.unsafe<FoundTable[]>(`
    select n.nspname as schema, c.relname as name, pg_catalog.pg_get_userbyid(c.relowner) as owner,
           pg_catalog.pg_has_role(c.relowner, 'usage') as "isOwned",
           pg_catalog.has_schema_privilege(n.oid, 'usage')
             and pg_catalog.has_table_privilege(c.oid, 'select') as "isReadable",
           pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select')
             and pg_catalog.has_table_privilege(c.oid, 'insert')
             and pg_catalog.has_any_column_privilege(c.oid, 'update') as "isWritable"
    from ${RELATIONS} where ${HOLDS_ROWS} and ${isOneOf(tables)}
    order by 1, 2`);
}

export async function hasSchema(sql: Reader, schema: string): Promise<boolean> {
  const found = await sql.unsafe(
    `select 1 from pg_catalog.pg_namespace where nspname operator(pg_catalog.=) ${literal(schema)}`,
  );
  return found.length > 0;
}

/**
 * Unlogged tables: a crash of Postgres empties them, while the ledger and the queue no longer have their messages.
 *
 * @param tables those that a drain writes to; their partitions are checked too
 * @returns a sentence; undefined where every table survives a crash
 */
export async function unloggedTables(sql: Reader, tables: readonly TableName[]): Promise<string | undefined> {
  const found = await sql.unsafe<TableName[]>(`
    with recursive ${partsOf(tables)}
    select n.nspname as schema, c.relname as name
    from parts join ${RELATIONS} on c.oid operator(pg_catalog.=) parts.oid
    where c.relpersistence operator(pg_catalog.<>) 'p' and c.relkind operator(pg_catalog.=) 'r'
    order by 1, 2`);
  if (found.length === 0) return undefined;
  const names = found.map(fullName);
  return (
    `A crash of Postgres would empty ${names.join(", ")} (UNLOGGED), and the queue no longer has these messages. ` +
    `As the owner, run: ${names.map((name) => `ALTER TABLE ${name} SET LOGGED;`).join(" ")}`
  );
}
