// Loaded before a contender (`node --import`). It reports the CPU time and memory of the process when it exits, and does nothing before.
import { readFileSync, writeSync } from "node:fs";

/** The file descriptor that the benchmark reads. */
const REPORT_FD = 3;

process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  writeSync(REPORT_FD, `${user + system} ${peakKilobytes()}`);
});

/** On Linux, from /proc: the figure of `getrusage` includes the memory of the parent process before the exec. */
function peakKilobytes(): number {
  try {
    const peak = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (peak !== undefined) return Number(peak);
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS;
}
