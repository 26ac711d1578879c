// Re-masks vault entries with another masking key. Decrypts each value for this, and nothing else.
import type { KeyObject } from "node:crypto";
import { canonicalDeviceId } from "../masking/canonical.ts";
import type { Field, MaskingKeys } from "../masking/keys.ts";
import { createMask, keyIdOf, type Mask } from "../masking/token.ts";
import { Altered, type Opener } from "./identities.ts";
import { nonces, sealValue } from "./recipients.ts";
import type { SealedEntry } from "./reveal.ts";

/** The replacement of an entry: the same value, encrypted with the same data key for its new token. */
export interface Remasked {
  /** The earlier token. */
  readonly earlier: string;
  readonly token: string;
  readonly field: Field;
  readonly dataKeyId: string;
  readonly sealed: Uint8Array;
}

/** An entry or its data key was altered after a drain wrote it, or the data key is missing. */
export class AlteredEntry extends Error {
  override readonly name = "AlteredEntry";
  readonly token: string;

  constructor(token: string) {
    super("an entry of the vault was altered");
    this.token = token;
  }
}

/**
 * Re-masks entries; returns the replacements in the same order.
 *
 * @throws {Failure} `configuration` if the identity matches none of the recipients
 * @throws {AlteredEntry}
 */
export type Remask = (entries: readonly SealedEntry[]) => Promise<Remasked[]>;

export interface RemaskSettings {
  readonly opener: Opener;
  /** The current masking key, then earlier ones, with which decrypted values are checked against their tokens. */
  readonly keys: readonly [MaskingKeys, ...MaskingKeys[]];
  readonly randomBytes: (length: number) => Uint8Array;
}

/** Maximum decrypted data keys in memory, one per drain; others are decrypted again. */
const MOST_DATA_KEYS = 50_000;

export function createRemask({ opener, keys, randomBytes }: RemaskSettings): Remask {
  const mask = createMask(keys[0]);
  const nonce = nonces(randomBytes);
  const earlierMasks = new Map(keys.map((each) => [each.keyId, createMask(each)]));
  const dataKeys = new Map<string, KeyObject>();

  const openDataKey = async ({ dataKeyId, dataKey }: SealedEntry): Promise<KeyObject> => {
    const known = dataKeys.get(dataKeyId);
    if (known !== undefined) return known;
    if (dataKey === null) throw new Altered();
    const key = await opener.dataKey(dataKey);
    const [oldest] = dataKeys.keys();
    if (oldest !== undefined && dataKeys.size >= MOST_DATA_KEYS) dataKeys.delete(oldest);
    dataKeys.set(dataKeyId, key);
    return key;
  };
  const remask = async (entry: SealedEntry): Promise<Remasked> => {
    const { token: earlier, field, dataKeyId } = entry;
    if (field !== "ip" && field !== "device_id") throw new Altered();
    const key = await openDataKey(entry);
    const value = opener.value(key, field, earlier, entry.sealed);
    // Someone with write access to the vault and the recipients can encrypt another value, but cannot compute its token.
    const earlierMask = earlierMasks.get(keyIdOf(earlier));
    if (earlierMask !== undefined && tokenOf(earlierMask, field, value) !== earlier) throw new Altered();
    const current = field === "device_id" ? asMaskedToday(value) : value;
    const token = tokenOf(mask, field, current);
    return { earlier, token, field, dataKeyId, sealed: sealValue(key, field, token, current, nonce()) };
  };
  return async (entries) => {
    const remasked: Remasked[] = [];
    for (const entry of entries) {
      remasked.push(
        await remask(entry).catch((error: unknown) => {
          throw error instanceof Altered ? new AlteredEntry(entry.token) : error;
        }),
      );
    }
    return remasked;
  };
}

/**
 * Earlier versions masked and stored UUIDs as the message spelled them. The nil UUID, which is no longer masked, keeps a token: a rotation
 * removes no token from a row.
 */
function asMaskedToday(deviceId: Uint8Array): Uint8Array {
  const text = Buffer.from(deviceId).toString("latin1");
  // Bytes outside ASCII are not a UUID, and Latin-1 would misread them.
  return /^[ -~]+$/.test(text) ? (canonicalDeviceId(text) ?? deviceId) : deviceId;
}

function tokenOf(mask: Mask, field: Field, value: Uint8Array): string {
  return field === "ip" ? mask.ip(value) : mask.deviceId(value);
}
