import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spellIp } from "../../src/masking/canonical.ts";
import { Invalid, LongNumber, TYPES, type Json, type TypeName } from "../../src/mapping/mapping.ts";
import { COLUMN_TYPES } from "../../src/mapping/types.ts";
import { spellVersion } from "../../src/mapping/types/version.ts";
import { columnOf, VALUES } from "./values.ts";

/** The cell, or the reason. */
function read(type: TypeName, value: Json, options = {}): string {
  const cell = COLUMN_TYPES[type].text(columnOf(type, options))(value);
  return cell instanceof Invalid ? `invalid: ${cell.reason}` : cell;
}

/** The value that the canonical bytes stand for, or the reason. */
function unmasked(type: TypeName, value: Json, options = {}): string {
  const { masking } = COLUMN_TYPES[type];
  if (masking === undefined) throw new Error(`${type} cannot be masked`);
  const bytes = masking.bytes(columnOf(type, options))(value);
  return bytes instanceof Invalid ? `invalid: ${bytes.reason}` : masking.spell(bytes);
}

/** A value as a test's name. */
const shown = (value: Json): string =>
  value instanceof LongNumber
    ? value.text
    : typeof value === "number"
      ? String(value)
      : JSON.stringify(value);
const name = (value: Json, options: object = {}): string =>
  `${shown(value).slice(0, 60)}${Object.keys(options).length === 0 ? "" : ` with ${JSON.stringify(options)}`}`;

describe.each(TYPES)("type %s", (type) => {
  const { accepted, rejected } = VALUES[type];
  const { masking } = COLUMN_TYPES[type];

  it("is listed under its name", () => {
    expect(COLUMN_TYPES[type].name).toBe(type);
  });

  it.each(accepted.map(([value, cell, options]) => [name(value, options), value, cell, options] as const))(
    "reads %s",
    (_name, value, cell, options) => {
      expect(read(type, value, options)).toBe(cell);
      if (masking !== undefined) expect(unmasked(type, value, options)).toBe(cell);
    },
  );

  it.each(
    rejected.map(([value, reason, options]) => [name(value, options), value, reason, options] as const),
  )("rejects %s", (_name, value, reason, options) => {
    expect(read(type, value, options)).toBe(`invalid: ${reason}`);
    if (masking !== undefined) expect(unmasked(type, value, options)).toBe(`invalid: ${reason}`);
  });

  it("returns a cell or a reason for any value", () => {
    const json = fc.oneof(fc.jsonValue(), fc.string({ unit: "binary" })) as fc.Arbitrary<Json>;
    const options = fc.constantFrom(
      {},
      { unit: "s" },
      { unit: "ns", zone: 60 },
      { keep: [["a"]] },
      { min: 1, max: 3 },
    );
    fc.assert(
      fc.property(json, options, (value, each) => {
        expect(read(type, value, each)).toBeTypeOf("string");
      }),
    );
  });
});

it("only types whose values cannot be guessed by frequency may be masked", () => {
  const maskable = TYPES.filter((type) => COLUMN_TYPES[type].masking !== undefined);
  expect(maskable).toEqual(["text", "integer", "bigint", "numeric", "date", "uuid", "ip"]);
});

it("numbers, dates and times have a range", () => {
  const ranged = TYPES.filter((type) => COLUMN_TYPES[type].hasRange);
  expect(ranged).toEqual(["integer", "bigint", "numeric", "double", "date", "timestamptz"]);
});

describe("numbers", () => {
  const digits = fc.stringMatching(/^(0|[1-9]\d{0,30})$/);
  const numbers = fc
    .tuple(
      fc.constantFrom("", "-"),
      digits,
      fc.option(fc.stringMatching(/^\d{1,30}$/)),
      fc.option(fc.integer({ min: -40, max: 40 })),
    )
    .map(([sign, whole, fraction, exponent]) => ({
      text:
        sign + whole + (fraction === null ? "" : `.${fraction}`) + (exponent === null ? "" : `e${exponent}`),
      // The value times 10^70.
      scaled:
        BigInt(`${sign}${whole}${(fraction ?? "").padEnd(30, "0")}`) * 10n ** BigInt(40 + (exponent ?? 0)),
    }));

  /** The value of a plain decimal, times 10^70. */
  function scale(plain: string): bigint {
    const [whole = "", fraction = ""] = plain.split(".");
    return BigInt(whole + fraction.padEnd(70, "0"));
  }

  it("keep their value, and equal ones have one plain decimal", () => {
    fc.assert(
      fc.property(numbers, ({ text, scaled }) => {
        const plain = read("numeric", text);
        expect(scale(plain)).toBe(scaled);
        expect(plain).toMatch(/^(0|-?(0\.\d*[1-9]|[1-9]\d*(\.\d*[1-9])?))$/);
        expect(read("numeric", new LongNumber(text))).toBe(plain);
      }),
      { numRuns: 300 },
    );
  });

  it("are read as doubles are", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), numbers, (double, { text }) => {
        expect(Number(read("double", double))).toBe(double + 0);
        expect(Number(read("double", text))).toBe(Number(text) + 0);
        expect(Number(read("numeric", double))).toBe(double + 0);
      }),
      { numRuns: 300 },
    );
  });

  it("are integers if they have no fraction", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), fc.nat(20), (integer, zeros) => {
        const isInRange = integer >= -(2n ** 63n) && integer < 2n ** 63n;
        const expected = isInRange ? String(integer) : "invalid: out of range";
        expect(read("bigint", `${integer}.${"0".repeat(zeros + 1)}`)).toBe(expected);
        expect(read("bigint", `${integer * 10n ** BigInt(zeros)}e-${zeros}`)).toBe(expected);
      }),
    );
  });
});

