// Wiring: what is real is made here, and errors become exit codes here and nowhere else.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import type { Context, Output, Services } from "./cli/context.ts";
import { ENVIRONMENT } from "./cli/environment.ts";
import { EXIT, exitCodeOfSignal, type StopSignal } from "./cli/exit-codes.ts";
import { createProgram } from "./cli/program.ts";
import { systemClock } from "./drainer/clock.ts";
import { DatabaseLost, Throttled } from "./drainer/ports.ts";
import { Failure } from "./failure.ts";

/** SDK and driver take longer to load than all the rest: each is imported when it is needed. */
const services: Services = {
  openQueue: async (settings, notices) =>
    (await import("./drainer/sqs/open.ts")).openQueue(settings, notices),
  openLoader: async (settings, queueId) => (await import("./loader/loader.ts")).openLoader(settings, queueId),
  inspect: async (settings) => (await import("./loader/inspect.ts")).inspect(settings),
};

/**
 * Runs the command line.
 *
 * @param argv the arguments, without node and script
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stdout = outputOf(process.stdout);
  const stderr = outputOf(process.stderr);
  const { command, exitCode } = createProgram(packageVersion(), () => openContext(stdout, stderr));
  for (const each of [command, ...command.commands]) {
    each.exitOverride().configureOutput({ writeOut: stdout.write, writeErr: stderr.write });
  }
  try {
    await command.parseAsync(argv, { from: "user" });
    return exitCode() ?? EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.configuration;
    const { writeError } = await import("./cli/report/warn.ts");
    const { code, sentence } = explain(error);
    writeError({ stderr, env: process.env }, sentence);
    if (command.opts<{ debug?: boolean }>().debug === true) stderr.write(frames(error));
    return code;
  }
}

function explain(error: unknown): { code: number; sentence: string } {
  if (error instanceof DatabaseLost) return explain(error.failure);
  if (error instanceof Throttled) {
    return { code: EXIT.unavailable, sentence: "SQS asks for fewer calls: try again later." };
  }
  if (error instanceof Failure) {
    return { code: EXIT[error.kind], sentence: error.message };
  }
  // A message that is not one of ours may quote data.
  const name = error instanceof Error ? error.name : typeof error;
  return { code: EXIT.unexpected, sentence: `Unexpected error (${name}). --debug shows where.` };
}

/** Where an error and its causes came from; only the places, because messages may quote data. */
function frames(error: unknown): string {
  const lines: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) {
    lines.push(each.name, ...(each.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)));
  }
  return lines.map((line) => `${line}\n`).join("");
}

function openContext(stdout: Output, stderr: Output): Context {
  return {
    env: readEnvironment(),
    stdout,
    stderr,
    clock: systemClock,
    epochNow: () => Date.now(),
    random: () => Math.random(),
    randomBytes,
    readFile: (path) => readFileSync(path, "utf8"),
    services,
    catchSignals,
  };
}

/** What a program that the AWS SDK starts for credentials has no business to see. */
const SECRETS = ["FETCH_ETL_MASKING_KEY", "DATABASE_URL", "PGPASSWORD"];

/**
 * The environment, with what `.env` in the working folder adds to it. The rest of it stays in the process's own environment, where the
 * AWS SDK looks. An empty variable is none: compose files and CI systems set many.
 */
function readEnvironment(): NodeJS.ProcessEnv {
  for (const name of ENVIRONMENT.flatMap(([names]) => names.split(", "))) {
    if (process.env[name] === "") Reflect.deleteProperty(process.env, name);
  }
  try {
    process.loadEnvFile();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) {
      throw new Failure("configuration", "The file .env in the working folder cannot be read.", error);
    }
  }
  const env = { ...process.env };
  for (const name of SECRETS) Reflect.deleteProperty(process.env, name);
  return env;
}

/** npm passes a Ctrl-C on that the terminal has sent already: two signals as close as this, milliseconds, are one press. */
const ONE_PRESS_MS = 300;

function catchSignals(): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (signal: StopSignal): void => {
    if (!controller.signal.aborted) {
      firstAt = performance.now();
      controller.abort(signal);
    } else if (performance.now() - firstAt > ONE_PRESS_MS) {
      process.exit(exitCodeOfSignal(signal));
    }
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return controller.signal;
}

/** A reader that goes away, as in `| head -1`, is no error; what comes after is not wanted. A full disk is one, told at the end. */
function outputOf(stream: NodeJS.WriteStream): Output {
  stream.on("error", ({ code = "unknown" }: NodeJS.ErrnoException) => {
    if (code === "EPIPE" || unwritten !== undefined) return;
    unwritten = code;
    process.on("exit", () => {
      process.exitCode = EXIT.unexpected;
    });
    if (stream === process.stdout)
      process.stderr.write(`error: The output could not be written (${code}).\n`);
  });
  return {
    stream,
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY,
    columns: stream.isTTY ? stream.columns : 0,
  };
}

/** The error code of the first output that could not be written. */
let unwritten: string | undefined;

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}
