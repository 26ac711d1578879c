import { describe, expect, it } from "vitest";
import { duration, wholeNumber } from "../../src/config/readers.ts";
import { reading } from "./told.ts";

const flag = (text: string | undefined, range: { min: number; max?: number }) =>
  reading((problems) => wholeNumber(text, "--count", range, problems));

describe("a whole number", () => {
  it.each([
    ["1", 1],
    ["9", 9],
    ["10", 10],
    ["007", 7],
  ])("%s from 1 to 10 is %i", (text, value) => {
    expect(flag(text, { min: 1, max: 10 })).toEqual({ value, told: [] });
  });

  it("that is not given is undefined, and not a mistake", () => {
    expect(flag(undefined, { min: 1 })).toEqual({ value: undefined, told: [] });
  });

  it("may be 0 where 0 is the least, and as large as a number can count", () => {
    expect(flag("0", { min: 0 }).value).toBe(0);
    expect(flag("9007199254740991", { min: 0 }).value).toBe(9007199254740991);
  });

  it.each([
    "",
    " ",
    "0",
    "11",
    "-1",
    "+1",
    "1.5",
    "1.0",
    "1e1",
    "0x5",
    " 5",
    "5 ",
    "5\n",
    "five",
    "NaN",
    "Infinity",
    "٥",
  ])("is not %j, which is told with the range", (text) => {
    expect(flag(text, { min: 1, max: 10 })).toEqual({
      value: undefined,
      told: ["--count / FETCH_ETL_COUNT takes a whole number from 1 to 10."],
    });
  });

  it.each(["9007199254740992", "9007199254740993", "1".repeat(400)])(
    "is not %s, which cannot be counted",
    (text) => {
      expect(flag(text, { min: 1 })).toEqual({
        value: undefined,
        told: ["--count / FETCH_ETL_COUNT takes a whole number of 1 or more."],
      });
    },
  );
});

describe("a duration", () => {
  const read = (text: string | undefined, unit: "second" | "day", max = 1_000_000) =>
    reading((problems) => duration(text, "--x", unit, { min: 0, max }, problems));

  it.each([
    ["30s", "second", 30],
    ["5m", "second", 300],
    ["1h", "second", 3_600],
    ["2d", "second", 172_800],
    ["1h30m", "second", 5_400],
    ["1d2h3m4s", "second", 93_784],
    ["90", "second", 90],
    ["0", "second", 0],
    ["30d", "day", 30],
    ["48h", "day", 2],
    ["86400s", "day", 1],
    ["30", "day", 30],
  ] as const)("%s in %ss is %i", (text, unit, value) => {
    expect(read(text, unit)).toEqual({ value, told: [] });
  });

  it("that is not given is undefined, and not a mistake", () => {
    expect(read(undefined, "second")).toEqual({ value: undefined, told: [] });
  });

  it.each([
    "",
    "s",
    "5 m",
    "5M",
    "1.5h",
    "-1s",
    "30m1h",
    "1h1h",
    "5min",
    "PT5M",
    "1w",
    "5m\n",
    "1000001s",
    "9".repeat(400),
  ])("is not %j", (text) => {
    const sentence = "--x / FETCH_ETL_X takes 0 to 1000000 whole seconds, such as 30s, 5m or 1h.";
    expect(read(text, "second")).toEqual({ value: undefined, told: [sentence] });
  });

  it.each(["36h", "1d1s", "30m"])("is not %s if whole days are required", (text) => {
    expect(read(text, "day")).toEqual({
      value: undefined,
      told: ["--x / FETCH_ETL_X takes 0 to 1000000 whole days, such as 30d."],
    });
  });
});
