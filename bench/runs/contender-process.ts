// One process of a contender: started as a user would start it, and measured from outside and when it exits.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { epochMs } from "../clock.ts";
import type { Contender } from "../contenders.ts";

const PROBE = new URL("usage-probe.js", import.meta.url);
/** A folder without a `.env` file. */
const CWD = dirname(fileURLToPath(import.meta.url));

/** The resources that a process used. Times are epoch milliseconds. */
export interface ProcessUsage {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Microseconds; null if the probe was not loaded into the process. */
  readonly cpu: number | null;
  /** MiB; null likewise. */
  readonly memory: number | null;
}

/**
 * Runs a contender until it exits.
 *
 * @throws Error with its output if its exit code is not 0
 */
export async function runProcess(
  contender: Contender,
  options: {
    readonly flags: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<ProcessUsage> {
  const preload = contender.usesQueue ? ["--import", PROBE.href] : [];
  const startedAt = epochMs();
  const child = spawn(process.execPath, [...preload, ...contender.args, ...options.flags], {
    cwd: CWD,
    env: { PATH: process.env["PATH"] ?? "", ...options.env },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    signal: options.signal,
    killSignal: "SIGKILL",
  });
  const ended = once(child, "exit").then(epochMs);
  const [endedAt, stderr, report] = await Promise.all([ended, read(child.stderr), read(child.stdio[3])]);
  if (child.exitCode !== 0) {
    throw new Error(
      `${contender.title} exited with ${child.exitCode ?? child.signalCode ?? "nothing"}:\n${stderr}`,
    );
  }
  const [cpu, kilobytes] = report.split(" ").map(Number);
  return {
    startedAt,
    endedAt,
    cpu: contender.usesQueue && cpu !== undefined ? cpu : null,
    memory: kilobytes === undefined ? null : kilobytes / 1024,
  };
}

function read(stream: unknown): Promise<string> {
  return stream instanceof Readable ? text(stream) : Promise.resolve("");
}
