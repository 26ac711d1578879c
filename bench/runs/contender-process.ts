// One process of a contender: started as a user would start it, and measured from outside.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { epochMs } from "../clock.ts";
import type { Contender } from "../contenders.ts";
import { peakMemory } from "./usage.ts";

/** A folder without a `.env` file. */
const CWD = dirname(fileURLToPath(import.meta.url));
const SAMPLE_MS = 20;

/** Times are epoch milliseconds. */
export interface ProcessUsage {
  readonly startedAt: number;
  readonly endedAt: number;
  /** MiB; null if the system does not tell. */
  readonly memory: number | null;
}

export interface ProcessOptions {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** A running process of a contender. */
export interface ContenderProcess {
  readonly child: ChildProcess;
  /** Resolves when it has exited, to when that was. */
  readonly ended: Promise<number>;
  /** Resolves when it has exited, to what it wrote to standard error. */
  readonly stderr: Promise<string>;
}

export function startProcess(
  { command: [program, ...args] }: Contender,
  { flags, env, signal }: ProcessOptions,
): ContenderProcess {
  const child = spawn(program, [...args, ...flags], {
    cwd: CWD,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "ignore", "pipe"],
    signal,
    killSignal: "SIGKILL",
  });
  return { child, ended: once(child, "exit").then(epochMs), stderr: text(child.stderr) };
}

/**
 * Runs a contender until it exits.
 *
 * @throws Error with its output if its exit code is not 0
 */
export async function runProcess(contender: Contender, options: ProcessOptions): Promise<ProcessUsage> {
  const startedAt = epochMs();
  const { child, ended, stderr } = startProcess(contender, options);
  let memory: number | null = null;
  const sampling = async (): Promise<void> => {
    // The peak does not fall, so the last sample before the end counts.
    while (child.exitCode === null && child.signalCode === null) {
      memory = peakMemory(child.pid) ?? memory;
      await Promise.race([ended, setTimeout(SAMPLE_MS)]);
    }
  };
  const [endedAt, output] = await Promise.all([ended, stderr, sampling()]);
  if (child.exitCode !== 0) throw new Error(failure(contender, child, output));
  return { startedAt, endedAt, memory };
}

export function failure({ title }: Contender, child: ChildProcess, output: string): string {
  return `${title} exited with ${child.exitCode ?? child.signalCode ?? "nothing"}:\n${output}`;
}
