// Medians, and ratios within a round. Pure.

/** The median; null if there are no values. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}

/**
 * The median of the ratios between figures of the same round: a machine that is slow for a while slows both. Ignores rounds in
 * which either figure is missing.
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

/** @throws Error if the figure is missing */
export function known(value: number | null | undefined): number {
  if (value === null || value === undefined) throw new Error("a figure is missing");
  return value;
}

/** The list, starting one place later in each round, so that no entry always runs first. */
export function rotated<T>(list: readonly T[], round: number): T[] {
  const start = list.length === 0 ? 0 : round % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
