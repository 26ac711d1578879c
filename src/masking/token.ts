// Pure: the token that stands in the table in place of a personal value.
import { createHmac, type KeyObject } from "node:crypto";
import type { MaskingKeys } from "./keys.ts";

/** Matches a token and nothing else; reads the same in JavaScript and in Postgres. */
export const TOKEN_PATTERN = "^h1\\.[A-Za-z0-9_-]{8}\\.[A-Za-z0-9_-]{43}$";

/**
 * `h1.` + key id + `.` + base64url(HMAC-SHA-256(key, canonical bytes)) (RFC 2104): 55 characters.
 * Equal bytes under one key give equal tokens; without the key a token can be neither computed nor undone.
 */
export function token(keyId: string, key: KeyObject, canonical: Uint8Array): string {
  return `h1.${keyId}.${createHmac("sha256", key).update(canonical).digest("base64url")}`;
}

/** The masking key's id in a token. */
export function keyIdOf(token: string): string {
  return token.split(".")[1] ?? "";
}

/** The masks of the two personal fields: canonical bytes in, token out. */
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

/** Enough that no two bodies are taken for one by chance; RFC 2104, section 5, allows half of the hash and more. */
const MAC_BYTES = 16;

/** HMAC-SHA-256 of the body's UTF-8, cut to 16 bytes. Equal bodies have equal ones; without the key nobody can try out bodies. */
export function bodyMac(key: KeyObject, body: string): Uint8Array {
  return createHmac("sha256", key).update(body).digest().subarray(0, MAC_BYTES);
}
