// The one clock of the bench: times of different processes are subtracted from each other.

/** Milliseconds of the epoch, with their fractions. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
