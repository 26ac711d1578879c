// Limits the size of one call to SQS or Postgres.

/** The maximum number of entries in one SQS batch call. */
export const MAX_BATCH = 10;

/** Target size of one statement, bytes of bodies, plain or sealed. The message that reaches it is the statement's last. */
export const BATCH_BYTES = 2 * 1024 * 1024;

/** Splits a list into parts of at most `size` items. */
export function chunk<T>(items: readonly T[], size: number = MAX_BATCH): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < items.length; start += size) parts.push(items.slice(start, start + size));
  return parts;
}

/** Splits a list into parts of about {@link BATCH_BYTES}. */
export function chunkByBytes<T>(items: readonly T[], bytesOf: (item: T) => number): T[][] {
  const parts: T[][] = [];
  let remaining = 0;
  for (const item of items) {
    if (remaining <= 0) {
      parts.push([]);
      remaining = BATCH_BYTES;
    }
    // Stryker disable next-line OptionalChaining: there is one
    parts.at(-1)?.push(item);
    remaining -= bytesOf(item);
  }
  return parts;
}
