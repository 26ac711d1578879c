// `node dist/bench/capacity/table-sizes.js`: measures the disk space per message. It drains generated messages into empty tables of a
// new Postgres and stores the tables' sizes in bench/results/. Takes two minutes.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import postgres from "postgres";
import { startPostgres } from "../../sandbox/postgres.ts";
import { generateLogins } from "../../sandbox/messages.ts";
import { startSqs } from "../../sandbox/sqs.ts";

/** Relative to `dist/bench/capacity`, where this file runs. */
const BIN = fileURLToPath(new URL("../../../bin/fetch-etl.js", import.meta.url));
const RESULTS = new URL("../../../bench/results/table-sizes.json", import.meta.url);
const MESSAGES = 100_000;
const PER_RUN = 20_000;
/** Nobody has its identity. */
const RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const TABLES = ["public.user_logins", "fetch_etl.ledger", "fetch_etl.vault"] as const;

const database = await startPostgres();
const sqs = await startSqs();
const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
try {
  const queueUrl = await sqs.createQueue("login-queue");
  for (let run = 0; run < MESSAGES / PER_RUN; run += 1) {
    await sqs.send(
      queueUrl,
      generateLogins(PER_RUN, run + 1).map((login) => JSON.stringify(login)),
    );
    await promisify(execFile)(process.execPath, [BIN, "drain", "--quiet"], {
      cwd: tmpdir(),
      env: {
        AWS_ENDPOINT_URL_SQS: sqs.endpoint,
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
        DATABASE_URL: database.url,
        FETCH_ETL_MASKING_KEY: Buffer.alloc(32, 1).toString("base64"),
        FETCH_ETL_RECOVERY_RECIPIENT: RECIPIENT,
      },
    });
  }
  const bytes: Record<string, number> = {};
  for (const table of TABLES) {
    const [size] = await sql<{ bytes: number; rows: number }[]>`
      select pg_total_relation_size(${table}::text::regclass)::int as bytes,
             (select count(*) from user_logins)::int as rows`;
    if (size?.rows !== MESSAGES) throw new Error(`${size?.rows ?? 0} rows instead of ${MESSAGES}`);
    bytes[table] = size.bytes / MESSAGES;
  }
  const results = { postgres: database.version, messages: MESSAGES, bytesPerMessage: bytes };
  await writeFile(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(results);
} finally {
  await sql.end();
  await sqs.stop();
  await database.dispose();
}
