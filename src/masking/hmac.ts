// Pure: HMAC-SHA-256 for many short messages under one key.
import { hash, type BinaryToTextEncoding, type KeyObject } from "node:crypto";

/** HMAC-SHA-256 of bytes, or of a text's UTF-8. */
export type Hmac = (message: Uint8Array | string, encoding: BinaryToTextEncoding) => string;

/** The block size of SHA-256 and the length of its output, bytes (FIPS 180-4). */
const BLOCK = 64;
const OUTPUT = 32;
/** RFC 2104, section 2. */
const IPAD = 0x36;
const OPAD = 0x5c;
/** Longer messages get a buffer of their own, bytes. */
const MAX_SHORT = 1024;
/** The most bytes of UTF-8 for a UTF-16 unit. */
const MAX_UTF8 = 3;

/**
 * HMAC-SHA-256 (RFC 2104) as two hashes, with the padded key computed once. `createHmac` makes a stream and imports the key for each
 * message, which takes twice the CPU time.
 */
export function hmac(key: KeyObject): Hmac {
  const exported = key.export();
  const padded = exported.length > BLOCK ? hash("sha256", exported, "buffer") : exported;
  const inner = Buffer.alloc(BLOCK + MAX_SHORT, IPAD);
  const outer = Buffer.alloc(BLOCK + OUTPUT, OPAD);
  for (const [index, byte] of padded.entries()) {
    inner[index] = byte ^ IPAD;
    outer[index] = byte ^ OPAD;
  }
  const ipad = inner.subarray(0, BLOCK);
  /** `inner` up to the end of a message, by its length. */
  const upTo: Buffer[] = [];
  const innerOf = (message: Uint8Array | string): Buffer => {
    if (message.length > (typeof message === "string" ? MAX_SHORT / MAX_UTF8 : MAX_SHORT))
      return Buffer.concat([ipad, typeof message === "string" ? Buffer.from(message) : message]);
    let { length } = message;
    if (typeof message === "string") length = inner.write(message, BLOCK);
    else inner.set(message, BLOCK);
    return (upTo[length] ??= inner.subarray(0, BLOCK + length));
  };
  return (message, encoding) => {
    // As text, because it takes less time than as bytes.
    outer.write(hash("sha256", innerOf(message), "binary"), BLOCK, "binary");
    return hash("sha256", outer, encoding);
  };
}
