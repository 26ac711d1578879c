import { createSecretKey } from "node:crypto";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { NONCE_BYTES, seal, unseal } from "../../src/masking/seal.ts";

const keyBytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const nonces = fc.uint8Array({ minLength: NONCE_BYTES, maxLength: NONCE_BYTES });
const texts = fc.string({ unit: "binary" });

const key = createSecretKey(Buffer.alloc(32, 7));
const nonce = new Uint8Array(NONCE_BYTES);
let sealed = new Uint8Array();
beforeEach(() => {
  sealed = Uint8Array.from(seal(key, Buffer.from('{"ip":"192.0.2.1"}'), "message 1", nonce));
});

describe("what is sealed", () => {
  it("is AES-256-GCM: the GCM specification's test case 14 (a block of zeros, no context)", () => {
    const zeros = createSecretKey(Buffer.alloc(32));
    const bytes = seal(zeros, Buffer.alloc(16), "", nonce);
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "000000000000000000000000" + "cea7403d4d606b6e074ec5d3baf39d18" + "d0d1c8a799996bf0265b98b5d48ab919",
    );
  });

  it("is opened by the key and the context that closed it, whatever it is", () => {
    fc.assert(
      fc.property(keyBytes, fc.uint8Array(), texts, nonces, (bytes, plain, context, number) => {
        const secret = createSecretKey(bytes);
        expect(unseal(secret, seal(secret, plain, context, number), context)).toEqual(Buffer.from(plain));
      }),
    );
  });

  it("shows nothing of the text but its length", () => {
    expect(Buffer.from(sealed).includes("192.0.2.1")).toBe(false);
    expect(sealed).toHaveLength(NONCE_BYTES + '{"ip":"192.0.2.1"}'.length + 16);
  });

  it("is not opened by another key", () => {
    fc.assert(
      fc.property(keyBytes, (bytes) => {
        fc.pre(!Buffer.alloc(32, 7).equals(bytes));
        expect(() => unseal(createSecretKey(bytes), sealed, "message 1")).toThrow();
      }),
    );
  });

  it.each(["", "message 2", "message 1 ", "MESSAGE 1"])("is not opened in the context %j", (context) => {
    expect(() => unseal(key, sealed, context)).toThrow();
  });

  it("is not opened with any bit flipped", () => {
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.nat(7), (index, bit) => {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(index) ^ (1 << bit), index);
        expect(() => unseal(key, changed, "message 1")).toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it.each(Array.from(sealed.keys()))("is not opened when only its first %i bytes are left", (length) => {
    expect(() => unseal(key, sealed.subarray(0, length), "message 1")).toThrow();
  });

  // AES-GCM knows tags of these lengths too, which are easier to guess (NIST SP 800-38D, section 5.2.1.2).
  it.each([12, 13, 14, 15])("is not opened where only %i bytes are left for the tag", (length) => {
    expect(() => unseal(key, sealed.subarray(0, length), "message 1")).toThrow(
      expect.objectContaining({ code: "ERR_CRYPTO_INVALID_AUTH_TAG" }),
    );
  });
});
