import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Invalid,
  LongNumber,
  NORMALIZATIONS,
  type Json,
  type Normalization,
} from "../../src/mapping/mapping.ts";
import { normalizer } from "../../src/mapping/normalize.ts";

const UUID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const NIL = "00000000-0000-0000-0000-000000000000";

function normalized(steps: readonly Normalization[], value: Json): Json | Invalid {
  const normalize = normalizer(steps);
  if (normalize === undefined) throw new Error("no steps");
  return normalize(value);
}

it("is nothing without steps", () => {
  expect(normalizer([])).toBeUndefined();
});

describe("a text is changed:", () => {
  it.each<[steps: readonly Normalization[], text: string, result: Json]>([
    [["trim"], " \t\n\v\f\r\u{a0}\u{feff}\u{2028}\u{3000}a b\u{1680} ", "a b"],
    [["trim"], "\u{85}\u{200b}a\0", "\u{85}\u{200b}a\0"],
    [["trim"], " ", ""],
    [["lower"], "ABC ÄÖÜ ΑΣ Ⅷ", "abc äöü ας ⅷ"],
    // not as in Turkish, which has no dot
    [["lower"], "I", "i"],
    [["lower"], "İ", "i\u{307}"],
    [["uuid"], UUID.toUpperCase(), UUID],
    [["uuid"], `{${UUID.toUpperCase()}}`, `{${UUID.toUpperCase()}}`],
    [["uuid"], "ABC", "ABC"],
    [["url_decode"], "red+flower%2B%C3%A9%20%F0%9F%93%B1.jpg", "red flower+é 📱.jpg"],
    [["url_decode"], "é%25", "é%"],
    [["url_decode"], "%00", "\0"],
    [["empty"], "", null],
    [["empty"], " ", " "],
    [["nil"], NIL, null],
    [["nil"], NIL.replaceAll("-", ""), NIL.replaceAll("-", "")],
    [["nil"], UUID, UUID],
    [["first"], "192.0.2.1, 198.51.100.1,203.0.113.1", "192.0.2.1"],
    [["first"], " 192.0.2.1 ,", "192.0.2.1"],
    [["first"], ",192.0.2.1", ""],
    [["first"], "192.0.2.1", "192.0.2.1"],
    [["first"], `${" ".repeat(119)}192.0.2.1,${"x".repeat(1_000_000)}`, "192.0.2.1"],
    [["last"], "192.0.2.1, 198.51.100.1, [2001:db8::1]:443 ", "[2001:db8::1]:443"],
    [["last"], "192.0.2.1,", ""],
    [["last"], "192.0.2.1", "192.0.2.1"],
    [["last"], `${"x".repeat(1_000_000)},192.0.2.1${" ".repeat(119)}`, "192.0.2.1"],
    [["decode"], '{"a":[1,null]}', { a: [1, null] }],
    [["decode"], "null", null],
    [["decode"], '"a"', "a"],
    // in this order
    [["trim", "empty"], " ", null],
    [["empty", "trim"], " ", ""],
    [["uuid", "nil"], NIL, null],
    [["url_decode", "trim"], "+a+", "a"],
    [["trim", "url_decode"], "+a+", " a "],
    [["lower", "uuid"], UUID.toUpperCase(), UUID],
    [["decode", "decode"], '"[1]"', [1]],
    // what is no longer text
    [["empty", "trim", "decode"], "", null],
    [["decode", "trim", "decode"], "1", 1],
  ])("%j: %j", (steps, text, result) => {
    expect(normalized(steps, text)).toEqual(result);
  });

  it.each(["first", "last"] as const)("not by %s, if an element is longer than an address can be", (step) => {
    const text = `${"1".repeat(129)},${"1".repeat(129)}`;
    expect(normalized([step], text)).toBe(text);
  });
});

describe("a text is rejected:", () => {
  it.each<[step: Normalization, text: string, reason: string]>([
    ["url_decode", "100%", "not URL-encoded"],
    ["url_decode", "%zz", "not URL-encoded"],
    ["url_decode", "%E9", "not URL-encoded"],
    ["url_decode", "%C0%80", "not URL-encoded"],
    ["url_decode", "%ED%A0%80", "not URL-encoded"],
    ["decode", "", "not JSON"],
    ["decode", "{a:1}", "not JSON"],
    ["decode", "NaN", "not JSON"],
    ["decode", `${"[".repeat(129)}${"]".repeat(129)}`, "deeper than 128 levels"],
  ])("%s: %j", (step, text, reason) => {
    expect(normalized([step, "trim"], text)).toMatchObject(new Invalid(reason));
  });
});

it("what is not text stays as it is", () => {
  fc.assert(
    fc.property(fc.constantFrom(...NORMALIZATIONS), (step) => {
      for (const value of [null, 0, 1.5, true, [" A "], { a: " A " }, new LongNumber("1e400")]) {
        expect(normalized([step], value)).toBe(value);
      }
    }),
  );
});

it("a text that was URL-encoded is itself again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(text.isWellFormed());
      expect(normalized(["url_decode"], encodeURIComponent(text))).toBe(text);
      expect(normalized(["url_decode"], new URLSearchParams({ a: text }).toString().slice(2))).toBe(text);
    }),
  );
});
