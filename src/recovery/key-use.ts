// When masking keys were used for a table, and whether a key is an earlier one. Pure.

/** A masking key that drains or rotations used. */
export interface KeyUse {
  readonly keyId: string;
  /** ISO 8601 in UTC with microseconds, so that texts sort as times do. */
  readonly first: string;
  readonly last: string;
}

/** Uses from several sources: each key once, from its first use to its last. */
export function mergeUses(uses: readonly KeyUse[]): KeyUse[] {
  const merged = new Map<string, KeyUse>();
  for (const use of uses) {
    const { keyId, first, last } = merged.get(use.keyId) ?? use;
    merged.set(keyId, {
      keyId,
      first: use.first < first ? use.first : first,
      last: use.last > last ? use.last : last,
    });
  }
  return [...merged.values()];
}

export function latestUse(uses: readonly KeyUse[]): KeyUse | undefined {
  return [...uses].sort((a, b) => (a.last < b.last ? -1 : 1)).at(-1);
}

/** The key that is in use, if `keyId` is an earlier one: it came into use first, and the other was used last. */
export function laterKey(uses: readonly KeyUse[], keyId: string): KeyUse | undefined {
  const latest = latestUse(uses);
  const own = uses.find((use) => use.keyId === keyId);
  return latest !== undefined && own !== undefined && own.first < latest.first ? latest : undefined;
}

/**
 * The key of the most recent rows, if a drain would mix other tokens with theirs by mistake. It is no mistake if that key is configured as
 * an earlier one, and the first one came into use later: the key was changed, and another host may still use the earlier one.
 *
 * @param keyIds of the configured keys, the one that masks first
 */
export function unexpectedKey(
  uses: readonly KeyUse[],
  [keyId = "", ...others]: readonly string[],
): KeyUse | undefined {
  const latest = latestUse(uses);
  if (latest === undefined || latest.keyId === keyId) return undefined;
  return others.includes(latest.keyId) && laterKey(uses, keyId) === undefined ? undefined : latest;
}
