// A new database for each run, copied from one in which fetch-etl created its tables.
import postgres, { type Sql } from "postgres";
import { GROWN_ROWS } from "../scenarios.ts";

const TEMPLATE = "bench_template";
const GROWN = "bench_grown";

export interface Databases {
  /** Creates the database that all others are copied from. `makeTables` gets its name; the rows it makes are deleted. */
  makeTemplate(makeTables: (name: string) => Promise<void>): Promise<void>;
  /** Passes the name of a new database to `use`, then drops it. The grown database is created once and not dropped. */
  withDatabase<T>(grown: boolean, use: (name: string) => Promise<T>): Promise<T>;
  /** 0 where there is no such table yet. */
  countRows(name: string, table: string): Promise<number>;
  /** The number of rows, and of different values of the column. */
  countDistinct(name: string, table: string, column: string): Promise<{ rows: number; distinct: number }>;
  /** The server's URL with this database. */
  url(name: string): string;
  close(): Promise<void>;
}

/** @param serverUrl of a superuser */
export function openDatabases(serverUrl: string): Databases {
  const admin = connect(serverUrl);
  let made = 0;
  let grownMade = false;

  const url = (name: string): string => new URL(`/${name}`, serverUrl).href;
  const within = async <T>(name: string, use: (sql: Sql) => Promise<T>): Promise<T> => {
    const sql = connect(url(name));
    try {
      return await use(sql);
    } finally {
      await sql.end();
    }
  };
  const copy = (name: string): Promise<unknown> =>
    admin.unsafe(`create database ${name} template ${TEMPLATE}`);

  return {
    url,
    makeTemplate: async (makeTables) => {
      await admin.unsafe(`create database ${TEMPLATE}`);
      await makeTables(TEMPLATE);
      await within(TEMPLATE, (sql) => sql`truncate user_logins, fetch_etl.ledger`);
    },
    withDatabase: async (grown, use) => {
      if (grown) {
        if (!grownMade) {
          await copy(GROWN);
          await within(GROWN, fill);
          grownMade = true;
        }
        return use(GROWN);
      }
      const name = `bench_${++made}`;
      await copy(name);
      try {
        return await use(name);
      } finally {
        await admin.unsafe(`drop database ${name} with (force)`);
      }
    },
    countRows: (name, table) =>
      within(name, async (sql) => {
        const [found] = await sql<{ exists: boolean }[]>`select to_regclass(${table}) is not null as exists`;
        if (found?.exists !== true) return 0;
        const [counted] = await sql<{ rows: number }[]>`select count(*)::int as rows from ${sql(table)}`;
        return counted?.rows ?? 0;
      }),
    countDistinct: (name, table, column) =>
      within(name, async (sql) => {
        const [counted] = await sql<{ rows: number; distinct: number }[]>`
          select count(*)::int as rows, count(distinct ${sql(column)})::int as distinct from ${sql(table)}`;
        return counted ?? { rows: 0, distinct: 0 };
      }),
    close: () => admin.end({ timeout: 1 }),
  };
}

function connect(url: string): Sql {
  return postgres(url, { max: 1, onnotice: () => undefined });
}

/** Rows of realistic size, sent over the 14 days for which SQS keeps messages. */
async function fill(sql: Sql): Promise<void> {
  await sql`
    insert into fetch_etl.ledger (queue, sent_at, message_id, run_id)
    select 'arn:aws:sqs:us-east-1:000000000000:grown', now() - (${GROWN_ROWS} - n) * interval '14 days' / ${GROWN_ROWS},
           gen_random_uuid()::text, '00000000-0000-4000-8000-000000000000'
    from generate_series(1, ${GROWN_ROWS}::int) as n`;
  await sql`
    insert into user_logins
    select gen_random_uuid()::text, 'android', 'h1.abcdefgh.' || repeat('x', 43), 'h1.abcdefgh.' || repeat('y', 43),
           'DE', 2003001, current_date
    from generate_series(1, ${GROWN_ROWS}::int) as n`;
  await sql`vacuum analyze`;
  await sql`checkpoint`;
}
