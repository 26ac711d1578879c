// What a user may do with the tables in schema `fetch_etl`, looked up before it is done.
import { Failure } from "../failure.ts";
import type { Sql } from "./database.ts";

/** A right on a table, or on some of its columns alone. */
export interface Right {
  /** In schema `fetch_etl`. */
  readonly table: string;
  readonly right: "select" | "insert" | "delete";
  /** Postgres knows no deleting of columns. */
  readonly columns?: readonly string[];
}

/**
 * @param doing what the rights are for, for the sentence
 * @throws {Failure} `configuration` when one is missing, with the GRANT for each
 */
export async function requireRights(
  sql: Sql,
  user: string,
  doing: string,
  rights: readonly Right[],
): Promise<void> {
  const missing: string[] = [];
  const [schema] = await sql<{ granted: boolean }[]>`
    select has_schema_privilege(oid, 'usage') as granted from pg_catalog.pg_namespace where nspname = 'fetch_etl'`;
  if (schema?.granted !== true) missing.push(`GRANT USAGE ON SCHEMA fetch_etl TO "${user}";`);
  for (const { table, right, columns = [] } of rights) {
    const [found] = await sql<{ granted: boolean }[]>`
      select coalesce(
          (select bool_and(has_column_privilege(c.oid, name, ${right})) from unnest(${[...columns]}::text[]) as name),
          has_table_privilege(c.oid, ${right})) as granted
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'fetch_etl' and c.relname = ${table}`;
    if (found?.granted === true) continue;
    const what = `${right.toUpperCase()}${columns.length === 0 ? "" : ` (${columns.join(", ")})`}`;
    missing.push(`GRANT ${what} ON fetch_etl.${table} TO "${user}";`);
  }
  if (missing.length > 0) {
    throw new Failure(
      "configuration",
      `Postgres user "${user}" lacks rights for ${doing}. As the tables' owner, run: ${missing.join(" ")}`,
    );
  }
}
