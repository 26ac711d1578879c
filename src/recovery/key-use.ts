// When masking keys were used for a table, and whether a key is an earlier one. Pure.

/** A masking key that drains or rotations used. */
export interface KeyUse {
  readonly keyId: string;
  /** ISO 8601 in UTC with microseconds, so that texts sort as times do. */
  readonly first: string;
  readonly last: string;
  /** The last rotation to it, likewise. */
  readonly rotated?: string | undefined;
}

export interface KeyHistory {
  readonly uses: readonly KeyUse[];
  /** Whether they include rotations: not every user may read their record. */
  readonly knowsRotations: boolean;
}

/** Uses from several sources: each key once, from its first use to its last. */
export function mergeUses(uses: readonly KeyUse[]): KeyUse[] {
  const merged = new Map<string, KeyUse>();
  for (const use of uses) {
    const { keyId, first, last, rotated } = merged.get(use.keyId) ?? use;
    merged.set(keyId, {
      keyId,
      first: use.first < first ? use.first : first,
      last: use.last > last ? use.last : last,
      rotated: (use.rotated ?? "") > (rotated ?? "") ? use.rotated : rotated,
    });
  }
  return [...merged.values()];
}

/** When it came into use. A rotation to a key, also to an earlier one, is a decision for it. */
function since({ first, rotated }: KeyUse): string {
  return rotated ?? first;
}

/**
 * The key of the most recent rows: the one that was used last. After a rotation, it is the key of the rotation, until a newer one comes into
 * use: a host that still loads rows with an earlier key is late.
 */
export function keyInUse(uses: readonly KeyUse[]): KeyUse | undefined {
  const latest = uses.toSorted((a, b) => (a.last < b.last ? -1 : 1)).at(-1);
  const target = uses
    .filter(({ rotated }) => rotated !== undefined)
    .toSorted((a, b) => (since(a) < since(b) ? -1 : 1))
    .at(-1);
  return latest !== undefined && target !== undefined && since(latest) < since(target) ? target : latest;
}

/** The key that is in use, if `keyId` is an earlier one: it came into use first. */
export function laterKey(uses: readonly KeyUse[], keyId: string): KeyUse | undefined {
  const inUse = keyInUse(uses);
  const own = uses.find((use) => use.keyId === keyId);
  return inUse !== undefined && own !== undefined && since(own) < since(inUse) ? inUse : undefined;
}

/** A key that is in use instead of the one that a drain would mask with. */
export interface OtherKey extends KeyUse {
  /** Whether the drain's key is an earlier one. */
  readonly isLater: boolean;
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
): OtherKey | undefined {
  const inUse = keyInUse(uses);
  if (inUse === undefined || inUse.keyId === keyId) return undefined;
  const isLater = laterKey(uses, keyId) !== undefined;
  return others.includes(inUse.keyId) && !isLater ? undefined : { ...inUse, isLater };
}
