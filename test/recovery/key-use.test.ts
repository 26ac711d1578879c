import { describe, expect, it } from "vitest";
import { laterKey, mergeUses, unexpectedKey, type KeyUse } from "../../src/recovery/key-use.ts";

const use = (keyId: string, first: number, last = first): KeyUse => ({
  ...{ keyId, first: `2026-01-0${first}`, last: `2026-01-0${last}` },
});

const rotation = (keyId: string, at: number): KeyUse => ({ ...use(keyId, at), rotated: `2026-01-0${at}` });

const back = mergeUses([use("a", 1), rotation("b", 2), use("b", 3), rotation("a", 4)]);

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
    ["not right after a rotation to it", [use("a", 1), rotation("b", 2)], ["b"], undefined],
    ["if a rotation replaced it", [use("a", 1), rotation("b", 2)], ["a"], "b"],
    ["if it loads rows again and again after that", [use("a", 1, 3), rotation("b", 2)], ["a"], "b"],
    ["not because another host does that", [use("a", 1, 3), rotation("b", 2)], ["b"], undefined],
    ["if it is a third one", [use("a", 1), rotation("b", 2)], ["c"], "b"],
    ["not if it is newer than the rotation", [use("a", 1), rotation("b", 2), use("c", 3)], ["c"], undefined],
    ["if a newer one came into use after the rotation", [rotation("b", 2), use("c", 3)], ["b"], "c"],
    ["if a rotation went back", back, ["b"], "a"],
    ["also if both are configured, and a rotation went back", back, ["b", "a"], "a"],
    ["not if a rotation went back to it", back, ["a"], undefined],
  ])("%s", (_what, uses, configured, told) => {
    expect(unexpectedKey(uses, configured)?.keyId).toBe(told);
  });
});

it("tells whether the drain's key is the earlier one", () => {
  expect(unexpectedKey([use("a", 1), rotation("b", 2)], ["a"])?.isLater).toBe(true);
  expect(unexpectedKey([use("a", 1), rotation("b", 2)], ["c"])?.isLater).toBe(false);
});

it.each<[what: string, uses: readonly KeyUse[], keyId: string, told: string | undefined]>([
  ["no use is known", [], "a", undefined],
  ["the key is new", [use("a", 1)], "b", undefined],
  ["the key is in use", [use("a", 1), use("b", 2)], "b", undefined],
  ["the key was in use before another", [use("a", 1), use("b", 2)], "a", "b"],
  ["only another host still uses an earlier key", [use("a", 1, 3), use("b", 2)], "b", undefined],
  ["a host is late after a rotation", [use("a", 1, 3), rotation("b", 2)], "a", "b"],
  ["a rotation went back to it before", back, "a", undefined],
  ["a rotation went back from it before", back, "b", "a"],
])("a rotation goes back to an earlier key or not: %s", (_what, uses, keyId, told) => {
  expect(laterKey(uses, keyId)?.keyId).toBe(told);
});
