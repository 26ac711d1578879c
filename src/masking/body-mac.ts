// Pure: a keyed fingerprint of a message's body.
import { createHmac, type KeyObject } from "node:crypto";

/** Enough that no two bodies are taken for one by chance; RFC 2104, section 5, allows half of the hash and more. */
const MAC_BYTES = 16;

/** HMAC-SHA-256 of the body's UTF-8, cut to 16 bytes. Equal bodies have equal ones; without the key nobody can try out bodies. */
export function bodyMac(key: KeyObject, body: string): Uint8Array {
  return createHmac("sha256", key).update(body).digest().subarray(0, MAC_BYTES);
}
