// How much goes into one call.

/** SQS takes at most ten entries in one batch call. */
export const MAX_BATCH = 10;

/** Bytes of bodies, sealed or not, that one statement carries, about: it ends with the message that brings it to as many. */
export const BATCH_BYTES = 2 * 1024 * 1024;

/** Cuts a list into parts of at most `size`. */
export function chunk<T>(items: readonly T[], size: number = MAX_BATCH): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += size) parts.push(items.slice(start, start + size));
  return parts;
}

/** Cuts a list into parts of about {@link BATCH_BYTES}. */
export function chunkByBytes<T>(items: readonly T[], bytesOf: (item: T) => number): T[][] {
  const parts: T[][] = [];
  let left = 0;
  for (const item of items) {
    if (left <= 0) {
      parts.push([]);
      left = BATCH_BYTES;
    }
    parts.at(-1)?.push(item);
    left -= bytesOf(item);
  }
  return parts;
}
