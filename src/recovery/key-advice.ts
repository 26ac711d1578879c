// The sentences about a masking key that is missing, or is not the one of the rows. Pure.
import type { KeyUse } from "./key-use.ts";

/** Where no usable key is configured, and the database has rows. @param used undefined if their key is unknown */
export function restoreAdvice(used: KeyUse | undefined): string {
  const key = used === undefined ? "" : ` with key ${used.keyId}, last used on ${dayOf(used.last)}`;
  return `The database has rows that were masked${key}. Find that key, in a backup of .env or on another host, and do not create a new one.`;
}

/** @param other the key of the most recent rows; `keyId` is the one that a drain would mask with */
export function otherKeyAdvice(other: KeyUse, keyId: string): string {
  return (
    `The most recent rows were masked with key ${other.keyId}, last used on ${dayOf(other.last)}, but this drain masks with key ${keyId}: ` +
    "the same value would get another token. If the key was changed by mistake, restore the earlier one. " +
    "If it was changed on purpose, keep the earlier key after it in FETCH_ETL_MASKING_KEY, separated by a comma."
  );
}

/** @param time ISO 8601 */
export function dayOf(time: string): string {
  return time.slice(0, 10);
}
