// Tables that a crash of Postgres empties: the ledger and the queue would remember what such a table has lost, or the other way round.
import type { TableName } from "../config/table.ts";
import type { Reader } from "./connection.ts";
import { fullName } from "./quote.ts";

/**
 * @param tables those that a drain writes to; their partitions are looked at too
 * @returns a sentence; undefined where all outlive a crash
 */
export async function unloggedTables(sql: Reader, tables: readonly TableName[]): Promise<string | undefined> {
  const found = await sql.unsafe<TableName[]>(
    `with recursive tree as (
       select c.oid
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
       join rows from (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) as t (schema, name)
         on n.nspname::pg_catalog.text operator(pg_catalog.=) t.schema
        and c.relname::pg_catalog.text operator(pg_catalog.=) t.name
       union
       select i.inhrelid
       from pg_catalog.pg_inherits i join tree on i.inhparent operator(pg_catalog.=) tree.oid
     )
     select n.nspname as schema, c.relname as name
     from tree
     join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) tree.oid
     join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
     where c.relpersistence operator(pg_catalog.<>) 'p' and c.relkind operator(pg_catalog.=) 'r'
     order by n.nspname, c.relname`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  if (found.length === 0) return undefined;
  const names = found.map(fullName);
  return (
    `A crash of Postgres empties ${names.join(", ")} (UNLOGGED), while the messages are gone from the queue. ` +
    `As the owner, run: ${names.map((name) => `ALTER TABLE ${name} SET LOGGED;`).join(" ")}`
  );
}
