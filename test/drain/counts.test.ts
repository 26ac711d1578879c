import { expect, it } from "vitest";
import { countReasons, frequentReasons, newCounts } from "../../src/drain/counts.ts";

it("counts a message once for each reason, wherever in it, and not for those that were cut off", () => {
  const counts = newCounts();
  countReasons(counts, ["record 0: ip: missing", "record 7: ip: missing", "1,200 other reasons"]);
  countReasons(counts, ["ip: missing", "user_id: missing"]);
  countReasons(counts, ["user_id: missing"]);
  countReasons(counts, ["ip: missing"]);
  expect(frequentReasons(counts)).toEqual([
    { reason: "ip: missing", count: 3 },
    { reason: "user_id: missing", count: 2 },
  ]);
});

it("keeps a bounded number of reasons, and goes on counting those", () => {
  const counts = newCounts();
  for (let index = 0; index < 5_000; index += 1)
    countReasons(counts, [`constraint c${index}`, "ip: missing"]);
  expect(counts.reasons.size).toBe(1_000);
  expect(frequentReasons(counts)[0]).toEqual({ reason: "ip: missing", count: 5_000 });
});
