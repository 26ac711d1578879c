import { describe, expect, it } from "vitest";
import { laterKey, mergeUses, unexpectedKey, type KeyUse } from "../../src/recovery/key-use.ts";

const use = (keyId: string, first: number, last = first): KeyUse => ({
  ...{ keyId, first: `2026-01-0${first}`, last: `2026-01-0${last}` },
});

describe("a drain's key is told as unexpected", () => {
  it.each<[what: string, uses: readonly KeyUse[], configured: readonly string[], told: string | undefined]>([
    ["not where there are no rows", [], ["a"], undefined],
    ["not if it is that of the most recent rows", [use("a", 1), use("b", 2)], ["b"], undefined],
    ["if it was never used", [use("a", 1)], ["b"], "a"],
    ["not if it is new and the other is configured as an earlier one", [use("a", 1)], ["b", "a"], undefined],
    ["if it is the earlier one", [use("a", 1), use("b", 2)], ["a"], "b"],
    ["also if both are configured in the wrong order", [use("a", 1), use("b", 2)], ["a", "b"], "b"],
    ["not if only another host is late to change", [use("a", 1, 3), use("b", 2)], ["b", "a"], undefined],
    ["on the host that is late to change", [use("a", 1), use("b", 2)], ["a"], "b"],
    ["not after a return to the earlier one", [use("a", 1, 3), use("b", 2)], ["a"], undefined],
  ])("%s", (_what, uses, configured, told) => {
    expect(unexpectedKey(uses, configured)?.keyId).toBe(told);
  });
});

it.each<[what: string, uses: readonly KeyUse[], keyId: string, told: string | undefined]>([
  ["no use is known", [], "a", undefined],
  ["the key is new", [use("a", 1)], "b", undefined],
  ["the key is in use", [use("a", 1), use("b", 2)], "b", undefined],
  ["the key was in use before another", [use("a", 1), use("b", 2)], "a", "b"],
  ["only another host still uses an earlier key", [use("a", 1, 3), use("b", 2)], "b", undefined],
  ["a rotation went back to it before", mergeUses([use("a", 1), use("b", 2), use("a", 3)]), "a", undefined],
])("a rotation goes back to an earlier key or not: %s", (_what, uses, keyId, told) => {
  expect(laterKey(uses, keyId)?.keyId).toBe(told);
});
