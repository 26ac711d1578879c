// The columns that tables of an earlier version are without.
import type { Reader, Sql } from "./connection.ts";
import type { LaterColumn } from "./tables.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** Whether the column is there. */
export async function hasColumn(sql: Reader, { table, name }: LaterColumn): Promise<boolean> {
  const columns = await sql.unsafe(
    `select 1
     from pg_catalog.pg_attribute a
     join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) a.attrelid
     join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
     where n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) $1
       and a.attname operator(pg_catalog.=) $2 and not a.attisdropped`,
    [table, name],
  );
  return columns.length > 0;
}

/**
 * Adds the column where it is missing, safely beside others that do the same.
 *
 * @param patience a statement that says how long to wait for others' use of the table
 * @returns `not ours` where that is the table's owner's to do
 */
export async function addColumn(
  sql: Sql,
  column: LaterColumn,
  patience: string,
): Promise<"there" | "added" | "not ours"> {
  if (await hasColumn(sql, column)) return "there";
  const [table] = await sql<{ owned: boolean }[]>`
    select pg_catalog.pg_has_role(c.relowner, 'usage') as owned
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) ${column.table}`;
  if (table?.owned !== true) return "not ours";
  await inTransaction(sql, READ_COMMITTED, async (tx) => {
    await tx.unsafe(patience);
    await tx.unsafe(column.add);
  });
  return "added";
}
