// Re-masks vault entries with another masking key. Decrypts each value for this, and nothing else.
import type { KeyObject } from "node:crypto";
import type { MaskedField } from "../mapping/fields.ts";
import { spellingOf } from "../mapping/masks.ts";
import { isFieldKey, type MaskingKeys } from "../masking/keys.ts";
import { keyIdOf, maskOf, textMac } from "../masking/token.ts";
import { Altered, type Opener } from "./identities.ts";
import { nonces, sealValue, type VaultContext } from "./recipients.ts";
import { typeOf, type SealedEntry } from "./reveal.ts";

/** The replacement of an entry: the same value, encrypted with the same data key for its new token. */
export interface Remasked extends VaultContext {
  /** The earlier token. */
  readonly earlier: string;
  /** Its MAC under the current key, in hexadecimal. */
  readonly earlierMac: string;
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
  /** Those of the mapping, by the names of their keys. */
  readonly fields: ReadonlyMap<string, MaskedField>;
  readonly randomBytes: (length: number) => Uint8Array;
}

/** Maximum decrypted data keys in memory, one per drain; others are decrypted again. */
const MOST_DATA_KEYS = 50_000;

export function createRemask({ opener, keys, fields, randomBytes }: RemaskSettings): Remask {
  const nonce = nonces(randomBytes);
  const macOf = textMac(keys[0].earlierTokens);
  const keysById = new Map(keys.map((each) => [each.keyId, each]));
  const dataKeys = new Map<string, KeyObject>();

  const openDataKey = async ({ dataKeyId, dataKey }: SealedEntry): Promise<KeyObject> => {
    const known = dataKeys.get(dataKeyId);
    if (known !== undefined) return known;
    // Stryker disable next-line ConditionalExpression: the opener cannot decrypt null either
    if (dataKey === null) throw new Altered();
    const key = await opener.dataKey(dataKey);
    // Stryker disable next-line ConditionalExpression,EqualityOperator: only the use of memory shows it
    if (dataKeys.size >= MOST_DATA_KEYS) dataKeys.clear();
    dataKeys.set(dataKeyId, key);
    return key;
  };
  const remask = async (entry: SealedEntry): Promise<Remasked> => {
    const { token: earlier, field, type, dataKeyId } = entry;
    if (!isFieldKey(field)) throw new Altered();
    const key = await openDataKey(entry);
    const value = opener.value(key, entry, entry.sealed);
    // Someone with write access to the vault and the recipients can encrypt another value, but cannot compute its token.
    const earlierKeys = keysById.get(keyIdOf(earlier));
    if (earlierKeys !== undefined && maskOf(earlierKeys, field)(value) !== earlier) throw new Altered();
    const current = asMaskedToday(value, typeOf(entry), fields.get(field));
    const context = { field, type, token: maskOf(keys[0], field)(current) };
    return {
      ...context,
      earlier,
      earlierMac: macOf(earlier),
      dataKeyId,
      sealed: sealValue(key, context, current, nonce()),
    };
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
 * The mapping may have changed since the value was masked: a UUID was masked as it was spelt, for example, and is now in lower case. A
 * value that the mapping no longer reads keeps a token: a rotation takes none from a row.
 */
function asMaskedToday(value: Uint8Array, type: string, field: MaskedField | undefined): Uint8Array {
  if (field?.type !== type) return value;
  const spell = spellingOf(type);
  // Stryker disable next-line ConditionalExpression: each masked type has one
  if (spell === undefined) return value;
  try {
    const read = field.reread(spell(value));
    return read instanceof Uint8Array ? read : value;
  } catch {
    // Not the bytes of such a value.
    return value;
  }
}
