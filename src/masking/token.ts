// Pure: computes the tokens that replace personal values in the table.
import type { KeyObject } from "node:crypto";
import { hmac } from "./hmac.ts";
import type { MaskingKeys } from "./keys.ts";

/** Matches exactly a token; valid in JavaScript and in Postgres. */
export const TOKEN_PATTERN = "^h1\\.[A-Za-z0-9_-]{8}\\.[A-Za-z0-9_-]{43}$";

/** Computes a field's tokens. */
export type Mask = (canonical: Uint8Array) => string;

/**
 * `h1.` + key id + `.` + base64url(HMAC-SHA-256(key, canonical bytes)) (RFC 2104): 55 characters.
 * Equal bytes under one key give equal tokens. Without the key, a token can be neither computed nor reversed.
 *
 * @param field see {@link MaskingKeys.ofField}
 */
export function maskOf(keys: MaskingKeys, field: string): Mask {
  const mac = hmac(keys.ofField(field));
  return (canonical) => `h1.${keys.keyId}.${mac(canonical, "base64url")}`;
}

/** The id of the masking key in a token. */
export function keyIdOf(token: string): string {
  return token.split(".")[1] ?? "";
}

/** 16 bytes: long enough to rule out accidental collisions; RFC 2104, section 5, allows half of the hash or more. */
const MAC_DIGITS = 32;

/** Computes the MAC of a text. */
export type TextMac = (text: string) => string;

/** HMAC-SHA-256 of a text's UTF-8, truncated to 16 bytes, in hexadecimal. Equal for equal texts; without the key, they cannot be guessed from it. */
export function textMac(key: KeyObject): TextMac {
  const mac = hmac(key);
  return (text) => mac(text, "hex").slice(0, MAC_DIGITS);
}
