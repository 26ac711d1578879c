import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { width } from "../../../src/cli/terminal/table.ts";
import { barLines, blocks, share, type Counted } from "../../../src/cli/terminal/bars.ts";

function drawn(counted: readonly Counted[], columns: number): string[] {
  return barLines(counted, columns).map(({ before, bar, after }) => before + bar + after);
}

describe("a bar", () => {
  it.each([
    [0, 4, ""],
    [1, 4, "████"],
    [0.5, 4, "██"],
    [0.5, 1, "▌"],
    [0.625, 4, "██▌"],
    [1 / 8, 1, "▏"],
    [7 / 8, 1, "▉"],
    // what is there can be seen
    [0.000_001, 4, "▏"],
    [0.999_999, 4, "████"],
    [0.5, 0, ""],
  ])("of %d in %i characters is %j", (fraction, width, bar) => {
    expect(blocks(fraction, width)).toBe(bar);
  });

  it("grows with what it stands for, and is never longer than its place", () => {
    const fractions = fc.double({ min: 0, max: 1, noNaN: true });
    const eighths = (bar: string): number =>
      Array.from(bar).reduce((sum, block) => sum + (0x2590 - (block.codePointAt(0) ?? 0)), 0);
    fc.assert(
      fc.property(fractions, fractions, fc.nat(60), (a, b, width) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((each) => blocks(each, width));
        expect(eighths(less ?? "")).toBeLessThanOrEqual(eighths(more ?? ""));
        expect(Array.from(more ?? "").length).toBeLessThanOrEqual(width);
      }),
    );
  });
});

it.each([
  [0, 10, "0%"],
  [0, 0, "0%"],
  [10, 10, "100%"],
  [1, 3, "33%"],
  [2, 3, "67%"],
  [1, 1000, "<1%"],
  [999, 1000, ">99%"],
])("%i of %i is %s", (part, whole, text) => {
  expect(share(part, whole)).toBe(text);
});

describe("lines", () => {
  it("hold label, bar, count and share, each under the other; a rest has no bar and takes none of the others'", () => {
    expect(
      drawn(
        [
          { label: "US", count: 1200 },
          { label: "(null)", count: 300 },
          { label: "12 others", count: 4500, isRest: true },
        ],
        40,
      ),
    ).toEqual([
      "  US         ███████████████  1,200  20%",
      "  (null)     ███▊               300   5%",
      "  12 others                   4,500  75%",
    ]);
  });

  it("have no bar where there is no room for one", () => {
    expect(drawn([{ label: "android", count: 1_000_000 }], 30)).toEqual([
      "  android  █████  1,000,000  100%".replace("█████  ", ""),
    ]);
  });

  it("cut a long label", () => {
    expect(drawn([{ label: "zh-Hant-TW-x-private", count: 1 }], 40)).toEqual([
      "  zh-Hant-TW-…  ███████████████  1  100%",
    ]);
  });

  it("are none where nothing was counted, and without bars where all is 0", () => {
    expect(drawn([], 80)).toEqual([]);
    expect(drawn([{ label: "1", count: 0 }], 80)[0]?.trimEnd()).toMatch(/^ {2}1 +0 {2}0%$/);
  });

  it("fit their columns, whatever was counted", () => {
    const counted = fc.record({
      label: fc.string({ unit: "grapheme", maxLength: 32 }),
      count: fc.nat(10_000_000),
      isRest: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(counted, { minLength: 1, maxLength: 26 }),
        fc.integer({ min: 40, max: 200 }),
        (all, columns) => {
          const lengths = drawn(all, columns).map(width);
          expect(Math.max(...lengths)).toBeLessThanOrEqual(columns);
          expect(new Set(lengths).size).toBe(1);
        },
      ),
    );
  });
});
