// The runtime of a command: environment, time, randomness, signals, SQS and Postgres.
import { randomBytes } from "node:crypto";
import { lstatSync, readFileSync, statSync } from "node:fs";
import { setDefaultAutoSelectFamilyAttemptTimeout } from "node:net";
import { homedir, hostname } from "node:os";
import { buffer } from "node:stream/consumers";
import { createInterface } from "node:readline";
import { isatty, ReadStream } from "node:tty";
import { checkWritable, writeWhole } from "./write-file.ts";
import type { Context, ReadFlags, Services, Versions } from "./cli/context.ts";
import { readDotEnv, type DotEnv } from "./cli/dot-env.ts";
import { OWN_SECRETS, trimVariables } from "./cli/environment.ts";
import { exitCodeOfSignal, STOP_SIGNALS, type StopSignal } from "./cli/exit-codes.ts";
import { openLog, type Log } from "./cli/log/log.ts";
import type { Output } from "./cli/output.ts";
import { readLogFormat, type LogFlags } from "./config/log-format.ts";
import { Problems } from "./config/readers.ts";
import { systemClock } from "./drain/clock.ts";
import { explain } from "./explain.ts";
import { withFileLock } from "./file-lock.ts";

/** The AWS SDK and the Postgres driver load slowly, so each is imported when a command needs it. */
const services: Services = {
  openQueue: async (...given) => (await import("./sqs/open.ts")).openQueue(...given),
  checkQueue: async (...given) => (await import("./sqs/doctor.ts")).checkQueue(...given),
  checkDatabase: async (...given) => (await import("./postgres/doctor.ts")).checkDatabase(...given),
  openLoader: async (...given) => (await import("./postgres/load.ts")).openLoader(...given),
  initialise: async (...given) => (await import("./postgres/init.ts")).initialise(...given),
  verifyTables: async (...given) => (await import("./postgres/verify.ts")).verifyTables(...given),
  readHistory: async (...given) => (await import("./postgres/runs.ts")).readHistory(...given),
  openQuarantine: async (...given) => (await import("./postgres/quarantine.ts")).openQuarantine(...given),
  readAccessLog: async (...given) => (await import("./postgres/access-log.ts")).readAccessLog(...given),
  createSealer: async (recipients) =>
    (await import("./recovery/recipients.ts")).createSealer(recipients, randomBytes),
  createOpener: async (...given) => (await import("./recovery/identities.ts")).createOpener(...given),
  sendHttp: async (...given) => (await import("./http.ts")).sendHttp(...given),
  openVault: async (...given) => (await import("./postgres/vault.ts")).openVault(...given),
  openRotation: async (...given) => (await import("./postgres/rotation.ts")).openRotation(...given),
  findEarlierRows: async (...given) => (await import("./postgres/key-history.ts")).findEarlierRows(...given),
  surveyRotation: async (...given) => (await import("./postgres/rotation.ts")).surveyRotation(...given),
  fetchSecret: async (...given) => (await import("./aws/secrets.ts")).fetchSecret(...given),
  encryptSecret: async (...given) => (await import("./aws/secrets.ts")).encryptSecret(...given),
  runProgram: async (...given) => (await import("./run-program.ts")).runProgram(...given),
};

/** @throws {Failure} `configuration` if `.env` cannot be read */
export async function openContext(
  stdout: Output,
  stderr: Output,
  versions: Versions,
  readFlags: ReadFlags,
): Promise<Context> {
  const context = createContext(
    {
      ...(await environment()),
      // The first access to process.stdin opens it, so only a command that reads it may access it.
      stdin: { isTerminal: isatty(0), readAll: () => buffer(process.stdin), readLine },
      ...{ stdout, stderr, versions, catchSignals },
      atExit: (action) => {
        process.on("exit", action);
        return () => process.off("exit", action);
      },
    },
    readFlags,
  );
  // Until a command catches signals, there is nothing to clean up. Without a handler, process 1 of a container ignores signals.
  for (const signal of STOP_SIGNALS) process.on(signal, endAtOnce);
  setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_MS);
  return context;
}

/** The parts of a context that belong to the process. */
type OfProcess = Pick<
  Context,
  "env" | "dotEnv" | "stdin" | "stdout" | "stderr" | "versions" | "catchSignals" | "atExit"
>;

