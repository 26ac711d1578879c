// SQS takes at most ten entries in one batch call.

export const MAX_BATCH = 10;

/** Cuts a list into parts of at most `size`. */
export function chunk<T>(items: readonly T[], size: number = MAX_BATCH): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += size) parts.push(items.slice(start, start + size));
  return parts;
}
