import { createSecretKey } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { textMac } from "../../src/masking/token.ts";

const key = createSecretKey(Buffer.alloc(32, 1));

it("a text's MAC is HMAC-SHA-256, cut to 16 bytes: RFC 4231, test case 5", () => {
  const short = createSecretKey(Buffer.alloc(20, 0x0c));
  expect(textMac(short)("Test With Truncation")).toBe("a3b6167473100ee06e0c796c2955552b");
});

it("is the same for the same body alone, and another one under another key", () => {
  const [mac, otherMac] = [textMac(key), textMac(createSecretKey(Buffer.alloc(32, 2)))];
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
      expect(mac(a) === mac(b)).toBe(a === b);
      expect(mac(a)).not.toBe(otherMac(a));
    }),
  );
});
