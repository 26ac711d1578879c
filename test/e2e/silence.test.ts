// Servers that accept a connection and then say nothing, and signals at whatever moment.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, inject, test } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { startCli, withBench, type Running } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";
import { startProxy } from "../support/proxy.ts";
import { startUnreliablePostgres, type UnreliablePostgres } from "../support/unreliable-postgres.ts";
import { UNKNOWN_TOKEN, withVault, type VaultBench } from "../support/vault.ts";

const it = test.concurrent;

/** How many bytes the server may say; the rest never comes. */
const STAGES = [
  ["the question for TLS", 0],
  ["the login", 1],
  ["the first look at the tables", 800],
] as const;

/** Starts a command against a Postgres that falls silent, and resolves when it has. */
async function startInSilence(
  bench: VaultBench,
  args: readonly string[],
  afterBytes: number,
): Promise<Running & { proxy: UnreliablePostgres }> {
  const proxy = await startUnreliablePostgres(bench.databaseUrl, () => ({ afterBytes, how: "silent" }));
  const silent = new Promise<void>((resolve) => {
    proxy.onSilence(resolve);
  });
  const url = new URL(proxy.url);
  // Without end, so that nothing but the signal can end it.
  url.searchParams.set("connect_timeout", "0");
  const running = bench.start(args, { DATABASE_URL: url.href });
  await Promise.race([silent, running.outcome]);
  return { ...running, proxy };
}

/** The first ones ask for a clean stop, once they have something to leave clean. */
const COMMANDS: readonly (readonly [command: string, args: (bench: VaultBench) => string[]])[] = [
  ["drain", () => ["drain"]],
  ["rotate", ({ holder }) => ["rotate", "--identity", holder.file]],
  ["verify", () => ["verify"]],
  ["init", () => ["init"]],
  ["doctor", () => ["doctor"]],
  ["quarantine replay", () => ["quarantine", "replay"]],
  ["reveal", ({ holder }) => ["reveal", UNKNOWN_TOKEN, "--identity", holder.file, "--reason", "test"]],
  ["forget", () => ["forget", UNKNOWN_TOKEN, "--reason", "test", "--yes"]],
];

describe.each(STAGES)("where Postgres says nothing at %s", (stage, afterBytes) => {
  it("a first signal ends a command", () =>
    withVault(async (bench) => {
      await bench.drain(generateLogins(5));
      // Where a command has no part in it, one stage stands for all.
      const commands = stage === "the login" ? COMMANDS : COMMANDS.slice(0, 2);
      await Promise.all(
        commands.map(async ([command, args]) => {
          const { child, outcome, proxy } = await startInSilence(bench, args(bench), afterBytes);
          child.kill("SIGTERM");
          const { code, stderr } = await outcome;
          expect({ command, code, stderr }).toEqual({ command, code: 143, stderr: "" });
          await proxy.stop();
        }),
      );
    }));

  it("--max-seconds ends a drain, which names what did not answer", () =>
    withVault(async (bench) => {
      const { outcome, proxy } = await startInSilence(bench, ["drain", "--max-seconds", "4"], afterBytes);
      const { code, stderr } = await outcome;
      expect(code).toBe(5);
      expect(stderr).toMatch(/^error: Postgres at 127\.0\.0\.1:\d+ did not answer within 4 seconds/);
      await proxy.stop();
    }));
});

it("where SQS says nothing, a first signal and --max-seconds end a drain and a peek", () =>
  withBench(async (bench) => {
    let asked = (): void => undefined;
    const proxy = await startProxy(bench.sqs.endpoint, () => {
      asked();
      return { kind: "silent" };
    });
    const env = { AWS_ENDPOINT_URL_SQS: proxy.endpoint };
    for (const command of ["drain", "peek"]) {
      const first = new Promise<void>((resolve) => (asked = resolve));
      const { child, outcome } = bench.start([command], env);
      await first;
      child.kill("SIGHUP");
      expect(await outcome).toMatchObject({ code: 129, stderr: "" });
    }
    const late = await bench.run(["drain", "--max-seconds", "1"], env);
    expect(late).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/^error: SQS did not answer within/),
    });
    await proxy.stop();
  }));

it("a run that a signal ended while it was opening is on record", () =>
  withVault((bench) =>
    withFolder(async (folder) => {
      const file = join(folder, "run.json");
      const { child, outcome, proxy } = await startInSilence(bench, ["drain", "--report", file], 1);
      child.kill("SIGHUP");
      expect((await outcome).code).toBe(129);
      expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({
        ...{ stoppedBy: "signal", exitCode: 129, received: 0, error: null },
      });
      await proxy.stop();
    }),
  ));

it("SIGHUP is a clean stop: what is committed is deleted, the rest is visible at once", () =>
  withBench(async (bench) => {
    const bodies = generateLogins(3_000).map((login) => JSON.stringify(login));
    await bench.send(bodies);
    const { child, outcome } = bench.start(["drain", "--json", "--batch-size", "50", "--concurrency", "1"]);
    while ((await bench.contents()).inflight === 0) await setTimeout(20);
    child.kill("SIGHUP");
    const { code, stdout } = await outcome;
    expect(code).toBe(129);
    const report = JSON.parse(stdout) as { loaded: number; stoppedBy: string };
    expect(report.stoppedBy).toBe("signal");
    expect(await bench.contents()).toEqual({ ready: 3_000 - report.loaded, inflight: 0, delayed: 0 });
  }));

it.for([
  ["while it runs", ""],
  // Node takes its signals before it runs anything of ours.
  [
    "before it has begun",
    `process.kill(process.pid, "SIGUSR1"); while (require("node:inspector").url() === undefined);`,
  ],
])("SIGUSR1 leaves no inspector open in a process that may hold the key: %s", ([, before]) =>
  withFolder(async (folder) => {
    const [first, last] = [join(folder, "first.cjs"), join(folder, "last.cjs")];
    await writeFile(first, before ?? "");
    await writeFile(
      last,
      `process.on("exit", () => console.log(require("node:inspector").url() ?? "no inspector"));`,
    );
    const proxy = await startUnreliablePostgres(inject("postgresUrl"), () => ({
      afterBytes: 1,
      how: "silent",
    }));
    const silent = new Promise<void>((resolve) => {
      proxy.onSilence(resolve);
    });
    const { child, outcome } = startCli(["init"], {
      DATABASE_URL: proxy.url,
      NODE_OPTIONS: `--inspect-port=0 --require ${first} --require ${last}`,
    });
    await silent;
    child.kill("SIGUSR1");
    // Signals are handled one after the other.
    child.kill("SIGTERM");
    expect(await outcome).toMatchObject({ code: 143, stdout: "no inspector\n" });
    await proxy.stop();
  }),
);

it("a command ends with a sentence, and no stack, when its connection to Postgres is cut", () =>
  withVault(async (bench) => {
    await bench.drain(generateLogins(5));
    const outcomes = COMMANDS.map(async ([command, args], index) => {
      const afterBytes = 300 + 60 * index;
      const proxy = await startUnreliablePostgres(bench.databaseUrl, () => ({ afterBytes, how: "closed" }));
      const flags = command === "drain" ? ["--retry-for", "1"] : [];
      // The driver has errors that only a process of its own can catch.
      const outcome = await bench.start([...args(bench), ...flags], { DATABASE_URL: proxy.url }).outcome;
      await proxy.stop();
      return { command, ...outcome };
    });
    for (const { command, code, stderr } of await Promise.all(outcomes)) {
      expect({ command, code }).toEqual({ command, code: 5 });
      expect(stderr).not.toContain("    at ");
    }
  }));
