// Pure: derives from the one masking key what each use needs, so that no two uses share a key.
import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";

/** Fewest bytes a masking key may have. */
export const MIN_KEY_BYTES = 32;

/** The keys that one masking key gives. */
export interface MaskingKeys {
  /** Names the masking key without telling anything about it: 8 characters, base64url. */
  readonly keyId: string;
  readonly ip: KeyObject;
  readonly deviceId: KeyObject;
  /** Seals the bodies of quarantined messages. */
  readonly quarantine: KeyObject;
  /** Tells equal bodies in the ledger. */
  readonly body: KeyObject;
}

/**
 * HKDF-SHA-256 (RFC 5869), both steps, with an empty salt.
 *
 * @param bytes length of the output, in bytes
 */
export function hkdf(master: Uint8Array, info: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", master, new Uint8Array(0), info, bytes));
}

/**
 * Derives every key from the masking key.
 *
 * @param master {@link MIN_KEY_BYTES} random bytes or more
 * @throws {RangeError} when it is shorter
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