/** Adds the flags' variables, log, time, randomness, files and services. */
export function createContext(ofProcess: OfProcess, readFlags: ReadFlags): Context {
  const { env, stderr } = ofProcess;
  const problems = new Problems();
  const flags = readFlags(env, problems);
  const format = readLogFormat(flags, env, problems);
  return {
    ...{ ...ofProcess, problems },
    log: openLog({ stderr, env, flags, format, epochNow }),
    clock: systemClock,
    epochNow,
    random: () => Math.random(),
    randomBytes,
    readFile: (path) => readFileSync(path, "utf8"),
    fileMode,
    host: hostname(),
    writeFile: writeWhole,
    withFileLock,
    checkWritable,
    services,
    explain,
  };
}

/** Opens a log for the error that ends a run. There may be no context, because a flag or `.env` is invalid. */
export async function openErrorLog(stderr: Output, flags: LogFlags, given?: NodeJS.ProcessEnv): Promise<Log> {
  const env = given ?? (await environment().catch(() => process)).env;
  return openLog({ stderr, env, flags, format: readLogFormat(flags, env, new Problems()), epochNow });
}

/** A stream of its own: `process.stdin` has ended if the command read other input from the terminal until Ctrl-D. */
async function readLine(): Promise<string | undefined> {
  const input = new ReadStream(0);
  try {
    for await (const line of createInterface({ input })) return line;
    return undefined;
  } finally {
    input.destroy();
  }
}

function epochNow(): number {
  return Date.now();
}

interface Environment {
  readonly env: NodeJS.ProcessEnv;
  readonly dotEnv: DotEnv | undefined;
}

let environmentRead: Promise<Environment> | undefined;

/** Reads the environment once, even if that fails: if `.env` is a pipe, it can be read only once. */
function environment(): Promise<Environment> {
  environmentRead ??= Promise.resolve().then(readEnvironment);
  return environmentRead;
}

/**
 * The environment, plus the variables that `.env` in the working directory adds. `process.env` gets them too, because the AWS SDK reads
 * it, but not fetch-etl's own secrets.
 *
 * @throws {Failure} `configuration` if `.env` cannot be read
 */
function readEnvironment(): Environment {
  setHome();
  trimVariables(process.env);
  const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  const dotEnv = readDotEnv((path) => readFileSync(path), isThere);
  for (const [name, value] of Object.entries(dotEnv?.values ?? {})) process.env[name] ??= value;
  trimVariables(process.env);
  const env = { ...process.env };
  // The AWS SDK may start a program that provides credentials; it must not inherit these secrets.
  for (const name of OWN_SECRETS) Reflect.deleteProperty(process.env, name);
  // The driver reads it from process.env, and rejects libpq's default, `any`. The session chooses the server itself.
  Reflect.deleteProperty(process.env, "PGTARGETSESSIONATTRS");
  return { env, dotEnv };
}

/**
 * OpenShift runs containers as a user id without an entry in /etc/passwd. If HOME is not set either, there is no home directory, and the
 * AWS SDK throws an uncaught error. Container engines set HOME to the root directory in that case.
 */
function setHome(): void {
  try {
    homedir();
  } catch {
    process.env["HOME"] = "/";
  }
}

/** Windows has no permission bits; Node invents some. */
function fileMode(path: string): number | undefined {
  const mode = process.platform === "win32" ? undefined : statSync(path, { throwIfNoEntry: false })?.mode;
  return mode === undefined ? undefined : mode & 0o777;
}

/**
 * How long the SDK's sockets try one address of a host before the next, milliseconds: half of their connect timeout. Node's default of
 * 250 ms is too short for another continent, a VPN, or a lost packet.
 */
const ADDRESS_MS = 2_500;

/** npm forwards a Ctrl-C that the terminal has already sent: two signals within this time, milliseconds, count as one. */
const ONE_PRESS_MS = 300;

function endAtOnce(signal: StopSignal): void {
  process.exit(exitCodeOfSignal(signal));
}

function catchSignals(): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (signal: StopSignal): void => {
    if (!controller.signal.aborted) {
      firstAt = performance.now();
      controller.abort(signal);
    } else if (performance.now() - firstAt > ONE_PRESS_MS) {
      endAtOnce(signal);
    }
  };
  for (const signal of STOP_SIGNALS) process.off(signal, endAtOnce).on(signal, onSignal);
  return controller.signal;
}