describe("times", () => {
  const instants = fc.date({
    min: new Date("0001-01-03T00:00:00Z"),
    max: new Date("9999-12-29T00:00:00Z"),
    noInvalidDate: true,
  });
  const two = (value: number): string => String(value).padStart(2, "0");
  const fractions = fc.stringMatching(/^\d{0,6}$/);

  it("for any instant, zone and digits beyond microseconds", () => {
    fc.assert(
      fc.property(instants, fc.integer({ min: -1439, max: 1439 }), fractions, (instant, zone, more) => {
        const utc = instant.toISOString().slice(0, -1);
        const local = new Date(instant.getTime() + zone * 60_000).toISOString().slice(0, -1) + more;
        const minutes = Math.abs(zone);
        const [sign, hhmm] = [zone < 0 ? "-" : "+", `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`];
        const cell = `${utc}${more.slice(0, 3).padEnd(3, "0")}Z`;
        expect(read("timestamptz", local + sign + hhmm)).toBe(cell);
        expect(read("timestamptz", local.replace("T", " "), { zone })).toBe(cell);
        expect(read("date", local + sign + hhmm.replace(":", ""))).toBe(cell.slice(0, 10));
      }),
      { numRuns: 200 },
    );
  });

  it("are the same as ISO 8601, as RFC 5322 and as a number in each unit", () => {
    fc.assert(
      fc.property(instants, fc.nat(999), fc.nat(999), (instant, us, ns) => {
        const second = Math.floor(instant.getTime() / 1_000) * 1_000;
        const mail = new Date(second).toUTCString();
        expect(read("timestamptz", mail)).toBe(read("timestamptz", new Date(second).toISOString()));
        const nanoseconds = (BigInt(instant.getTime()) * 1_000n + BigInt(us)) * 1_000n + BigInt(ns);
        const cell = `${instant.toISOString().slice(0, -1)}${String(us).padStart(3, "0")}Z`;
        const exponents = { ns: 0, us: -3, ms: -6, s: -9 };
        for (const [unit, exponent] of Object.entries(exponents)) {
          expect(read("timestamptz", `${nanoseconds}e${exponent}`, { unit })).toBe(cell);
        }
        const days = Math.floor(instant.getTime() / 86_400_000);
        expect(read("date", days, { unit: "d" })).toBe(instant.toISOString().slice(0, 10));
      }),
      { numRuns: 200 },
    );
  });
});

describe("text", () => {
  it("is counted in code points", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 8 }), fc.nat(8), fc.nat(8), (text, min, max) => {
        const { length } = Array.from(text);
        const reason = length === 0 ? "empty" : `shorter than ${min} characters`;
        const isStorable = text.isWellFormed() && !text.includes("\0");
        const cell = read("text", text, { min, max });
        if (length > max) expect(cell).toBe(`invalid: longer than ${max} characters`);
        else if (length < min) expect(cell).toBe(`invalid: ${reason}`);
        else expect(cell === text).toBe(isStorable);
      }),
      { numRuns: 300 },
    );
  });
});

describe("an IP address", () => {
  it("has 16 canonical bytes, whichever way it is spelled", () => {
    const bytes = COLUMN_TYPES.ip.masking?.bytes(columnOf("ip"));
    expect(bytes?.("[::ffff:192.0.2.1]:80")).toEqual(
      Uint8Array.of(...new Uint8Array(10), 255, 255, 192, 0, 2, 1),
    );
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const read = bytes?.(text);
        expect(read instanceof Uint8Array && spellIp(read)).toBe(unmasked("ip", text));
      }),
    );
  });
});

describe("a version", () => {
  it("is the text of its integer again", () => {
    fc.assert(
      fc.property(fc.nat(2_147_483_647), (stored) => {
        expect(read("version", spellVersion(stored))).toBe(String(stored));
      }),
    );
    expect(spellVersion(-2_003_001)).toBe("-2003001");
    expect(spellVersion(2_003_001)).toBe("2.3.1");
  });
});
