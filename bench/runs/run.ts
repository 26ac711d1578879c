// One run: a new queue, a new database, the contender from start to end, and a check of what it did.
import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { CONTENDERS, type Contender } from "../contenders.ts";
import type { Figures } from "../figures/results.ts";
import { POSTGRES_DELAY_MS, type Entry } from "../scenarios.ts";
import type { Servers } from "../servers/servers.ts";
import type { RequestCounts } from "../servers/sqs-process.ts";
import { runProcess, type ProcessUsage } from "./contender-process.ts";
import { childrenCpu } from "./usage.ts";

const MASKING_KEY = randomBytes(32).toString("base64");

/** Keeps out the caller's own AWS account and `.env`. */
const ENVIRONMENT = {
  AWS_REGION: "us-east-1",
  AWS_DEFAULT_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_CONFIG_FILE: "none",
  AWS_SHARED_CREDENTIALS_FILE: "none",
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  AWS_EC2_METADATA_DISABLED: "true",
  FETCH_ETL_MASKING_KEY: MASKING_KEY,
  MASKING_KEY,
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
    return figures(entry, { usages: [await runProcess(contender, { flags: [], env: {}, signal })] });
  }
  const { table = "user_logins" } = entry;
  return servers.databases.withDatabase(entry.grown ?? false, async (database) => {
    const { queue, env } = await prepare(servers, entry, database);
    const before = await servers.databases.countRows(database, table);
    const cpuBefore = childrenCpu();
    const usages = await Promise.all(
      Array.from({ length: entry.processes ?? 1 }, () =>
        runProcess(contender, { flags: entry.flags ?? [], env, signal }),
      ),
    );
    const cpuAfter = childrenCpu();
    const counts = await servers.sqs.call("requests", undefined);
    const written = (await servers.databases.countRows(database, table)) - before;
    const { visible, inFlight } = await servers.sqs.call("depth", queue);
    check(entry, contender, visible + inFlight, written);
    const cpu = cpuBefore === null || cpuAfter === null ? undefined : cpuAfter - cpuBefore;
    return figures(entry, { usages, cpu, counts });
  });
}

/**
 * Lets fetch-etl create the tables for all later databases. The servers do some work before the first measured run.
 *
 * @param entries that are to run; the warm-up is no longer than the longest
 */
export async function warmUp(
  servers: Servers,
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<void> {
  const most = Math.max(1, ...entries.map((entry) => entry.messages));
  const messages = Math.min(WARM_UP_MESSAGES, most);
  const entry: Entry = { label: "warm-up", contender: "fetch-etl", messages };
  await servers.databases.makeTemplate(async (template) => {
    const { env } = await prepare(servers, entry, template);
    const flags = ["--max-messages", String(messages)];
    await runProcess(CONTENDERS["fetch-etl"], { flags, env, signal });
  });
}

/** Fills a queue. Resolves to its name, and to the environment that leads the contender to it and to the database. */
export async function prepare(
  servers: Servers,
  { messages, invalid = 0, bodyBytes, sqsDelayMs = 0, tls, vault = false }: Entry,
  database: string,
): Promise<{ queue: string; env: Record<string, string> }> {
  const queue = `bench-${++queues}`;
  await servers.sqs.call("fill", { queue, messages, invalid, bodyBytes });
  const sqsEnvironment = await servers.sqsEnvironment({ delayMs: sqsDelayMs, tls });
  const databaseUrl = new URL(servers.databases.url(database));
  if (sqsDelayMs > 0) {
    databaseUrl.port = String(await servers.delayed(databaseUrl.port, POSTGRES_DELAY_MS));
  }
  const env = {
    ...ENVIRONMENT,
    ...sqsEnvironment,
    QUEUE_URL: `${sqsEnvironment.AWS_ENDPOINT_URL_SQS}/000000000000/${queue}`,
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
  run: {
    readonly usages: readonly ProcessUsage[];
    /** Microseconds. */
    readonly cpu?: number | undefined;
    readonly counts?: RequestCounts;
  },
): Figures {
  const { usages, cpu, counts } = run;
  const start = Math.min(...usages.map(({ startedAt }) => startedAt));
  const end = Math.max(...usages.map(({ endedAt }) => endedAt));
  const deleted = counts !== undefined && counts.lastDeleteAt > 0 ? counts : undefined;
  const each = (total: number | undefined): number | null =>
    total === undefined || messages === 0 ? null : total / messages;
  return {
    throughput: deleted ? messages / ((deleted.lastDeleteAt - deleted.firstReceiveAt) / 1000) : null,
    cpu: each(cpu),
    memory: usages.some(({ memory }) => memory === null)
      ? null
      : Math.max(...usages.map(({ memory }) => memory ?? 0)),
    receives: each(counts?.receive),
    deletes: each(counts?.delete),
    others: each(counts?.other),
    requests: each(counts && counts.receive + counts.delete + counts.other),
    afterLast: deleted ? (end - deleted.lastDeleteAt) / 1000 : null,
    whole: (end - start) / 1000,
    serverBusy: counts?.serverBusy ?? null,
    machineBusy: counts?.machineBusy ?? null,
  };
}
