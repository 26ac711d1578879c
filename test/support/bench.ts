// A test bench: a queue and a database of one's own on real servers, and the real command line against them.
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { inject } from "vitest";
import { startSqs, type SqsServer } from "../../sandbox/sqs.ts";
import { mistakesIn } from "./json-schemas.ts";
import {
  AWS_ENVIRONMENT,
  canRunHere,
  runHere,
  withoutTimes,
  type Env,
  type Outcome,
} from "./command-line.ts";

export const BIN = fileURLToPath(new URL("../../bin/fetch-etl.js", import.meta.url));

/**
 * A file of what `mapping show` prints, for a run of the tests that shows that it does what the built-in mapping does; undefined in other
 * runs. A flag for the built-in mapping alone cannot be combined with it.
 */
const LOGIN_FILE = process.env["LOGIN_MAPPING"];

function mappingFor(args: readonly string[]): Env {
  return LOGIN_FILE === undefined || args.includes("--app-version") ? {} : { FETCH_ETL_MAPPING: LOGIN_FILE };
}

export type { Outcome } from "./command-line.ts";

export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
}

export interface Bench {
  readonly sqs: SqsServer;
  readonly queue: string;
  readonly queueUrl: string;
  readonly sql: postgres.Sql;
  readonly databaseUrl: string;
  /** What leads the command line to the bench, a masking key included. */
  readonly env: Readonly<Record<string, string>>;
  send(bodies: readonly string[]): Promise<void>;
  /** Starts the command line as a process; `env` adds to the bench's own, and takes away what is undefined. */
  readonly start: (args: readonly string[], env?: Env, input?: string) => Running;
  /** As `start`, and waits for its end: in this process where that makes no difference to the command. */
  readonly run: (args: readonly string[], env?: Env, input?: string | Uint8Array) => Promise<Outcome>;
  /** How many messages are ready, in flight and delayed. */
  contents(): Promise<{ ready: number; inflight: number; delayed: number }>;
}

let made = 0;

/** Makes a bench, hands it to `use`, and takes it down. */
export async function withBench<T>(
  use: (bench: Bench) => Promise<T>,
  attributes: Readonly<Record<string, string>> = {},
): Promise<T> {
  made += 1;
  const name = `t${process.pid}_${made}`;
  const admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => undefined });
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-test-"));
  const sqs = await startSqs();
  await admin.unsafe(`create database ${name} ${inject("createDatabase")}`);
  const databaseUrl = new URL(inject("postgresUrl"));
  databaseUrl.pathname = `/${name}`;
  const sql = postgres(databaseUrl.href, { max: 2, onnotice: () => undefined });
  try {
    const queueUrl = await sqs.createQueue(name, attributes);
    const env = {
      ...AWS_ENVIRONMENT,
      AWS_ENDPOINT_URL_SQS: sqs.endpoint,
      DATABASE_URL: databaseUrl.href,
      FETCH_ETL_QUEUE: name,
      FETCH_ETL_MASKING_KEY: randomBytes(32).toString("base64"),
    };
    const start: Bench["start"] = (args, extra = {}, input) =>
      startCli(args, { ...env, ...mappingFor(args), ...extra }, folder, input);
    return await use({
      sqs,
      queue: name,
      queueUrl,
      sql,
      databaseUrl: databaseUrl.href,
      env,
      start,
      run: (args, extra = {}, input) =>
        runCli(args, { ...env, ...mappingFor(args), ...extra }, input, folder),
      send: (bodies) => sqs.send(queueUrl, bodies),
      contents: async () => {
        const { ready, inflight, delayed } = await sqs.inspect(name);
        return { ready, inflight, delayed };
      },
    });
  } finally {
    await sql.end();
    await admin.unsafe(`drop database ${name} with (force)`).catch(() => undefined);
    await admin.end();
    await sqs.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes the tables, so that a test can change them. */
export async function makeTables({ run }: Bench): Promise<void> {
  const { code, stderr } = await run(["init"]);
  if (code !== 0) throw new Error(`the tables could not be made: ${stderr}`);
}

/** Resolves when a statement in the bench's database waits for a lock. */
export async function waitsForLock({ sql }: Bench): Promise<void> {
  for (;;) {
    const waiting = await sql`
      select 1 from pg_catalog.pg_locks l join pg_catalog.pg_database d on d.oid = l.database
      where d.datname = current_database() and not l.granted`;
    if (waiting.length > 0) return;
    await setTimeout(50);
  }
}

/** Starts the built command line in an environment, and with a standard input, that hold nothing but what is given. */
export function startCli(
  args: readonly string[],
  env: Env,
  cwd: string = tmpdir(),
  input: string | Uint8Array = "",
): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], AWS_CONFIG_FILE: "none", AWS_SHARED_CREDENTIALS_FILE: "none", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A command that reads nothing may be gone before it is written.
  child.stdin.on("error", () => undefined).end(input);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const outcome = once(child, "close").then(() => ({
    code: child.exitCode,
    stdout,
    stderr: withoutTimes(stderr),
  }));
  return { child, outcome };
}

/** Runs the command line in an environment that holds nothing but what is given: in this process where that makes no difference to it. */
export function runCli(
  args: readonly string[],
  env: Env,
  input: string | Uint8Array = "",
  cwd?: string,
): Promise<Outcome> {
  return canRunHere(args, env) ? runHere(args, env, input) : startCli(args, env, cwd, input).outcome;
}

/** The one JSON object that a command printed, which follows its schema. */
export function json({ stdout }: Pick<Outcome, "stdout">): Record<string, unknown> {
  const parsed: unknown = JSON.parse(stdout);
  if (typeof parsed !== "object" || parsed === null) throw new Error("not an object");
  const output = { ...parsed };
  const mistakes = mistakesIn(output);
  if (mistakes.length > 0) throw new Error(`not as its schema says: ${mistakes.join("; ")}`);
  return output;
}
