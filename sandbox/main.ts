// `npm run sandbox`: runs the servers on the assignment's ports until Ctrl-C, or sends messages to those that run.
import { randomInt } from "node:crypto";
import { Command, InvalidArgumentError } from "commander";
import { interrupted, watchSignals } from "./interruption.ts";
import { LOOPBACK, PortInUse } from "./ports.ts";
import type { Sandbox } from "./sandbox.ts";

const SQS_PORT = 4566;
const POSTGRES_PORT = 5432;

interface Ports {
  readonly sqsPort: number;
  readonly postgresPort: number;
}

/** Runs until a signal. Resolves to the exit code. */
async function main(ports: Ports): Promise<number> {
  const interruption = watchSignals();
  // The servers take long to load, which --help and a mistake need not wait for.
  const { QUEUE, startSandbox } = await import("./sandbox.ts");
  const sandbox = await startSandbox(ports);
  try {
    if (interruption.received() === undefined) console.log(await describe(sandbox, QUEUE));
    await interrupted(interruption);
  } finally {
    await sandbox.dispose();
  }
  console.log("\nStopped.");
  // Not 130 or 143: a signal is the normal way to stop the sandbox.
  return 0;
}

interface Arguments {
  /** How many messages to send to the sandbox that runs. */
  readonly send?: number;
  /** How many of them are not logins. */
  readonly bad: number;
}

/** Exits after --help, or if there is a mistake. */
function readArguments(argv: readonly string[]): Arguments {
  const command = new Command("npm run sandbox --")
    .description(
      "Runs an SQS server with a queue of 100 messages, and a PostgreSQL server with an empty user_logins table, and prints the settings to use. Both accept connections only from this machine. Ctrl-C stops them and deletes their data.",
    )
    .option("--send <count>", "send new messages to the sandbox that is running, and exit", wholeNumber)
    .option("--bad <count>", "with --send: how many of the messages are not valid logins", wholeNumber, 0)
    .addHelpText(
      "after",
      `
Environment:
  SANDBOX_SQS_PORT       port of the SQS server, 0 for any free port (default: ${SQS_PORT})
  SANDBOX_POSTGRES_PORT  port of PostgreSQL, 0 for any free port (default: ${POSTGRES_PORT})`,
    )
    .parse(argv, { from: "user" });
  const given = command.opts<Arguments>();
  if (given.bad > (given.send ?? 0)) command.error("error: --bad must not be more than --send");
  return given;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("It must be a whole number up to 999999.");
  return Number(text);
}

/** Sends messages to the sandbox that runs. Resolves to the exit code. */
async function send(count: number, bad: number, port: number): Promise<number> {
  const [{ QUEUE }, { sendTo }, { generateMixed }] = await Promise.all([
    import("./sandbox.ts"),
    import("./sqs.ts"),
    import("./messages.ts"),
  ]);
  await sendTo(`http://${LOOPBACK}:${port}`, QUEUE, generateMixed(count, bad, randomInt(2 ** 31)));
  console.log(`Sent ${count} messages to ${QUEUE}; ${bad} of them are not valid logins.`);
  return 0;
}

/** @throws Error if a variable is not a port */
function portsFrom(env: NodeJS.ProcessEnv): Ports {
  return {
    sqsPort: portFrom(env, "SANDBOX_SQS_PORT", SQS_PORT),
    postgresPort: portFrom(env, "SANDBOX_POSTGRES_PORT", POSTGRES_PORT),
  };
}

function portFrom(env: NodeJS.ProcessEnv, name: string, standard: number): number {
  const text = env[name] ?? "";
  if (text === "") return standard;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new Error(`${name} must be a port from 0 to 65535; 0 means any free port`);
  return port;
}

async function describe({ sqs, postgres, env }: Sandbox, queue: string): Promise<string> {
  const { ready } = await sqs.inspect(queue);
  const lines = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [
    "The sandbox is running:",
    `  SQS         ${sqs.endpoint}, queue ${queue} with ${ready} messages`,
    `  PostgreSQL  ${postgres.url} (${postgres.version}), table user_logins`,
    "",
    "For a .env file:",
    "",
    ...lines,
    "",
    "Or for a shell:",
    "",
    ...lines.map((line) => `export ${line}`),
    "",
    "Then, in a second terminal:",
    "",
    "  npx fetch-etl keygen >> .env     # once: the masking key",
    "  npx fetch-etl peek --count 5",
    "  npx fetch-etl drain",
    "  npx fetch-etl verify --expect 99",
    "  npm run sandbox -- --send 100 --bad 5     # more messages, of which 5 are not valid",
    "",
    "Ctrl-C stops the sandbox and deletes its data.",
  ].join("\n");
}

/** The error in one sentence, with the fix if the user can fix it. */
function explain(error: unknown): string {
  if (error instanceof PortInUse) {
    return `${error.message}; stop the program that uses it, or set SANDBOX_SQS_PORT or SANDBOX_POSTGRES_PORT to another port.`;
  }
  return error instanceof Error ? error.message : String(error);
}

const { send: count, bad } = readArguments(process.argv.slice(2));
try {
  const ports = portsFrom(process.env);
  process.exitCode = count === undefined ? await main(ports) : await send(count, bad, ports.sqsPort);
} catch (error) {
  const what = count === undefined ? "start the sandbox" : "send messages to the sandbox";
  console.error(`Cannot ${what}: ${explain(error)}`);
  process.exitCode = 1;
}
