// Whether a process still runs.
import { readFileSync } from "node:fs";

/** False also for a process that ended and whose parent has not asked for its exit code. */
export function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
