// Wiring: what is real is made from here, and errors become exit codes here and nowhere else. A module that only a command that
// runs has use for is imported then, so that `--help` and `--version` are quick.
import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import type { Output } from "./cli/context.ts";
import { EXIT } from "./cli/exit-codes.ts";
import { createProgram } from "./cli/program.ts";

/**
 * Runs the command line.
 *
 * @param argv the arguments, without node and script
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stdout = outputOf(process.stdout);
  const stderr = outputOf(process.stderr);
  const version = packageVersion();
  const { command, exitCode } = createProgram(version, async () =>
    (await import("./surroundings.ts")).openContext(version, stdout, stderr),
  );
  for (const each of [command, ...command.commands.flatMap((group) => [group, ...group.commands])]) {
    each.exitOverride().configureOutput({ writeOut: stdout.write, writeErr: stderr.write });
  }
  try {
    await command.parseAsync(argv, { from: "user" });
    return exitCode() ?? EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.configuration;
    const { explain, frames } = await import("./explain.ts");
    const { writeError } = await import("./cli/report/warn.ts");
    const { code, sentence } = explain(error);
    writeError({ stderr, env: process.env }, sentence);
    if (command.opts<{ debug?: boolean }>().debug === true) stderr.write(frames(error));
    return code;
  }
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
