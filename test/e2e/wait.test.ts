// A start before the servers are ready, with --wait.
import { once } from "node:events";
import postgres from "postgres";
import { expect, inject, test } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { withBench, type Bench } from "../support/bench.ts";
import type { Env } from "../support/command-line.ts";

const it = test.concurrent;

/** Starts a command; `told` resolves at its next output on stderr. */
function watched({ start }: Bench, args: readonly string[], env: Env) {
  const { child, outcome } = start(args, env);
  const told = async (): Promise<void> => {
    if (child.stderr !== null) await once(child.stderr, "data");
  };
  return { child, outcome, told };
}

/** Creates a database of this name while `use` runs. */
async function withDatabase(name: string, use: () => Promise<void>): Promise<void> {
  const admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => undefined });
  try {
    await admin.unsafe(`create database ${name} ${inject("createDatabase")}`);
    await use();
  } finally {
    await admin.unsafe(`drop database if exists ${name} with (force)`).catch(() => undefined);
    await admin.end();
  }
}

function lateDatabase({ queue, databaseUrl }: Bench): { name: string; url: string } {
  const name = `${queue}_late`;
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return { name, url: url.href };
}

it("drains once the queue and then the database exist, and prints one line for each wait", () =>
  withBench(async (bench) => {
    const { name, url } = lateDatabase(bench);
    const env = { FETCH_ETL_QUEUE: name, DATABASE_URL: url, FETCH_ETL_WAIT: "2m" };
    const { outcome, told } = watched(bench, ["drain", "--json"], env);
    await told();
    const toldOfDatabase = told();
    await bench.sqs.send(await bench.sqs.createQueue(name), generateMessages(3));
    await toldOfDatabase;
    await withDatabase(name, async () => {
      const { code, stdout, stderr } = await outcome;
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ queue: name, received: 3, deleted: 3 });
      const [queue, database, ...others] = stderr.trimEnd().split("\n");
      expect(queue).toMatch(/^SQS .* has no queue .* Trying again for up to \d+ seconds \(--wait\)\.$/);
      expect(database).toMatch(/^Postgres .* has no database .* seconds \(--wait\)\.$/);
      expect(others.filter((line) => !line.includes("quarantined"))).toEqual([]);
    });
  }));

it("creates the tables once the database exists", () =>
  withBench(async (bench) => {
    const { name, url } = lateDatabase(bench);
    const { outcome, told } = watched(bench, ["init", "--wait", "2m"], { DATABASE_URL: url });
    await told();
    await withDatabase(name, async () => {
      expect(await outcome).toMatchObject({ code: 0, stdout: expect.stringContaining("user_logins") });
    });
  }));

it("ends immediately on a signal, with exit code 130", () =>
  withBench(async (bench) => {
    const env = { AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1" };
    const { child, outcome, told } = watched(bench, ["drain", "--wait", "10m"], env);
    await told();
    child.kill("SIGINT");
    expect((await outcome).code).toBe(130);
  }));

it("keeps --max-seconds, and prints only the error with --quiet", () =>
  withBench(async (bench) => {
    const args = ["drain", "--wait", "10m", "--max-seconds", "1s", "--quiet"];
    const { code, stderr } = await bench.run(args, { DATABASE_URL: "postgres://u:p@127.0.0.1:1/d" });
    expect(code).toBe(5);
    expect(stderr).toMatch(/^error: .* within 1 second \(--max-seconds\)\. .*\n$/);
  }));
