// Medians, and ratios that are taken within a round. Pure.

/** The median; null of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}

/**
 * The median of the ratios of what was measured in the same round, so that what slows the machine for a while slows
 * both. A round in which either is missing does not count.
 */
export function pairedRatio(
  values: readonly (number | null | undefined)[],
  bases: readonly (number | null | undefined)[],
): number | null {
  const ratios = values.flatMap((value, round) => {
    const base = bases[round] ?? 0;
    return value === null || value === undefined || base === 0 ? [] : [value / base];
  });
  return median(ratios);
}

/** @throws Error where the figure is missing */
export function known(value: number | null | undefined): number {
  if (value === null || value === undefined) throw new Error("a figure is missing");
  return value;
}

/** The list, begun at another place in each round, so that nobody always runs first. */
export function rotated<T>(list: readonly T[], round: number): T[] {
  const start = list.length === 0 ? 0 : round % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
