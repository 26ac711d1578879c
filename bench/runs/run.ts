// One run: a new queue, a new database, the contender from start to end, and a check of what it did.
import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { CONTENDERS, type Contender } from "../contenders.ts";
import type { Figures } from "../figures/results.ts";
import { POSTGRES_DELAY_MS, type Entry } from "../scenarios.ts";
import type { RequestCounts } from "../servers/request-log.ts";
import type { Servers } from "../servers/servers.ts";
import { runProcess, type ProcessUsage } from "./contender-process.ts";

/** Keeps out the caller's own AWS account and `.env`. */
const ENVIRONMENT = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_CONFIG_FILE: "none",
  AWS_SHARED_CREDENTIALS_FILE: "none",
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  FETCH_ETL_MASKING_KEY: randomBytes(32).toString("base64"),
};

/** Nobody has the identity. */
const RECIPIENT = await identityToRecipient(await generateX25519Identity());

const WARM_UP_MESSAGES = 5_000;

let queues = 0;

/**
 * Runs an entry once.
 *
 * @throws Error if the contender did not do its job
 */
export async function runEntry(servers: Servers, entry: Entry, signal: AbortSignal): Promise<Figures> {
  const contender: Contender = CONTENDERS[entry.contender];
  if (!contender.usesQueue) {
    return figures(entry, [await runProcess(contender, { flags: [], env: {}, signal })], undefined);
  }
  const { table = "user_logins" } = entry;
  return servers.databases.withDatabase(entry.grown ?? false, async (database) => {
    const { queue, env } = await prepare(servers, entry, database);
    const before = await servers.databases.countRows(database, table);
    const usages = await Promise.all(
      Array.from({ length: entry.processes ?? 1 }, () =>
        runProcess(contender, { flags: entry.flags ?? [], env, signal }),
      ),
    );
    const counts = await servers.sqs.call("requests", undefined);
    const written = (await servers.databases.countRows(database, table)) - before;
    check(entry, contender, await servers.sqs.call("left", queue), written);
    return figures(entry, usages, counts);
  });
}

/** Lets fetch-etl create the tables for all later databases. The servers do some work before the first measured run. */
export async function warmUp(servers: Servers, signal: AbortSignal): Promise<void> {
  const entry: Entry = { label: "warm-up", contender: "fetch-etl", messages: WARM_UP_MESSAGES };
  await servers.databases.makeTemplate(async (template) => {
    const { env } = await prepare(servers, entry, template);
    const flags = ["--max-messages", String(WARM_UP_MESSAGES)];
    await runProcess(CONTENDERS["fetch-etl"], { flags, env, signal });
  });
}

/** Fills a queue. Resolves to its name, and to the environment that leads the contender to it and to the database. */
async function prepare(
  servers: Servers,
  { messages, invalid = 0, bodyBytes, sqsDelayMs = 0, vault = false }: Entry,
  database: string,
): Promise<{ queue: string; env: Record<string, string> }> {
  const queue = `bench-${++queues}`;
  const queueUrl = await servers.sqs.call("fill", { queue, messages, invalid, bodyBytes });
  const endpoint = new URL(servers.sqsEndpoint);
  const databaseUrl = new URL(servers.databases.url(database));
  if (sqsDelayMs > 0) {
    endpoint.port = String(await servers.delayed(endpoint.port, sqsDelayMs));
    databaseUrl.port = String(await servers.delayed(databaseUrl.port, POSTGRES_DELAY_MS));
  }
  const env = {
    ...ENVIRONMENT,
    AWS_ENDPOINT_URL_SQS: endpoint.origin,
    BENCH_QUEUE_URL: queueUrl,
    DATABASE_URL: databaseUrl.href,
    FETCH_ETL_QUEUE: queue,
    ...(vault ? { FETCH_ETL_RECOVERY_RECIPIENT: RECIPIENT } : {}),
  };
  return { queue, env };
}

function check(
  { label, messages, invalid = 0 }: Entry,
  { writes }: Contender,
  left: number,
  written: number,
): void {
  const expected = writes === "rows" ? messages - invalid : 0;
  if (left !== 0) throw new Error(`${label} left ${left} messages in the queue`);
  if (written !== expected) throw new Error(`${label} wrote ${written} rows instead of ${expected}`);
}

function figures(
  { messages }: Entry,
  usages: readonly ProcessUsage[],
  counts: RequestCounts | undefined,
): Figures {
  const start = Math.min(...usages.map(({ startedAt }) => startedAt));
  const end = Math.max(...usages.map(({ endedAt }) => endedAt));
  const lastDelete = counts === undefined || counts.lastDeleteAt === 0 ? undefined : counts.lastDeleteAt;
  const each = (total: number | undefined): number | null =>
    total === undefined || messages === 0 ? null : total / messages;
  return {
    throughput: lastDelete === undefined ? null : messages / ((lastDelete - start) / 1000),
    cpu: each(usages.reduce((sum, { cpu }) => sum + (cpu ?? 0), 0)),
    memory: usages.some(({ memory }) => memory === null)
      ? null
      : Math.max(...usages.map(({ memory }) => memory ?? 0)),
    receives: each(counts?.receive),
    deletes: each(counts?.delete),
    others: each(counts?.other),
    requests: each(counts && counts.receive + counts.delete + counts.other),
    afterLast: lastDelete === undefined ? null : (end - lastDelete) / 1000,
    whole: (end - start) / 1000,
  };
}
