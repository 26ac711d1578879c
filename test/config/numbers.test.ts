import { describe, expect, it } from "vitest";
import { wholeNumber } from "../../src/config/readers.ts";
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

  it("that is not given is none, and no mistake", () => {
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
      told: ["--count takes a whole number from 1 to 10."],
    });
  });

  it.each(["9007199254740992", "9007199254740993", "1".repeat(400)])(
    "is not %s, which cannot be counted",
    (text) => {
      expect(flag(text, { min: 1 })).toEqual({
        value: undefined,
        told: ["--count takes a whole number of 1 or more."],
      });
    },
  );
});
