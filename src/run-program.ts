// Runs a program that prints a secret, without a shell.
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { ProgramEnd } from "./cli/context.ts";
import { systemCode } from "./failure.ts";

/** Maximum size of the output, bytes. */
const MOST_BYTES = 64 * 1024;
/** How long the program may run, and how long it may take to exit after SIGTERM; milliseconds. */
const LIMITS = { timeMs: 30_000, graceMs: 2_000 };

/** Maximum length of a line of its standard error, in characters. */
const LONGEST_LINE = 1_000;

/**
 * Standard input is empty, and standard error is this process's, unless `onErrorLine` gets its lines. The program leads a process group. The whole group is killed when
 * the time limit is over, when the program prints too much, and when this process exits.
 *
 * @param env its environment
 * @param atExit registers an action for when this process exits; returns a function that cancels it
 */
export function runProgram(
  [program, ...args]: readonly [program: string, ...args: string[]],
  env: NodeJS.ProcessEnv,
  atExit: (action: () => void) => () => void,
  { timeMs, graceMs } = LIMITS,
  onErrorLine?: (line: string) => void,
): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn(program, args, {
        env,
        stdio: ["ignore", "pipe", onErrorLine === undefined ? "inherit" : "pipe"],
        detached: process.platform !== "win32",
        windowsHide: true,
      });
    } catch (error) {
      resolve({ kind: "not started", errno: systemCode(error) ?? "unknown" });
      return;
    }
    const kill = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(process.platform === "win32" ? child.pid : -child.pid, signal);
      } catch {
        // All processes of the group have ended.
      }
    };
    const cancel = atExit(() => {
      kill("SIGKILL");
    });
    const timers: NodeJS.Timeout[] = [];
    const settle = (end: ProgramEnd): void => {
      timers.forEach(clearTimeout);
      cancel();
      resolve(end);
    };
    /** Works also if a process that left the group still has the pipe open. */
    const cut = (kind: "too slow" | "too long"): void => {
      kill("SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      settle({ kind });
    };
    let isLate = false;
    const onLate = (): void => {
      isLate = true;
      kill("SIGTERM");
      timers.push(setTimeout(cut, graceMs, "too slow"));
    };
    timers.push(setTimeout(onLate, timeMs));
    if (child.stderr !== null)
      createInterface(child.stderr).on("line", (line) => onErrorLine?.(line.slice(0, LONGEST_LINE)));
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout?.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MOST_BYTES) cut("too long");
    });
    child.on("error", (error) => {
      settle({ kind: "not started", errno: systemCode(error) ?? "unknown" });
    });
    // As with $(…), the output ends when no process has the pipe open for writing.
    child.on("close", (code, signal) => {
      if (isLate) settle({ kind: "too slow" });
      else if (code === 0) settle({ kind: "output", bytes: Buffer.concat(chunks) });
      else settle({ kind: "failed", by: code === null ? (signal ?? "a signal") : `exit code ${code}` });
    });
  });
}
