// Files that nobody wrote by hand: a mistake is told, nothing crashes, nothing takes long.
import fc from "fast-check";
import { expect, it } from "vitest";
import { readMapping } from "../../src/mapping/file.ts";
import { mistakesIn, withColumn } from "./mistakes.ts";

const MIB = 1_048_576;

it.each([
  ["[", MIB],
  ["{", MIB],
  ["{a: ", MIB / 4],
  ["- ", MIB / 2],
  ["? ", MIB / 2],
  ["a: ", MIB / 3],
])("%j over a whole file is told as nesting", (part, count) => {
  expect(mistakesIn(part.repeat(count))).toEqual([
    expect.stringMatching(/^1:\d+: The file is nested too deeply\.$/),
  ]);
});

it("takes no steps of indentation without end", () => {
  const steps = Array.from({ length: 1_400 }, (_, index) => `${" ".repeat(index)}a:\n`).join("");
  expect(mistakesIn(steps)).toEqual([expect.stringContaining("The file is nested too deeply.")]);
});

it.each(["]", "'", "&a ", "!a ", "%a\n", "\u0000"])("%j twenty thousand times is one mistake", (part) => {
  expect(mistakesIn(part.repeat(20_000))).toEqual([expect.stringMatching(/^\d+:\d+: \S/)]);
});

it("takes no file of more than 1 MiB in UTF-8", () => {
  const file = `${withColumn("{}")}# `;
  const rest = MIB - file.length;
  expect(mistakesIn(file + "x".repeat(rest))).toEqual([]);
  expect(mistakesIn(file + "x".repeat(rest + 1))).toEqual(["1:1: The file is longer than 1 MiB."]);
  expect(mistakesIn(file + "ü".repeat(rest / 2 + 1))).toEqual(["1:1: The file is longer than 1 MiB."]);
});

it("takes no file of more parts than a mapping has", () => {
  expect(mistakesIn("k: 1\n".repeat(60_000))).toEqual([
    expect.stringContaining("The file has too many parts for a mapping."),
  ]);
});

it("expands no aliases", () => {
  const bomb = Array.from(
    { length: 20 },
    (_, level) => `k${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}]`,
  );
  const mistakes = mistakesIn(bomb.join("\n"));
  expect(mistakes).toContain(
    "2:10: An alias (*) is not possible: write the value again, or quote a text that begins with *.",
  );
});

it("tells at most a hundred mistakes, and how many more there are", () => {
  const text = `version: 1\n${Array.from({ length: 300 }, (_, index) => `k${index}: 1`).join("\n")}`;
  const mistakes = mistakesIn(text);
  expect(mistakes).toHaveLength(101);
  expect(mistakes.at(-1)).toMatch(/^\d+:1: There are 20[0-9] mistakes from here on\.$/);
});

it("gives no object another prototype", () => {
  const key = '"__proto__": { "polluted": true }';
  for (const text of [`{ ${key} }`, withColumn(`{ ${key} }`), `{ "columns": { ${key} } }`]) {
    expect(mistakesIn(text)).toContainEqual(expect.stringContaining("__proto__ is not possible as a key"));
  }
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
});

it("reads any text without an error", () => {
  const pieces = fc.constantFrom(
    ...[
      "version: 1\n",
      "table: a.b\n",
      "columns:\n",
      "  a: ",
      "{ ",
      "} ",
      "[",
      "]",
      "type: date",
      "mask: ",
      ", ",
    ],
    ...[
      "&a",
      "*a",
      "!!int ",
      "|\n",
      ">\n",
      "'",
      '"',
      "# ",
      "? ",
      "- ",
      "<<: ",
      "\t",
      "\uFEFF",
      "\u0000",
      "\ud800",
    ],
    ...["null", "1e400", "__proto__: ", "$", "~", "%YAML 1.1\n", "---\n", "when: ", "from: ", "{}\n"],
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
      const result = readMapping(parts.join(""));
      if (!("mapping" in result)) expect(result.mistakes.length).toBeGreaterThan(0);
    }),
    { numRuns: 1_000 },
  );
});
