// Reads a whole database, as a dump would hold it.
import type postgres from "postgres";

export interface Dump {
  /** The tables' names, without their schema. */
  readonly tables: ReadonlySet<string>;
  readonly texts: readonly string[];
  readonly bytes: readonly Buffer[];
  /** All of it; bytes as characters of the same number, so that a text in them is found. */
  readonly all: string;
}

/** Every value of every column of every table of `public` and `fetch_etl`. */
export async function everyValue(sql: postgres.Sql): Promise<Dump> {
  const columns = await sql<{ schema: string; table: string; column: string; type: string }[]>`
    select table_schema as schema, table_name as table, column_name as column, data_type as type
    from information_schema.columns where table_schema in ('public', 'fetch_etl')`;
  const texts: string[] = [];
  const bytes: Buffer[] = [];
  for (const { schema, table, column, type } of columns) {
    const rows = await sql.unsafe<{ value: string | Buffer }[]>(
      `select ${type === "bytea" ? column : `${column}::text`} as value from ${schema}.${table} where ${column} is not null`,
    );
    for (const { value } of rows) {
      if (typeof value === "string") texts.push(value);
      else bytes.push(value);
    }
  }
  return {
    tables: new Set(columns.map(({ table }) => table)),
    texts,
    bytes,
    all: [...texts, ...bytes.map((each) => each.toString("latin1"))].join("\n"),
  };
}
