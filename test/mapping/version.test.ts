import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Invalid } from "../../src/mapping/mapping.ts";
import { COLUMN_TYPES } from "../../src/mapping/types.ts";
import { spellVersion } from "../../src/mapping/types/version.ts";
import { columnOf } from "./values.ts";

type AppVersionStyle = "full" | "major";

function stored(value: string | number, style: AppVersionStyle = "full"): number | string {
  const type = style === "full" ? "version" : "version_major";
  const cell = COLUMN_TYPES[type].text(columnOf(type))(value);
  return cell instanceof Invalid ? cell.reason : Number(cell);
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
    // a leading v, and SemVer's build metadata, which has no precedence (SemVer 2.0.0, section 10)
    ["v2.3.1", 2_003_001],
    ["V2.3.1", 2_003_001],
    ["v2", 2_000_000],
    ["1.0.0+17", 1_000_000],
    ["1.0.0+20130313144700", 1_000_000],
    ["1.0.0+exp.sha.5114f85", 1_000_000],
    ["1.0.0+21AF26D3---117B344092BD", 1_000_000],
    ["1.0.0+-", 1_000_000],
    ["v2.3+0.0", 2_003_000],
    [`1.2.3+${"a".repeat(250)}`, 1_002_003],
  ])("%j is stored as %i", (value, expected) => {
    expect(stored(value)).toBe(expected);
  });

  it.each([
    ["2.3.0", 2],
    ["0.96", 0],
    [7, 7],
    ["2147.483.647", 2147],
    // only what is stored has to be in range
    ["20240115", 20_240_115],
    [20240115, 20_240_115],
    ["2024.1000.5000", 2024],
    ["v2147483647.9999999999", 2_147_483_647],
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
    2 ** 53,
    "9".repeat(256),
    `1.${"9".repeat(254)}`,
  ])("%j is refused", (value) => {
    expect(stored(value)).toBe("out of range");
  });

  it.each(["2147483648", 2147483648, "99999999999999999999.1", "9".repeat(256)])(
    "%j is refused in style major too",
    (value) => {
      expect(stored(value, "major")).toBe("out of range");
    },
  );
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
    "1.2.3-beta",
    "1.2.3-beta+4",
    "1.2.3-1",
    "1.2.3.4+5",
    "1.2.3+",
    "1.2.3+a..b",
    "1.2.3+.a",
    "1.2.3+a.",
    "1.2.3+a_b",
    "1.2.3+a+b",
    "1.2.3+ä",
    "1.2.3+\u017f",
    "1.2.3+a b",
    "1.2.3+4\n",
    "1.2.3\n",
    "\n1.2.3",
    "1.2\n.3",
    "v",
    "vv1",
    "v 1",
    "1v",
    "v.1",
    "version 1",
    "+1",
    `1.2.3+${"a".repeat(251)}`,
    "1".repeat(257),
    "1.2a",
    " 1",
    "1 ",
    "1\n",
    "1. 2",
    "1,2",
    "1e3",
    "0x10",
    "-1",
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
    1e21,
  ])("%j", (value) => {
    expect(stored(value)).toBe("not a version");
    expect(stored(value, "major")).toBe("not a version");
  });
});

const versions = fc.record({
  major: fc.oneof(fc.nat(12), fc.nat(2146)),
  minor: fc.oneof(fc.nat(12), fc.nat(999)),
  patch: fc.oneof(fc.nat(3), fc.nat(999)),
});

interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

const textOf = ({ major, minor, patch }: Version): string => `${major}.${minor}.${patch}`;

function compare(a: Version, b: Version): number {
  return Math.sign(a.major - b.major || a.minor - b.minor || a.patch - b.patch);
}

describe("stored versions", () => {
  it("sort as versions do, and are equal only where the versions are", () => {
    fc.assert(
      fc.property(versions, versions, (a, b) => {
        return Math.sign(Number(stored(textOf(a))) - Number(stored(textOf(b)))) === compare(a, b);
      }),
      { numRuns: 2000 },
    );
  });

  it("give the version back", () => {
    fc.assert(
      fc.property(versions, (version) => {
        const text = textOf(version);
        expect(spellVersion(Number(stored(text)))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it("are what their text is stored as, whatever integer the table holds", () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(9_999_999), fc.nat(2_147_483_647)), (integer) => {
        expect(stored(spellVersion(integer))).toBe(integer);
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
    expect(spellVersion(integer)).toBe(text);
  });

  it("do not depend on a leading v, leading zeros, parts that are 0 or build metadata", () => {
    fc.assert(
      fc.property(versions, fc.nat(3), ({ major, minor }, zeros) => {
        const short = stored(`${major}.${minor}`);
        expect(stored(`${major}.${minor}.0`)).toBe(short);
        expect(stored(`v${"0".repeat(zeros)}${major}.${"0".repeat(zeros)}${minor}+b${zeros}`)).toBe(short);
      }),
    );
  });
});

it("whatever text or number it is, a version is read, or refused in one of two ways", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.maxSafeInteger()),
      fc.constantFrom<AppVersionStyle>("full", "major"),
      (value, style) => {
        const result = stored(value, style);
        return typeof result === "string"
          ? ["not a version", "out of range"].includes(result)
          : Number.isInteger(result) && result <= 2_147_483_647;
      },
    ),
    { numRuns: 1000 },
  );
});
