import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  columns,
  columnsWithin,
  columnsWithText,
  shorten,
  width,
  wrapLines,
} from "../../../src/cli/terminal/table.ts";

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
  ["\u001b[33mwarning:\u001b[39m", 8],
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

describe("a message on a terminal", () => {
  it.each<[string, string, number, string[]]>([
    [
      "is wrapped at spaces, with an indent",
      "warning: one two three four",
      20,
      ["warning: one two", "  three four"],
    ],
    ["can be as wide as the terminal", "warning: one two four", 21, ["warning: one two four"]],
    [
      "has a line of its own for what is wider",
      `the token h1.${"x".repeat(20)} is new`,
      20,
      ["the token", `  h1.${"x".repeat(20)}`, "  is new"],
    ],
    [
      "keeps a command whole",
      'Run "fetch-etl quarantine list" for details.',
      24,
      ["Run", '  "fetch-etl quarantine list"', "  for details."],
    ],
    [
      "keeps the punctuation at a command",
      'Run it again ("fetch-etl init"), then go on.',
      24,
      ["Run it again", '  ("fetch-etl init"),', "  then go on."],
    ],
    [
      "keeps an SQL statement whole",
      'As the owner, run: GRANT INSERT (a, b) ON "my table" TO "a b"; GRANT USAGE ON SCHEMA s TO "a b";',
      30,
      [
        "As the owner, run:",
        '  GRANT INSERT (a, b) ON "my table" TO "a b";',
        '  GRANT USAGE ON SCHEMA s TO "a b";',
      ],
    ],
    [
      "is no statement without a semicolon before its end",
      "Run ALTER DATABASE as its owner. Or name another; the end.",
      30,
      ["Run ALTER DATABASE as its", "  owner. Or name another; the", "  end."],
    ],
    [
      "has a mark that is alone",
      'the file ends in a lone " mark',
      22,
      ["the file ends in a", '  lone " mark'],
    ],
    [
      "keeps the indent of its lines",
      "h1.a\n  in 3 rows of 3 users, shared",
      22,
      ["h1.a", "  in 3 rows of 3", "    users, shared"],
    ],
    [
      "counts no colors",
      "\u001b[31merror:\u001b[39m one two four",
      20,
      ["\u001b[31merror:\u001b[39m one two four"],
    ],
    ["is not wrapped without a terminal", "warning: one two three four", 0, ["warning: one two three four"]],
    ["can be empty", "", 80, [""]],
  ])("%s", (_, text, most, lines) => {
    expect(wrapLines(text, most).split("\n")).toEqual(lines);
  });

  it("loses no word", () => {
    const words = fc.array(
      fc.constantFrom("a", "bc", '"', '"a b"', "GRANT", "x;", "y.", "\u001b[1mz\u001b[22m"),
    );
    fc.assert(
      fc.property(words, fc.integer({ min: 20, max: 40 }), (given, most) => {
        const lines = wrapLines(given.join(" "), most).split("\n");
        expect(lines.map((line) => line.trim()).join(" ")).toBe(given.join(" "));
      }),
    );
  });
});
