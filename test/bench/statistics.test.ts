import fc from "fast-check";
import { expect, test } from "vitest";
import { median, pairedRatio, rotated } from "../../bench/figures/statistics.ts";

test.each([
  [[], null],
  [[3], 3],
  [[9, 1, 2], 2],
  [[4, 1, 3, 10], 3.5],
])("the median of %j is %j", (values, expected) => {
  expect(median(values)).toBe(expected);
});

test("the median lies between the smallest and the largest, whatever the order", () => {
  const values = fc.array(fc.integer(), { minLength: 1 });
  fc.assert(
    fc.property(values, (list) => {
      const middle = median(list);
      expect(middle).toBe(median(list.toReversed()));
      expect(middle).toBeGreaterThanOrEqual(Math.min(...list));
      expect(middle).toBeLessThanOrEqual(Math.max(...list));
    }),
  );
});

test("ratios are taken within a round: a machine that slows down for a round changes nothing", () => {
  expect(pairedRatio([100, 10, 100], [50, 5, 50])).toBe(2);
  // The medians alone would give 100 / 5.
  expect(pairedRatio([100, 100, 10], [50, 5, 5])).toBe(2);
});

test("a round in which either is missing does not count", () => {
  expect(pairedRatio([100, null, 30], [50, 5, null])).toBe(2);
  expect(pairedRatio([100], [0])).toBeNull();
  expect(pairedRatio([], [])).toBeNull();
});

test("each round begins with another one, and leaves nobody out", () => {
  const list = ["a", "b", "c"];
  expect([0, 1, 2, 3].map((round) => rotated(list, round).join(""))).toEqual(["abc", "bca", "cab", "abc"]);
  expect(rotated([], 1)).toEqual([]);
});
