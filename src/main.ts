// The entry point: errors become exit codes here. Loads what only a running command needs when it runs, so that `--help` is fast.
import { readFileSync } from "node:fs";
import type { CommanderError } from "commander";
import type { Versions } from "./cli/context.ts";
import { EXIT } from "./cli/exit-codes.ts";
import type { Log } from "./cli/log/log.ts";
import type { Output } from "./cli/output.ts";
import type { OpenContext, Program } from "./cli/program.ts";
import type { LogFlags } from "./config/log-format.ts";

/**
 * Runs the command line in this process: its streams, its environment, its signals.
 *
 * @param argv the arguments, without node and script
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stderr = outputOf(process.stderr);
  const stdout = outputOf(process.stdout, (code) => {
    void commands.openErrorLog().then((log) => {
      log.error(`Cannot write to standard output (${code}).`);
    });
  });
  const versions = readVersions();
  const commands = commandLine({
    ...{ stdout, stderr, versions },
    openContext: async (readFlags, dotEnv) =>
      (await import("./runtime.ts")).openContext(stdout, stderr, versions, readFlags, dotEnv),
    openErrorLog: async (flags) => (await import("./runtime.ts")).openErrorLog(stderr, flags),
  });
  process.on("uncaughtException", (error) => {
    void endUnexpectedly(error, commands.openErrorLog);
  });
  try {
    return await commands.run(argv);
  } finally {
    endSoon();
  }
}

/** What the command line needs of its process. */
interface Runtime {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly versions: Versions;
  readonly openContext: OpenContext;
  /** Opens the log for the error that ends a run. */
  readonly openErrorLog: (flags: LogFlags) => Promise<Log>;
}

interface CommandLine {
  /** Runs a command and logs its error; resolves to the exit code. */
  readonly run: (argv: readonly string[]) => Promise<number>;
  /** Opens a log in the format of the flags that are parsed so far. */
  readonly openErrorLog: () => Promise<Log>;
}

/** Creates the command line for one run. It has no global state: several can run in one process. */
export function commandLine(runtime: Runtime): CommandLine {
  const { stdout, stderr, versions } = runtime;
  let program: Program | undefined;
  const openErrorLog = (): Promise<Log> => runtime.openErrorLog(program?.command.opts<LogFlags>() ?? {});
  const run = async (argv: readonly string[]): Promise<number> => {
    // Answered before commander is loaded, which takes as long as half of Node's own start.
    if (argv.length === 1 && argv[0] === "--version") {
      stdout.write(`${versions.fetchEtl}\n`);
      return EXIT.done;
    }
    const { CommanderError, createProgram, withSubcommands } = await import("./cli/program.ts");
    const { command, exitCode } = (program = createProgram(versions.fetchEtl, runtime.openContext));
    let usage = "";
    for (const each of withSubcommands(command)) {
      each.exitOverride().configureOutput({ writeOut: stdout.write, writeErr: (text) => (usage += text) });
    }
    try {
      await command.parseAsync(argv, { from: "user" });
      return exitCode() ?? EXIT.done;
    } catch (error) {
      if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
      const log = await openErrorLog();
      if (error instanceof CommanderError) {
        if (log.format !== "text") log.error(usageSentence(error, usage));
        else if (error.code === "commander.help") stderr.write(usage);
        else {
          const [mistake = "", ...hints] = withoutValue(usage)
            .replace(/^error: /, "")
            .split("\n");
          log.error(mistake);
          stderr.write(hints.join("\n"));
        }
        return EXIT.configuration;
      }
      const { explain, frames } = await import("./explain.ts");
      const { code, sentence } = explain(error);
      log.error(sentence, frames(error));
      return code;
    }
  };
  return { run, openErrorLog };
}

/** Reports an uncaught error like any other, without its message, which may quote data. */
async function endUnexpectedly(error: unknown, errorLog: () => Promise<Log>): Promise<void> {
  let exitCode: number = EXIT.unexpected;
  try {
    const { explain, frames, uncaught } = await import("./explain.ts");
    const { code, sentence } = explain(uncaught(error));
    exitCode = code;
    (await errorLog()).error(sentence, frames(error));
  } finally {
    process.exit(exitCode);
  }
}

/** How long abandoned work, such as a pending connection, may keep the process alive, milliseconds. */
const LINGER_MS = 250;

/** Ends the process once its output is written, even if a request to a server is still pending. */
function endSoon(): void {
  const timer = setInterval(() => {
    if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
  }, LINGER_MS);
  timer.unref();
}

/**
 * commander's error message in one line.
 *
 * @param usage what commander printed
 */
function usageSentence({ code, message }: CommanderError, usage: string): string {
  if (code === "commander.help") {
    const [, words = "fetch-etl "] = /^Usage: ((?:[a-z-]+ )+)/.exec(usage) ?? [];
    return `The command is missing; ${words}--help lists the commands.`;
  }
  return withoutValue(message)
    .replace(/^error: /, "")
    .replaceAll("\n", " ");
}

/** commander quotes unknown options, and the value of a mistyped flag may be a secret. */
function withoutValue(text: string): string {
  return text.replace(/(unknown option '[^'=]*)=[^]*'/, "$1'");
}

/**
 * EPIPE is not an error: the reader, such as `head -1`, has closed the pipe. After any other write error, such as a full disk, the
 * process exits with 1.
 *
 * @param onLost called once, with the error's code, after the first such error
 */
function outputOf(stream: NodeJS.WriteStream, onLost: (code: string) => void = () => undefined): Output {
  let lost = false;
  stream.on("error", ({ code = "unknown" }: NodeJS.ErrnoException) => {
    if (code === "EPIPE" || lost) return;
    lost = true;
    process.on("exit", () => {
      process.exitCode = EXIT.unexpected;
    });
    onLost(code);
  });
  return {
    stream,
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY,
    get columns() {
      return stream.isTTY ? stream.columns : 0;
    },
  };
}

interface Package {
  readonly version: string;
  readonly engines: { readonly node: string };
}

function readVersions(): Versions {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version, engines } = JSON.parse(text) as Package;
  const nodeNeeded = engines.node.replace(">=", "");
  return { fetchEtl: version, node: process.versions.node, nodeNeeded };
}
