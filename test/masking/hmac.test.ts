import { createHmac, createSecretKey } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hmac } from "../../src/masking/hmac.ts";

const utf8 = (text: string): Buffer => Buffer.from(text, "utf8");

describe("is HMAC-SHA-256: RFC 4231, section 4", () => {
  it.each([
    [
      "test case 1",
      Buffer.alloc(20, 0x0b),
      utf8("Hi There"),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ],
    [
      "test case 2, a key shorter than the digest",
      utf8("Jefe"),
      utf8("what do ya want for nothing?"),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    [
      "test case 3",
      Buffer.alloc(20, 0xaa),
      Buffer.alloc(50, 0xdd),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ],
    [
      "test case 4",
      Buffer.from("0102030405060708090a0b0c0d0e0f10111213141516171819", "hex"),
      Buffer.alloc(50, 0xcd),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ],
    [
      "test case 6, a key longer than the block",
      Buffer.alloc(131, 0xaa),
      utf8("Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
    [
      "test case 7, key and data longer than the block",
      Buffer.alloc(131, 0xaa),
      utf8(
        "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
      ),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ],
  ])("%s", (_name, key, data, digest) => {
    expect(hmac(createSecretKey(key))(data, "hex")).toBe(digest);
  });

  it("test case 5, of which the RFC gives the first 16 bytes", () => {
    const digest = hmac(createSecretKey(Buffer.alloc(20, 0x0c)))(utf8("Test With Truncation"), "hex");
    expect(digest.slice(0, 32)).toBe("a3b6167473100ee06e0c796c2955552b");
  });
});

describe("is what Node's createHmac computes", () => {
  const key = createSecretKey(Buffer.alloc(32, 7));
  const mac = hmac(key);

  it.each([0, 1, 16, 63, 64, 65, 1023, 1024, 1025, 100_000])(
    "of %i bytes, and after longer ones",
    (length) => {
      const message = Buffer.alloc(length, "abc");
      mac("a longer message before".repeat(40), "hex");
      expect(mac(message, "hex")).toBe(createHmac("sha256", key).update(message).digest("hex"));
    },
  );

  it("of any text, in any order, also with half of a surrogate pair", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.string({
        unit: fc.constantFrom("a", "é", "€", "\u{1f600}", "\ud800"),
        minLength: 330,
        maxLength: 350,
      }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom("hex", "base64url"), (message, encoding) => {
        expect(mac(message, encoding)).toBe(createHmac("sha256", key).update(message).digest(encoding));
      }),
    );
  });
});
