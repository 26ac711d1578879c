import { createSecretKey } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deriveKeys } from "../../src/masking/keys.ts";
import { keyIdOf, maskOf, token, TOKEN_PATTERN } from "../../src/masking/token.ts";

const utf8 = (text: string): Buffer => Buffer.from(text, "utf8");

describe("the token's digest is HMAC-SHA-256: RFC 4231, section 4", () => {
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
    const base64url = Buffer.from(digest, "hex").toString("base64url");
    expect(token("kidkidki", createSecretKey(key), data)).toBe(`h1.kidkidki.${base64url}`);
  });

  it("test case 5, of which the RFC gives the first 16 bytes", () => {
    const made = token("kidkidki", createSecretKey(Buffer.alloc(20, 0x0c)), utf8("Test With Truncation"));
    const digest = Buffer.from(made.slice("h1.kidkidki.".length), "base64url").toString("hex");
    expect(digest.slice(0, 32)).toBe("a3b6167473100ee06e0c796c2955552b");
  });
});

describe("a token", () => {
  const [keys, others] = [deriveKeys(Buffer.alloc(32, 1)), deriveKeys(Buffer.alloc(32, 2))];

  it("of one value is another in the other field and under another key", () => {
    const bytes = utf8("192.0.2.1");
    const masks = [keys, others].flatMap((each) => [maskOf(each, "ip"), maskOf(each, "device_id")]);
    const tokens = masks.map((mask) => mask(bytes));
    expect(new Set(tokens.map((made) => made.slice(-43))).size).toBe(4);
  });

  it("matches the pattern, whatever was masked", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ minLength: 32, maxLength: 64 }), (bytes, master) => {
        const made = maskOf(deriveKeys(master), "ip")(bytes);
        expect(made).toMatch(new RegExp(TOKEN_PATTERN));
        expect(made).toHaveLength(55);
      }),
    );
  });
});

describe("the pattern of tokens", () => {
  const pattern = new RegExp(TOKEN_PATTERN);
  const digest = "3Gh2f0UC4YUXiwqmlQL4YZVTUyqrC7WAQWGqRqjYPl0";

  it("matches a token", () => {
    expect(`h1.4gJYRHHG.${digest}`).toMatch(pattern);
    expect(`h1.-_-_-_-_.${digest}`).toMatch(pattern);
  });

  it.each([
    ["nothing", ""],
    ["an address", "192.0.2.1"],
    ["a device id", "913-24-5928"],
    ["a plain SHA-256 in hexadecimal", "a".repeat(64)],
    ["a digest alone", digest],
    ["another scheme", `h2.4gJYRHHG.${digest}`],
    ["an upper-case scheme", `H1.4gJYRHHG.${digest}`],
    ["a digest one character short", `h1.4gJYRHHG.${digest.slice(1)}`],
    ["a digest one character long", `h1.4gJYRHHG.${digest}A`],
    ["a key id one character short", `h1.4gJYRHH.${digest}`],
    ["a key id one character long", `h1.4gJYRHHGG.${digest}`],
    ["padding", `h1.4gJYRHHG.${digest.slice(1)}=`],
    ["base64 that is not base64url", `h1.4gJYRHHG.${digest.slice(1)}+`],
    ["other characters for the dots", `h1x4gJYRHHGx${digest}`],
    ["a line end behind it", `h1.4gJYRHHG.${digest}\n`],
    ["a blank before it", ` h1.4gJYRHHG.${digest}`],
    ["a token within a text", `ip h1.4gJYRHHG.${digest} masked`],
    ["a token on a line of its own", `a\nh1.4gJYRHHG.${digest}\nb`],
  ])("does not match %s", (_what, text) => {
    expect(text).not.toMatch(pattern);
  });
});

describe("the key id of a token", () => {
  it.each([Buffer.alloc(32, 1), Buffer.alloc(32, 2), Buffer.alloc(64, 3)])(
    "is that of its masking key",
    (master) => {
      const keys = deriveKeys(master);
      expect(keyIdOf(maskOf(keys, "ip")(new Uint8Array(16)))).toBe(keys.keyId);
    },
  );

  it.each(["", "none", "h1"])("is empty where %j is no token", (text) => {
    expect(keyIdOf(text)).toBe("");
  });
});
