// Loaded before a contender (`node --import`): when its process ends, it tells what the process has used. It does
// nothing before that.
import { readFileSync, writeSync } from "node:fs";

/** The file descriptor that the bench reads. */
const REPORT_FD = 3;

process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  writeSync(REPORT_FD, `${user + system} ${peakKilobytes()}`);
});

/** Linux's own figure where there is one: that of `getrusage` starts from the memory of the process that did the fork. */
function peakKilobytes(): number {
  try {
    const peak = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (peak !== undefined) return Number(peak);
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS;
}
