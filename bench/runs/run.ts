// One run: a fresh queue, a fresh database, the contender from its start to its end, a look at what it did.
import { randomBytes } from "node:crypto";
import { cpus } from "node:os";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { CONTENDERS, type Contender } from "../contenders.ts";
import type { Figures } from "../figures/figures.ts";
import { POSTGRES_DELAY_MS, type Entry } from "../scenarios.ts";
import type { RequestCounts } from "../servers/request-log.ts";
import type { Servers } from "../servers/servers.ts";
import { runProcess, type ProcessUsage } from "./contender-process.ts";

/** Nothing of the caller's own AWS account or `.env` gets in. */
const SURROUNDINGS = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_CONFIG_FILE: "none",
  AWS_SHARED_CREDENTIALS_FILE: "none",
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  FETCH_ETL_MASKING_KEY: randomBytes(32).toString("base64"),
};

/** Nobody's: its identity is thrown away. */
const RECIPIENT = await identityToRecipient(await generateX25519Identity());

const WARM_UP_MESSAGES = 5_000;

let queues = 0;

/**
 * Runs an entry once.
 *
 * @throws Error when the contender did not do its job
 */
export async function runEntry(servers: Servers, entry: Entry, signal: AbortSignal): Promise<Figures> {
  const contender: Contender = CONTENDERS[entry.contender];
  if (!contender.usesQueue) {
    const usage = await runProcess(contender, { flags: [], env: {}, signal });
    return figures(entry, [usage], undefined, null);
  }
  return servers.databases.withDatabase(entry.grown ?? false, async (database) => {
    const { queue, queueUrl } = await fill(servers, entry, database);
    const before = await servers.databases.countLogins(database);
    const env = { ...(await addresses(servers, entry, database)), FETCH_ETL_QUEUE: queue };
    const busyBefore = busyMs();
    const usages = await Promise.all(
      Array.from({ length: entry.processes ?? 1 }, () =>
        runProcess(contender, {
          flags: entry.flags ?? [],
          env: {
            ...SURROUNDINGS,
            ...env,
            BENCH_QUEUE_URL: queueUrl,
            ...(entry.vault === true ? { FETCH_ETL_RECOVERY_RECIPIENT: RECIPIENT } : {}),
          },
          signal,
        }),
      ),
    );
    const busy = busyMs() - busyBefore;
    const counts = await servers.sqs.call("requests", undefined);
    const written = (await servers.databases.countLogins(database)) - before;
    check(entry, contender, await servers.sqs.call("left", queue), written);
    return figures(entry, usages, counts, busy * 1000);
  });
}

/**
 * Lets fetch-etl make its tables, for all databases to come, and the servers do some work: the first contender is not
 * to meet servers that have done nothing yet.
 */
export async function warmUp(servers: Servers, signal: AbortSignal): Promise<void> {
  const entry: Entry = { label: "warm-up", contender: "fetch-etl", messages: WARM_UP_MESSAGES };
  await servers.databases.makeTemplate(async (template) => {
    const { queue } = await fill(servers, entry, template);
    await runProcess(CONTENDERS["fetch-etl"], {
      flags: ["--max-messages", String(WARM_UP_MESSAGES)],
      env: { ...SURROUNDINGS, ...(await addresses(servers, entry, template)), FETCH_ETL_QUEUE: queue },
      signal,
    });
  });
}

async function fill(
  servers: Servers,
  { messages, invalid = 0, redelivered = 0, bodyBytes }: Entry,
  database: string,
): Promise<{ queue: string; queueUrl: string }> {
  const queue = `bench-${++queues}`;
  const queueUrl = await servers.sqs.call("fill", { queue, messages, invalid, bodyBytes });
  if (redelivered > 0) {
    const first = await servers.sqs.call("first", { queue, count: redelivered });
    await servers.databases.noteAsLoaded(database, queueUrl, first);
  }
  return { queue, queueUrl };
}

/** Where the contender finds its servers: directly, or by way of the proxies. */
async function addresses(
  servers: Servers,
  { sqsDelayMs = 0 }: Entry,
  database: string,
): Promise<Record<string, string>> {
  const { sqsEndpoint, postgresPort, databases } = servers;
  if (sqsDelayMs === 0) return { AWS_ENDPOINT_URL_SQS: sqsEndpoint, DATABASE_URL: databases.url(database) };
  const endpoint = new URL(sqsEndpoint);
  endpoint.port = String(await servers.delayed(Number(endpoint.port), sqsDelayMs));
  return {
    AWS_ENDPOINT_URL_SQS: endpoint.origin,
    DATABASE_URL: databases.url(database, await servers.delayed(postgresPort, POSTGRES_DELAY_MS)),
  };
}

function check(
  { label, messages, invalid = 0, redelivered = 0 }: Entry,
  { writes }: Contender,
  left: number,
  written: number,
): void {
  const expected = writes === "rows" ? messages - invalid - redelivered : 0;
  if (left !== 0) throw new Error(`${label} left ${left} messages in the queue`);
  if (written !== expected) throw new Error(`${label} wrote ${written} rows instead of ${expected}`);
}

function figures(
  { messages }: Entry,
  usages: readonly ProcessUsage[],
  counts: RequestCounts | undefined,
  machineCpu: number | null,
): Figures {
  const start = Math.min(...usages.map(({ startedAt }) => startedAt));
  const end = Math.max(...usages.map(({ endedAt }) => endedAt));
  const lastDelete = counts === undefined || counts.lastDeleteAt === 0 ? undefined : counts.lastDeleteAt;
  const each = (total: number | null | undefined): number | null =>
    typeof total !== "number" || messages === 0 ? null : total / messages;
  return {
    throughput: lastDelete === undefined ? null : messages / ((lastDelete - start) / 1000),
    cpu: each(sum(usages.map(({ cpu }) => cpu ?? 0))),
    machineCpu: each(machineCpu),
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

/** What the machine's processors have done since it started, milliseconds. */
function busyMs(): number {
  return sum(cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
