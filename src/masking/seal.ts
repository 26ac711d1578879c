// Pure: closes a message body, or a personal value, so that only the holder of the key can read it.
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

/** AES-GCM's own nonce length, bytes (NIST SP 800-38D, section 5.2.1.1). */
export const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM. The result is nonce, ciphertext and tag, one after the other.
 *
 * @param plain a text is sealed as its UTF-8
 * @param context what it belongs to; opening asks for the same, so that what is sealed cannot be moved elsewhere
 * @param nonce {@link NONCE_BYTES} random bytes, never used twice with one key
 */
export function seal(
  key: KeyObject,
  plain: Uint8Array | string,
  context: string,
  nonce: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(context));
  const sealed = typeof plain === "string" ? cipher.update(plain, "utf8") : cipher.update(plain);
  return Buffer.concat([nonce, sealed, cipher.final(), cipher.getAuthTag()]);
}

/**
 * What {@link seal} was given.
 *
 * @throws when key or context is another, or a byte was changed
 */
export function unseal(key: KeyObject, sealed: Uint8Array, context: string): Uint8Array {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
  return Buffer.concat([plain, decipher.final()]);
}
