import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columns, columnsWithin, columnsWithText, shorten, width } from "../../../src/cli/terminal/table.ts";

it.each([
  ["", 0],
  ["android", 7],
  ["Gerät", 5],
  ["gera\u{308}t", 5],
  ["装置", 4],
  ["기기", 4],
  ["📱", 2],
  ["█▏…", 3],
  ["\u{fffd}[2J", 4],
])("%j takes %i columns of a terminal", (text, taken) => {
  expect(width(text)).toBe(taken);
});

describe("a text that is cut", () => {
  it.each([
    ["android", 7, "android"],
    ["android", 6, "andro…"],
    ["装置装置", 8, "装置装置"],
    ["装置装置", 6, "装置…"],
    ["gera\u{308}te", 5, "gera\u{308}…"],
  ])("%j to %i columns is %j", (text, most, cut) => {
    expect(shorten(text, most)).toBe(cut);
  });

  it("is never wider than it may be", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, most) => {
        expect(width(shorten(text, most))).toBeLessThanOrEqual(most);
      }),
    );
  });
});

it("cells stand under each other", () => {
  const table = columns([
    ["装置", "1"],
    ["ios", "12"],
  ]);
  expect(table).toBe("装置  1\nios   12\n");
});

describe("cells that do not fit", () => {
  const table = [
    ["  masked_ip", "h1.abcdefgh.xyz", "3 rows"],
    ["  id", "", "smallest to largest of them all"],
  ];

  it.each([
    [
      0,
      [
        "  masked_ip  h1.abcdefgh.xyz  3 rows",
        "  id                          smallest to largest of them all",
      ],
    ],
    [36, ["  masked_ip  h1.abcdefgh.xyz  3 rows", "  id", "      smallest to largest of them", "      all"]],
    [
      30,
      [
        "  masked_ip  h1.abcdefgh.xyz",
        "      3 rows",
        "  id",
        "      smallest to largest of",
        "      them all",
      ],
    ],
  ])("go below, wrapped at words: %i columns", (most, lines) => {
    expect(columnsWithin(table, most)).toBe(lines.map((line) => `${line}\n`).join(""));
  });

  it("go below also where the first one is too wide", () => {
    const reasons = [["  a long reason that needs two lines", "1 message"]];
    expect(columnsWithin(reasons, 26)).toBe("  a long reason that needs\n  two lines  1 message\n");
  });
});

describe("a column of text at the end", () => {
  const rows = [
    ["id", "reason"],
    ["装置", "one two three four five six seven"],
  ];

  it("is wrapped between words, under its own start", () => {
    expect(columnsWithText(rows, 28)).toBe("id    reason\n装置  one two three four\n      five six seven\n");
  });

  it.each([0, 20])("is one line without a terminal, and on one that is too narrow: %i columns", (most) => {
    expect(columnsWithText(rows, most)).toBe("id    reason\n装置  one two three four five six seven\n");
  });
});
