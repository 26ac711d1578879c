// The clock of the benchmark. It works across processes: the benchmark subtracts times of different processes.

/** Milliseconds since the epoch, with fractions. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
