// Runs the built program: `npm test` builds it first.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import postgres from "postgres";
import { expect, onTestFinished, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/sandbox/main.js", import.meta.url));
const LAST_LINE = "Ctrl-C stops the sandbox";

interface Program {
  readonly child: ChildProcess;
  /** The variables that it prints for a `.env` file. */
  readonly env: Readonly<Record<string, string>>;
  /** Where its database is. */
  readonly data: string;
}

function launch(sqsPort: string, args: readonly string[] = []) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, SANDBOX_SQS_PORT: sqsPort, SANDBOX_POSTGRES_PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function start(): Promise<Program> {
  const child = launch("0");
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += String(chunk);
    if (printed.includes(LAST_LINE)) break;
  }
  const env = Object.fromEntries(
    [...printed.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
  const sql = postgres(env["DATABASE_URL"] ?? "", { max: 1, onnotice: () => undefined });
  const [row] = await sql<{ data_directory: string }[]>`show data_directory`;
  await sql.end();
  return { child, env, data: row?.data_directory ?? "" };
}

function exit(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once("exit", resolve));
}

async function canConnect(url: string | undefined): Promise<boolean> {
  const { hostname, port } = new URL(url ?? "");
  const socket = connect(Number(port), hostname);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function exists(folder: string): Promise<boolean> {
  return readdir(folder).then(
    () => true,
    () => false,
  );
}

test("it prints the environment, refuses a port that is taken in one sentence, and SIGINT stops it cleanly", async () => {
  const { child, env, data } = await start();
  expect(Object.keys(env)).toEqual([
    "AWS_ENDPOINT_URL_SQS",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_URL",
    "FETCH_ETL_QUEUE",
  ]);
  expect(await canConnect(env["AWS_ENDPOINT_URL_SQS"])).toBe(true);

  const { port } = new URL(env["AWS_ENDPOINT_URL_SQS"] ?? "");
  const sending = launch(port, ["--send", "25", "--bad", "7"]);
  const [sent, sendCode] = await Promise.all([text(sending.stdout), exit(sending)]);
  expect([sent, sendCode]).toEqual(["Sent 25 messages to login-queue; 7 of them are not valid logins.\n", 0]);
  const queue = await fetch(`${env["AWS_ENDPOINT_URL_SQS"] ?? ""}/_fauxqs/queues/login-queue`);
  expect(((await queue.json()) as { messages: { ready: unknown[] } }).messages.ready).toHaveLength(125);

  const second = launch(port);
  const [said, code] = await Promise.all([text(second.stderr), exit(second)]);
  expect(said).toContain(`port ${port} on 127.0.0.1 is in use`);
  expect(said.trim().split("\n")).toHaveLength(1);
  expect(code).toBe(1);

  await stopsCleanly({ child, env, data }, "SIGINT");
});

test("SIGTERM stops it cleanly, too", async () => {
  await stopsCleanly(await start(), "SIGTERM");
});

async function stopsCleanly({ child, env, data }: Program, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  expect(await exit(child)).toBe(0);
  expect(await canConnect(env["DATABASE_URL"])).toBe(false);
  expect(await exists(data)).toBe(false);
}

test("killed hard, it leaves neither a server nor a file behind", async () => {
  const { child, env, data } = await start();
  child.kill("SIGKILL");
  await expect.poll(() => canConnect(env["DATABASE_URL"]), { timeout: 10_000 }).toBe(false);
  await expect.poll(() => exists(data), { timeout: 10_000 }).toBe(false);
});

test("a variable that holds no port is one sentence and exit code 1", async () => {
  const child = launch("high");
  const [said, code] = await Promise.all([text(child.stderr), exit(child)]);
  expect(said).toContain("SANDBOX_SQS_PORT must be a port");
  expect(code).toBe(1);
});

test("sending where none runs is one sentence that says how to start it", async () => {
  const child = launch("9", ["--send", "1"]);
  const [said, code] = await Promise.all([text(child.stderr), exit(child)]);
  expect(said).toBe(
    "Cannot send messages to the sandbox: no server answers at http://127.0.0.1:9; start it with `npm run sandbox` in another terminal\n",
  );
  expect(code).toBe(1);
});

test("--help tells what it does and which variables it reads, and starts nothing", async () => {
  const child = launch("high", ["--help"]);
  const [told, said, code] = await Promise.all([text(child.stdout), text(child.stderr), exit(child)]);
  expect(told).toContain("Usage: npm run sandbox");
  expect(told).toContain("SANDBOX_SQS_PORT");
  expect(told).toContain("SANDBOX_POSTGRES_PORT");
  expect(told).not.toContain(LAST_LINE);
  expect(said).toBe("");
  expect(code).toBe(0);
});

test.each(["--port", "4567", "--send x", "--bad 1", "--send 2 --bad 3"])("it refuses %s", async (line) => {
  const child = launch("0", line.split(" "));
  const [told, said, code] = await Promise.all([text(child.stdout), text(child.stderr), exit(child)]);
  expect(said).toMatch(/^error: /);
  expect(told).toBe("");
  expect(code).toBe(1);
});
