// CPU time and memory of programs in any language, from Linux's /proc. Other systems do not tell.
import { readFileSync } from "node:fs";

/** Linux counts in hundredths of a second on all architectures. */
const MICROSECONDS_PER_TICK = 10_000;

/** Microseconds of CPU of all child processes of this one that have exited; null if the system does not tell. */
export function childrenCpu(): number | null {
  const stat = read("/proc/self/stat");
  if (stat === undefined) return null;
  // After the program's name, which is in parentheses and can contain anything: proc(5), fields 16 and 17.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * MICROSECONDS_PER_TICK;
}

/** The peak memory of a running process, MiB; null if the system does not tell, or the process has ended. */
export function peakMemory(pid: number | undefined): number | null {
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(read(`/proc/${pid ?? 0}/status`) ?? "")?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) / 1024;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
