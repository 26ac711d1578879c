// The sentences about a masking key that is missing, or is not the one of the rows. Pure.
import { unexpectedKey, type KeyHistory, type KeyUse } from "./key-use.ts";

/** Where no usable key is configured, and the database has rows. @param used undefined if their key is unknown */
export function restoreAdvice(used: KeyUse | undefined): string {
  const key = used === undefined ? "" : ` with key ${used.keyId}, last used on ${dayOf(used.last)}`;
  return `The database has rows that were masked${key}. Find that key, in a backup of .env or on another host, and do not create a new one.`;
}

/**
 * Where a drain would mask with another key than that of the most recent rows, by mistake.
 *
 * @param keyIds of the configured keys, the one that masks first
 */
export function otherKeyAdvice(
  { uses, knowsRotations }: KeyHistory,
  keyIds: readonly string[],
): string | undefined {
  const other = unexpectedKey(uses, keyIds);
  if (other === undefined) return undefined;
  const [own = ""] = keyIds;
  const { keyId, last, rotated, isLater } = other;
  const rows =
    rotated === undefined
      ? `The most recent rows were masked with key ${keyId}, last used on ${dayOf(last)}`
      : `The rows were rotated to key ${keyId} on ${dayOf(rotated)}`;
  const advice = isLater
    ? `Key ${own} is an earlier key: put key ${keyId} before it in FETCH_ETL_MASKING_KEY, separated by a comma.`
    : "If the key was changed by mistake, restore the earlier one. " +
      "If it was changed on purpose, keep the earlier key after it in FETCH_ETL_MASKING_KEY, separated by a comma.";
  const unknown = knowsRotations
    ? ""
    : " A rotation since then is possible: this user may not read the record of rotations.";
  return `${rows}, but this drain masks with key ${own}: the same value would get another token. ${advice}${unknown}`;
}

/** @param time ISO 8601 */
export function dayOf(time: string): string {
  return time.slice(0, 10);
}
