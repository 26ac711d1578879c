import { expect, it } from "vitest";
import { countReasons, frequentReasons, newCounts } from "../../src/drain/counts.ts";

it("counts a message once for each reason, wherever in it, and not for those that were cut off", () => {
  const counts = newCounts();
  countReasons(counts, ["record 0: ip: missing", "record 7: ip: missing", "1,200 other reasons"]);
  countReasons(counts, ["ip: missing", "user_id: missing"]);
  countReasons(counts, ["user_id: missing"]);
  countReasons(counts, ["ip: missing"]);
  expect(frequentReasons(counts.reasons)).toEqual([
    { reason: "ip: missing", count: 3 },
    { reason: "user_id: missing", count: 2 },
  ]);
});

it("keeps a bounded number of reasons, and goes on counting those", () => {
  const counts = newCounts();
  for (let index = 0; index < 5_000; index += 1)
    countReasons(counts, [`constraint c${index}`, "ip: missing"]);
  expect(counts.reasons.size).toBe(1_000);
  expect(frequentReasons(counts.reasons)[0]).toEqual({ reason: "ip: missing", count: 5_000 });
});

it("counts a message that lacks every field for one reason as people read it, and for each of them otherwise", () => {
  const counts = newCounts();
  const group = { reasons: ["ip: missing", "user_id: missing"], name: "no login" };
  for (const reasons of [
    ["ip: missing", "user_id: missing"],
    ["user_id: missing", "attribute: missing", "ip: missing"],
    ["ip: missing"],
    ["record 0: ip: missing", "record 1: user_id: missing"],
  ])
    countReasons(counts, reasons, group);
  expect(Object.fromEntries(counts.shownReasons)).toEqual({
    "no login": 2,
    "ip: missing": 2,
    "user_id: missing": 1,
  });
  expect(Object.fromEntries(counts.reasons)).toEqual({
    "ip: missing": 4,
    "user_id: missing": 3,
    "attribute: missing": 1,
  });
});
