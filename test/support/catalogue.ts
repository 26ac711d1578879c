// What Postgres knows of fetch-etl's tables, for a comparison; and scripts as psql would run them.
import postgres from "postgres";

/** Runs a script of several statements, which may hold a transaction of its own. */
export async function runScript(databaseUrl: string, script: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(script);
  } finally {
    await sql.end();
  }
}

/** Schema, tables, columns with types, collations and defaults, indexes and constraints. */
export async function definitions(sql: postgres.Sql): Promise<readonly string[]> {
  return lines(
    sql,
    `with tables as (
      select c.oid, n.nspname || '.' || c.relname as name
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'fetch_etl') and c.relkind <> 'i'
    )
    select 'schema ' || nspname as line from pg_catalog.pg_namespace where nspname = 'fetch_etl'
    union all
    select format('%s %s %s %s %s %s %s', name, attnum, attname, format_type(atttypid, atttypmod), coalesce((select collname::text from pg_catalog.pg_collation k where k.oid = attcollation), ''),
             case when attnotnull then 'not null' end, pg_get_expr(adbin, adrelid))
    from tables join pg_catalog.pg_attribute on attrelid = oid and attnum > 0
    left join pg_catalog.pg_attrdef on adrelid = attrelid and adnum = attnum
    union all
    select pg_get_indexdef(indexrelid) from tables join pg_catalog.pg_index on indrelid = oid
    union all
    select format('%s %s %s', name, conname, pg_get_constraintdef(k.oid))
    from tables join pg_catalog.pg_constraint k on conrelid = tables.oid`,
  );
}

/** Who has which right on schema, tables and columns. */
export async function rights(sql: postgres.Sql): Promise<readonly string[]> {
  return lines(
    sql,
    `select format('%s %s', nspname, acl) as line from pg_catalog.pg_namespace, unnest(nspacl) as acl where nspname = 'fetch_etl'
    union all
    select format('%s %s', oid::regclass, acl) from pg_catalog.pg_class, unnest(relacl) as acl
    where relnamespace::regnamespace::text in ('public', 'fetch_etl')`,
  );
}

async function lines(sql: postgres.Sql, query: string): Promise<readonly string[]> {
  const rows = await sql.unsafe<{ line: string }[]>(query);
  return rows.map(({ line }) => line).sort();
}
