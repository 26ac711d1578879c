// Pure: derives a separate key for each use from the masking key.
import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";

/** Minimum length of a masking key, bytes. */
export const MIN_KEY_BYTES = 32;

/** The keys derived from one masking key. */
export interface MaskingKeys {
  /** Identifies the masking key without revealing it: 8 characters, base64url. */
  readonly keyId: string;
  readonly ip: KeyObject;
  readonly deviceId: KeyObject;
  /** Encrypts the bodies of quarantined messages. */
  readonly quarantine: KeyObject;
  /** Computes the MACs by which the ledger finds repeated bodies. */
  readonly body: KeyObject;
}

/**
 * HKDF-SHA-256 (RFC 5869), extract and expand, with an empty salt.
 *
 * @param bytes length of the output, in bytes
 */
export function hkdf(master: Uint8Array, info: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", master, new Uint8Array(0), info, bytes));
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
  return {
    keyId: Buffer.from(hkdf(master, "fetch-etl/v1/kid", 6)).toString("base64url"),
    ip: key("ip"),
    deviceId: key("device_id"),
    quarantine: key("quarantine"),
    body: key("body"),
  };
}

export const FIELDS = ["ip", "device_id"] as const;
export type Field = (typeof FIELDS)[number];
