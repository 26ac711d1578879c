// Checks the database and the queue directly after the demo's drain.
import type { Sql } from "postgres";
import type { LoginMessage } from "./messages.ts";
import type { QueueContents } from "./sqs.ts";

/** A masked value (docs/token-format.md). */
const TOKEN = "^h1[.][A-Za-z0-9_-]{8}[.][A-Za-z0-9_-]{43}$";

export interface Expected {
  readonly logins: readonly LoginMessage[];
  readonly quarantined: number;
}

/** Resolves to a sentence for each mismatch. No sentence contains a value from a message. */
export async function findMistakes(sql: Sql, queue: QueueContents, expected: Expected): Promise<string[]> {
  const [loaded] = await sql<{ rows: number; unmasked: number }[]>`
    select
      count(*)::int as rows,
      (count(*) filter (where masked_ip !~ ${TOKEN} or masked_device_id !~ ${TOKEN}))::int as unmasked
    from public.user_logins`;
  const [quarantine] = await sql<{ rows: number }[]>`select count(*)::int as rows from fetch_etl.quarantine`;
  const leaks = await countLeaks(sql, expected.logins);
  const counts = [
    ["rows in user_logins", loaded?.rows, expected.logins.length],
    ["rows in user_logins with an unmasked value", loaded?.unmasked, 0],
    ["rows in any table with an unmasked address or device id", leaks, 0],
    ["messages in quarantine", quarantine?.rows, expected.quarantined],
    ["messages ready in the queue", queue.ready, 0],
    ["messages in flight", queue.inflight, 0],
    ["messages delayed", queue.delayed, 0],
  ] as const;
  return counts
    .filter(([, actual, right]) => actual !== right)
    .map(([what, actual, right]) => `${what}: ${actual ?? "unknown"} instead of ${right}`);
}

/** The number of rows, in all tables, that contain a value that should have been masked. */
async function countLeaks(sql: Sql, logins: readonly LoginMessage[]): Promise<number> {
  const secrets = logins.flatMap(({ ip, device_id }) => [ip, device_id]);
  const tables = await sql<{ schema: string; name: string }[]>`
    select schemaname as schema, tablename as name from pg_tables where schemaname in ('public', 'fetch_etl')`;
  let leaks = 0;
  for (const { schema, name } of tables) {
    const rows = await sql<{ line: string }[]>`select t::text as line from ${sql(schema)}.${sql(name)} as t`;
    leaks += rows.filter(({ line }) => secrets.some((secret) => line.includes(secret))).length;
  }
  return leaks;
}
