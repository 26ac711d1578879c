// Pure: encrypts message bodies and personal values.
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

/** Length of an AES-GCM nonce, bytes (NIST SP 800-38D, section 5.2.1.1). */
export const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM. The result is nonce, ciphertext and tag, concatenated.
 *
 * @param plain a text is encoded as UTF-8
 * @param context the additional authenticated data: opening requires the same, so a sealed value cannot be moved to another record
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
 * Decrypts what {@link seal} returned.
 *
 * @throws if the key or context differs, or a byte was changed
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
