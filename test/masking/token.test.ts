import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deriveKeys } from "../../src/masking/keys.ts";
import { keyIdOf, maskOf, TOKEN_PATTERN } from "../../src/masking/token.ts";

const utf8 = (text: string): Buffer => Buffer.from(text, "utf8");

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
