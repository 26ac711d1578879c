// The real command line, run in a test's own process: starting one costs more than most commands have to do. What belongs to a process
// is not tested this way: signals, pipes, the terminal, `.env`, errors that nobody waits for, what is left when it ends.
import { readFileSync } from "node:fs";
import { Writable } from "node:stream";
import type { Output } from "../../src/cli/output.ts";
import { isSetting, trimVariables } from "../../src/cli/environment.ts";
import { commandLine } from "../../src/main.ts";
import { createContext, openErrorLog } from "../../src/runtime.ts";
import { variables } from "./program.ts";

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command's environment; what is undefined is not set. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * What the AWS SDK, and the code around it, reads of a process's own environment: the same for all commands that run in this one. The
 * endpoint comes with the settings, and only has to be set here as well; nobody listens where this one leads.
 */
export const AWS_ENVIRONMENT = {
  AWS_CONFIG_FILE: "none",
  AWS_SHARED_CREDENTIALS_FILE: "none",
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test-secret-access-key",
} as const;
const ENDPOINT = "AWS_ENDPOINT_URL_SQS";

/** Variables that fetch-etl reads of what a command is handed, and no library reads by itself. */
const HANDED = new Set(variables.filter((name) => /^(FETCH_ETL_|PG|DATABASE_URL$)/.test(name)));

/** Commands that call SQS. */
const WITH_SQS: ReadonlySet<string> = new Set(["drain", "doctor", "peek", "status", "verify"]);

/** Whether a command does with this environment the same in this process as in one of its own. */
export function canRunHere(args: readonly string[], env: Env): boolean {
  // The SDK's clients for secrets read the process's own environment.
  if (Object.values(env).some((value) => /^(arn:|kms:)/.test(value ?? "")) || args.includes("--kms"))
    return false;
  const names = Object.keys(env).filter((name) => env[name] !== undefined && !HANDED.has(name));
  if (!args.some((arg) => WITH_SQS.has(arg))) return names.every((name) => name.startsWith("AWS_"));
  const isUsual = ([name, value]: [string, string]): boolean => env[name] === value;
  return (
    Object.entries(AWS_ENVIRONMENT).every(isUsual) &&
    (env[ENDPOINT] ?? "") !== "" &&
    names.length === Object.keys(AWS_ENVIRONMENT).length + 1
  );
}

let isPrepared = false;

function prepareProcess(): void {
  if (isPrepared) return;
  isPrepared = true;
  for (const name of Object.keys(process.env)) {
    if (isSetting(name) || /_proxy$/i.test(name)) Reflect.deleteProperty(process.env, name);
  }
  Object.assign(process.env, AWS_ENVIRONMENT, { [ENDPOINT]: "http://127.0.0.1:9" });
}

/** Runs a command; its standard output and its standard error are no terminals. */
export async function runHere(
  args: readonly string[],
  given: Env,
  input: string | Uint8Array = "",
): Promise<Outcome> {
  prepareProcess();
  const env = { ...given };
  trimVariables(env);
  const stdout = new Kept();
  const stderr = new Kept();
  const atExit = new Set<() => void>();
  const ofProcess = {
    ...{ env, versions, stdout: stdout.output, stderr: stderr.output },
    dotEnv: undefined,
    stdin: {
      isTerminal: false,
      readAll: () => Promise.resolve(Buffer.from(input)),
      readLine: () => Promise.resolve(undefined),
    },
    catchSignals: () => new AbortController().signal,
    atExit: (action: () => void) => {
      atExit.add(action);
      return () => atExit.delete(action);
    },
  };
  const { run } = commandLine({
    ...ofProcess,
    openContext: (readFlags) => Promise.resolve(createContext(ofProcess, readFlags)),
    openErrorLog: (flags) => openErrorLog(stderr.output, flags, env),
  });
  const code = await run(args);
  for (const action of atExit) action();
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** Keeps what is written to it. */
class Kept extends Writable {
  text = "";
  readonly output: Output = {
    stream: this,
    write: (text) => void (this.text += text),
    isTerminal: false,
    columns: 0,
  };

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};
const versions = { fetchEtl: version, node: process.versions.node, nodeNeeded: "20" };
