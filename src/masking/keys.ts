// Pure: derives a separate key for each use from the masking key.
import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";

/** Minimum length of a masking key, bytes. */
export const MIN_KEY_BYTES = 32;

/** The keys derived from one masking key. */
export interface MaskingKeys {
  /** Identifies the masking key without revealing it: 8 characters, base64url. */
  readonly keyId: string;
  /** The key of a field's tokens, such as `ip`; `network/ip` for those of networks. Each is derived once. */
  readonly ofField: (field: string) => KeyObject;
  /** Encrypts the bodies of quarantined messages. */
  readonly quarantine: KeyObject;
  /** Computes the MACs by which the ledger finds repeated bodies. */
  readonly body: KeyObject;
  /** Computes the MACs by which the ledger finds records that a mapping calls the same. */
  readonly idempotency: KeyObject;
  /** Computes the MACs by which the vault finds what replaced the tokens of earlier keys. */
  readonly earlierTokens: KeyObject;
}

/**
 * HKDF-SHA-256 (RFC 5869), extract and expand, with an empty salt.
 *
 * @param bytes length of the output, in bytes
 */
export function hkdf(master: Uint8Array, info: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", master, new Uint8Array(0), info, bytes));
}

/** Keys that are not of a field. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  "kid",
  "quarantine",
  "body",
  "idempotency",
  "network",
]);

/** Whether a field can have this name: 1 to 64 letters, digits, `_` and `-`, and not one of fetch-etl's other keys. */
export function isFieldName(name: string): boolean {
  return /^[\w-]{1,64}$/.test(name) && !RESERVED_NAMES.has(name);
}

/** Whether it names the key of a field, or of the networks in it: see {@link MaskingKeys.ofField}. */
export function isFieldKey(name: string): boolean {
  return isFieldName(name.replace(/^network\//, ""));
}

/**
 * Derives all keys from the masking key.
 *
 * @param master {@link MIN_KEY_BYTES} random bytes or more
 * @throws {RangeError} if it is shorter
 */
export function deriveKeys(master: Uint8Array): MaskingKeys {
  if (master.length < MIN_KEY_BYTES) throw new RangeError(`a masking key has ${MIN_KEY_BYTES} bytes or more`);
  const key = (use: string): KeyObject => createSecretKey(hkdf(master, `fetch-etl/v1/${use}`, 32));
  const fields = new Map<string, KeyObject>();
  return {
    keyId: Buffer.from(hkdf(master, "fetch-etl/v1/kid", 6)).toString("base64url"),
    ofField: (field) => {
      const known = fields.get(field) ?? key(field);
      fields.set(field, known);
      return known;
    },
    quarantine: key("quarantine"),
    body: key("body"),
    idempotency: key("idempotency"),
    // No field can have this name.
    earlierTokens: key("token/earlier"),
  };
}
