import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAppVersion, storedVersion, versionText, type AppVersion } from "../../src/login/app-version.ts";

function stored(value: string | number, style: "full" | "major" = "full"): number | string {
  const version = parseAppVersion(value);
  return typeof version === "string" ? version : storedVersion(version, style);
}

describe("an app version is stored as major·1,000,000 + minor·1,000 + patch", () => {
  it.each([
    ["2.3.0", 2_003_000],
    ["2.3", 2_003_000],
    ["2", 2_000_000],
    [2, 2_000_000],
    ["0.96", 96_000],
    ["6.02", 6_002_000],
    ["6.2", 6_002_000],
    ["02.3.0", 2_003_000],
    ["1.2.3", 1_002_003],
    ["0", 0],
    [0, 0],
    [-0, 0],
    ["0.0.0", 0],
    ["0.0.1", 1],
    ["0.999.999", 999_999],
    ["1.0.0", 1_000_000],
    ["10.0", 10_000_000],
    ["2147", 2_147_000_000],
    [2147, 2_147_000_000],
    ["2147.483.647", 2_147_483_647],
    ["1.0000000000000000999", 1_999_000],
  ])("%j is stored as %i", (value, expected) => {
    expect(stored(value)).toBe(expected);
  });

  it.each([
    ["2.3.0", 2],
    ["0.96", 0],
    [7, 7],
    ["2147.483.647", 2147],
  ])("and %j in style major as %i", (value, expected) => {
    expect(stored(value, "major")).toBe(expected);
  });
});

describe("an app version with a part out of range", () => {
  it.each([
    "2147.483.648",
    "2147.484",
    "2148",
    2148,
    "1.1000",
    "1.1000.0",
    "1.0.1000",
    "0.0.1000",
    "99999999999999999999",
    1e15,
    "9".repeat(400),
    `1.${"9".repeat(400)}`,
  ])("%j is refused", (value) => {
    expect(parseAppVersion(value)).toBe("out of range");
  });
});

describe("is not a version:", () => {
  it.each([
    "",
    ".",
    "1.",
    ".1",
    "1..2",
    "1.2.",
    "1.2.3.4",
    "v1",
    "1.2.3-beta",
    "1.2.3+4",
    "1.2a",
    " 1",
    "1 ",
    "1\n",
    "1. 2",
    "1,2",
    "1e3",
    "0x10",
    "-1",
    "+1",
    "1.-2",
    "١.٢",
    "１",
    "latest",
    "null",
    // as a number, 2.10 would be 2.1
    2.5,
    -1,
    -1.5,
    NaN,
    Infinity,
    -Infinity,
    1e-7,
  ])("%j", (value) => {
    expect(parseAppVersion(value)).toBe("not a version");
  });
});

const versions = fc.record({
  major: fc.oneof(fc.nat(12), fc.nat(2146)),
  minor: fc.oneof(fc.nat(12), fc.nat(999)),
  patch: fc.oneof(fc.nat(3), fc.nat(999)),
});

const textOf = ({ major, minor, patch }: AppVersion): string => `${major}.${minor}.${patch}`;

function compare(a: AppVersion, b: AppVersion): number {
  return Math.sign(a.major - b.major || a.minor - b.minor || a.patch - b.patch);
}

describe("stored versions", () => {
  it("sort as versions do, and are equal only where the versions are", () => {
    fc.assert(
      fc.property(versions, versions, (a, b) => {
        expect(Math.sign(Number(stored(textOf(a))) - Number(stored(textOf(b))))).toBe(compare(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  it("give the version back", () => {
    fc.assert(
      fc.property(versions, (version) => {
        expect(versionText(storedVersion(version, "full"), "full")).toBe(textOf(version));
        expect(versionText(storedVersion(version, "major"), "major")).toBe(String(version.major));
      }),
      { numRuns: 1000 },
    );
  });

  it("are what their text is stored as, whatever integer the table holds", () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(9_999_999), fc.nat(2_147_483_647)), (integer) => {
        expect(stored(versionText(integer, "full"))).toBe(integer);
        expect(versionText(integer, "major")).toBe(String(integer));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [2_003_001, "2.3.1"],
    [0, "0.0.0"],
    [96_000, "0.96.0"],
    [2_147_483_647, "2147.483.647"],
    [-2_003_001, "-2003001"],
  ])("%i is read as %s", (integer, text) => {
    expect(versionText(integer, "full")).toBe(text);
  });

  it("do not depend on leading zeros, nor on parts that are 0", () => {
    fc.assert(
      fc.property(versions, fc.nat(3), ({ major, minor }, zeros) => {
        const short = stored(`${major}.${minor}`);
        expect(stored(`${major}.${minor}.0`)).toBe(short);
        expect(stored(`${"0".repeat(zeros)}${major}.${"0".repeat(zeros)}${minor}`)).toBe(short);
      }),
    );
  });
});

it("whatever text or number it is, a version is read, or refused in one of two ways", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.maxSafeInteger()), (value) => {
      const result = parseAppVersion(value);
      if (typeof result === "string") expect(["not a version", "out of range"]).toContain(result);
      else expect(storedVersion(result, "full")).toBeLessThanOrEqual(2_147_483_647);
    }),
    { numRuns: 1000 },
  );
});
