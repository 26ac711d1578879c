// One run of a program of PostgreSQL's as a child process: its log, its readiness, its end.
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Account } from "./account.ts";

/** How to run a program. */
export interface Run {
  readonly program: string;
  readonly args: readonly string[];
  /** A folder that the account can enter. */
  readonly cwd: string;
  readonly account: Account | undefined;
  /** Gets each line that the program writes. */
  readonly log: (line: string) => void;
}

/** A started program. */
export interface Running {
  readonly child: ChildProcess;
  /** The last lines it wrote, for an error message. */
  readonly lastLines: readonly string[];
  /** Settles when the process has ended and its output is read: how it ended, such as `exit code 1`. */
  readonly ended: Promise<string>;
}

const LINES_KEPT = 12;

/**
 * Starts the program in a process group of its own: Ctrl-C on a terminal signals the whole foreground group, and the
 * order in which things stop is for the sandbox to decide. The caller's `PG*` variables stay out.
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
 * Waits for the program to end well.
 *
 * @throws Error with the program's last lines when it does not
 */
export async function succeed(name: string, running: Running): Promise<void> {
  const how = await running.ended;
  if (how !== "exit code 0") throw failure(name, how, running.lastLines);
}

/** The error for a program that ended otherwise than it should have. */
export function failure(name: string, how: string, lines: readonly string[]): Error {
  return new Error([`${name} failed with ${how}. It said:`, ...lines.map((line) => `  ${line}`)].join("\n"));
}
