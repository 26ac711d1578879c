// Runs a PostgreSQL program as a child process, and reads its output and exit code.
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Account } from "./account.ts";

/** The program to run. */
export interface Run {
  readonly program: string;
  readonly args: readonly string[];
  /** A folder that the account can enter. */
  readonly cwd: string;
  readonly account: Account | undefined;
  /** Receives each line of output. */
  readonly log: (line: string) => void;
}

/** A started program. */
export interface Running {
  readonly child: ChildProcess;
  /** The last lines of output, for an error message. */
  readonly lastLines: readonly string[];
  /** Resolves when the process has exited and its output is read: to how it ended, such as `exit code 1`. */
  readonly ended: Promise<string>;
}

const LINES_KEPT = 12;

/**
 * Starts the program in its own process group: Ctrl-C on a terminal signals the whole foreground group, but the sandbox
 * stops its servers in order. Does not pass on the caller's `PG*` variables.
 */
export function run({ program, args, cwd, account, log }: Run): Running {
  const child = spawn(program, args, {
    ...account,
    cwd,
    detached: true,
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lastLines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lastLines.push(line);
      if (lastLines.length > LINES_KEPT) lastLines.shift();
      log(line);
    });
  }
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => {
      resolve(error.message);
    });
    child.once("close", (code, signal) => {
      resolve(signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`);
    });
  });
  return { child, lastLines, ended };
}

/**
 * Waits until the program exits.
 *
 * @throws Error with its last lines of output if its exit code is not 0
 */
export async function succeed(name: string, running: Running): Promise<void> {
  const how = await running.ended;
  if (how !== "exit code 0") throw failure(name, how, running.lastLines);
}

/** The error for a program that failed. */
export function failure(name: string, how: string, lines: readonly string[]): Error {
  return new Error(
    [`${name} failed with ${how}. Its output:`, ...lines.map((line) => `  ${line}`)].join("\n"),
  );
}
