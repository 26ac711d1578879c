// Pure: computes the tokens that replace personal values in the table.
import { createHmac, type KeyObject } from "node:crypto";
import type { MaskingKeys } from "./keys.ts";

/** Matches exactly a token; valid in JavaScript and in Postgres. */
export const TOKEN_PATTERN = "^h1\\.[A-Za-z0-9_-]{8}\\.[A-Za-z0-9_-]{43}$";

/**
 * `h1.` + key id + `.` + base64url(HMAC-SHA-256(key, canonical bytes)) (RFC 2104): 55 characters.
 * Equal bytes under one key give equal tokens. Without the key, a token can be neither computed nor reversed.
 */
export function token(keyId: string, key: KeyObject, canonical: Uint8Array): string {
  return `h1.${keyId}.${createHmac("sha256", key).update(canonical).digest("base64url")}`;
}

/** The id of the masking key in a token. */
export function keyIdOf(token: string): string {
  return token.split(".")[1] ?? "";
}

/** Computes the tokens of the two personal fields from canonical bytes. */
export interface Mask {
  ip(canonical: Uint8Array): string;
  deviceId(canonical: Uint8Array): string;
}

export function createMask(keys: MaskingKeys): Mask {
  return {
    ip: (canonical) => token(keys.keyId, keys.ip, canonical),
    deviceId: (canonical) => token(keys.keyId, keys.deviceId, canonical),
  };
}

/** Long enough to rule out accidental collisions; RFC 2104, section 5, allows half of the hash or more. */
const MAC_BYTES = 16;

/** HMAC-SHA-256 of the body's UTF-8, truncated to 16 bytes. Equal for equal bodies; without the key, bodies cannot be guessed from it. */
export function bodyMac(key: KeyObject, body: string): Uint8Array {
  return createHmac("sha256", key).update(body).digest().subarray(0, MAC_BYTES);
}
