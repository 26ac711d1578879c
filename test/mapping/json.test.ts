import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NOT_JSON, parseJson, stringify } from "../../src/mapping/json.ts";
import { Invalid, LongNumber, type Json } from "../../src/mapping/mapping.ts";

const long = (text: string): LongNumber => new LongNumber(text);
const reasonOf = (text: string): string | undefined => {
  const value = parseJson(text);
  return value instanceof Invalid ? value.reason : undefined;
};

describe("a number", () => {
  it.each([
    ...[
      "0",
      "-0",
      "7",
      "1.0",
      "-1.5e3",
      "1E2",
      "0.1",
      "123456789012345",
      "1e22",
      "1e99",
      "5e-324",
      "0e400",
      "0.0e-999",
    ],
    ...[
      "9007199254740992",
      "1700000000.123456",
      "0.30000000000000004",
      "52.520006599999995",
      "1.7976931348623157e308",
    ],
    ...[
      "1e300",
      "-1e300",
      "3e305",
      "100000000000000000000000",
      `1${"0".repeat(308)}`,
      `0.${"0".repeat(400)}`,
    ],
    ...[`0.${"0".repeat(400)}1e401`, `1${"0".repeat(400)}e-400`, "-123456789012345680e0"],
  ])("that a double holds is a double: %s", (text) => {
    expect(parseJson(text)).toBe(Number(text));
    expect(parseJson(`{"a":[${text}]}`)).toEqual({ a: [Number(text)] });
  });

  it.each([
    ...[
      "9007199254740993",
      "-9007199254740993",
      "9007199254740992.5",
      "12345678901234567890",
      "0.1234567890123456789",
    ],
    ...["1e309", "1e400", "-1e400", "1e-400", "4e-324", "1e99999999999999999999", "123456789012345678901e-5"],
    ...["9".repeat(400), `0.${"1".repeat(400)}`, `1${"0".repeat(400)}`, "1.7976931348623159e308"],
  ])("that a double would change is its text: %s", (text) => {
    expect(parseJson(text)).toEqual(long(text));
    expect(parseJson(` { "a" : [1, ${text} ,"${text}"], "b":${text}} `)).toEqual({
      a: [1, long(text), text],
      b: long(text),
    });
  });

  it.each([
    ...[
      "01234567890123456789",
      "-",
      "+12345678901234567890",
      "12345678901234567890.",
      ".12345678901234567890",
    ],
    ...[
      "1e",
      "1e400-5",
      "1e400e400",
      "1.2.3456789012345678",
      "12345678901234567890x",
      "--12345678901234567890",
    ],
    ...["1e400 1e400", "0x12345678901234567890", "1e+-400"],
  ])("in a form that JSON has not is no number: %s", (text) => {
    expect(parseJson(text)).toBe(NOT_JSON);
    expect(parseJson(`[1e400,${text}]`)).toBe(NOT_JSON);
  });

  it("keeps the largest doubles apart from the texts beside them", () => {
    const text = "[1e300,2e300,1e400,-1e300,9.99999999999999999999e299,1e308,3e300,1e401]";
    expect(parseJson(text)).toEqual([
      ...[1e300, 2e300, long("1e400"), -1e300],
      ...[long("9.99999999999999999999e299"), 1e308, 3e300, long("1e401")],
    ]);
  });

  it("never has another value than was written", () => {
    const digits = fc.stringMatching(/^(?:0|[1-9]\d{0,24})$/);
    const fraction = fc.oneof(fc.constant(""), fc.stringMatching(/^\.\d{1,24}$/));
    const exponent = fc.oneof(fc.constant(""), fc.stringMatching(/^[eE][+-]?\d{1,3}$/));
    const number = fc
      .tuple(fc.constantFrom("", "-"), digits, fraction, exponent)
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(number, (text) => {
        const value = parseJson(text);
        const kept = value instanceof LongNumber ? value.text : JSON.stringify(value);
        expect(ratio(kept)).toBe(ratio(text));
      }),
      { numRuns: 2000 },
    );
  });
});

/** A number's exact value as a reduced fraction; slow, and sure. */
function ratio(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  let digits = BigInt(whole + fraction);
  if (digits === 0n) return "0";
  let power = Number(exponent) - fraction.length;
  while (digits % 10n === 0n) [digits, power] = [digits / 10n, power + 1];
  return `${sign}${digits}e${power}`;
}

describe("a JSON text", () => {
  it("has the value that JSON.parse gives, where no number is long", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 300 },
    );
  });

  it("is JSON where JSON.parse says so, with and without a long number beside it", () => {
    const piece = fc.constantFrom(
      ...[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        "\\",
        "\\\\",
        '\\"',
        "\\u0022",
        " ",
        "a",
        "1",
        "-",
        ".",
        "e",
        "0",
        "1e400",
      ],
      ...["null", "true", "é", "\n", "12345678901234567890", '"k":', "\u{feff}"],
    );
    const isJson = (text: string): boolean => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
        (text) => {
          fc.pre(!text.startsWith("\u{feff}"));
          expect(parseJson(text) === NOT_JSON).toBe(!isJson(text));
          expect(parseJson(`[1e400,${text}]`) === NOT_JSON).toBe(!isJson(`[1e400,${text}]`));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it.each(["1", "1e400"])("keeps hostile keys as own keys, beside %s", (number) => {
    const value = parseJson(
      `{"__proto__":{"x":${number}},"constructor":{"prototype":{"y":1}},"toString":${number},"a":{"__proto__":${number}}}`,
    );
    expect(Object.keys(value ?? {})).toEqual(["__proto__", "constructor", "toString", "a"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect("x" in {} || "y" in {}).toBe(false);
  });

  it.each(["1", "1e400"])("of equal keys has the last, beside %s", (number) => {
    const twice = (first: string, last: string): unknown =>
      parseJson(`[{"k":${first},"k":${last}},${number}]`);
    for (const [first, last] of [
      ["[]", "{}"],
      ["{}", "[]"],
      ['{"__proto__":{}}', "{}"],
      ["1e400", '{"text":"1e400"}'],
      ["1", "null"],
    ] as const) {
      expect(twice(first, last)).toEqual([{ k: parseJson(last) }, parseJson(number)]);
    }
  });

  it("may begin with one byte order mark", () => {
    expect(parseJson('\u{feff}{"a":1}')).toEqual({ a: 1 });
    expect(parseJson('\u{feff}\u{feff}{"a":1}')).toBe(NOT_JSON);
  });

  it("is not set off by what strings hold", () => {
    const text = JSON.stringify({ a: "[".repeat(1000), b: '\\"{', "[{": "12345678901234567890", c: "\\" });
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it("keeps NUL and lone surrogates", () => {
    expect(parseJson(String.raw`["\u0000","\ud800",1e400,"\udc00"]`)).toEqual([
      "\0",
      "\ud800",
      long("1e400"),
      "\udc00",
    ]);
  });

  it.each([
    ["lists", "[", "]"],
    ["objects", '{"a":', "}"],
    ["lists with a long number", "[1e400,", "]"],
  ])("may have 128 levels and not one more: %s", (_what, open, close) => {
    const nested = (levels: number): string => `${open.repeat(levels)}1${close.repeat(levels)}`;
    expect(reasonOf(nested(128))).toBeUndefined();
    expect(reasonOf(nested(129))).toBe("deeper than 128 levels");
    expect(reasonOf(`[${nested(127)},${nested(127)}]`)).toBeUndefined();
    expect(stringify(parsed(nested(128)))).toBe(nested(128));
  });

  it.each([
    ["lists", "[]"],
    ["objects", "{}"],
    ["long numbers", "1e400"],
    ["objects and long numbers", '{"a":-1e400}'],
  ])("may have 500,000 parts and not one more: %s", (_what, part) => {
    const parts = part.includes(":") ? 2 : 1;
    // The list around them is one, too.
    const full = `[${`${part},`.repeat(Math.floor(499_999 / parts))}"[{1e400"`;
    const count = 1 + Math.floor(499_999 / parts) * parts;
    const rest = "[],".repeat(500_000 - count);
    expect(reasonOf(`${full},${rest}1]`)).toBeUndefined();
    expect(reasonOf(`${full},${rest}1e400]`)).toBe("more than 500,000 objects, lists and long numbers");
    expect(reasonOf(`${full},${rest}{}]`)).toBe("more than 500,000 objects, lists and long numbers");
  });

  it("may have more values that are small", () => {
    expect(parseJson(`[${'1,"a",'.repeat(300_000)}1]`)).toHaveLength(600_001);
  });

  it("is rejected, not thrown for, whatever its size", () => {
    const million = 1_000_000;
    for (const hostile of ["[", "{", "]", '"', "\\", '{"a":', "-", "1", "e", '"\\', '\\"']) {
      expect(reasonOf(`x${hostile.repeat(million)}`)).toMatch(/^(?:not JSON|deeper than 128 levels)$/);
    }
    expect(reasonOf("[".repeat(million) + "]".repeat(million))).toBe("deeper than 128 levels");
    expect(parseJson("9".repeat(million))).toEqual(long("9".repeat(million)));
    expect(parseJson(`0.${"0".repeat(million)}1`)).toBeInstanceOf(LongNumber);
    const key = "k".repeat(million);
    expect(parseJson(`{"${key}":1e400}`)).toEqual({ [key]: long("1e400") });
    const escaped = '\\"'.repeat(million);
    expect(parseJson(`["${escaped}",1e400]`)).toEqual(['"'.repeat(million), long("1e400")]);
    expect(parseJson(`[${"1e400,".repeat(100_000)}1]`)).toHaveLength(100_001);
  });
});

function parsed(text: string): Json {
  const value = parseJson(text);
  if (value instanceof Invalid) throw new Error(value.reason);
  return value;
}

describe("a value as text", () => {
  it("reads back as itself", () => {
    const number = fc.constantFrom(long("1e400"), long("9007199254740993"), long("-0.12345678901234567890"));
    const { value } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        ...[fc.constant(null), fc.boolean(), fc.integer(), fc.string({ unit: "binary" }), number],
        fc.array(tie("value")),
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor")), tie("value")),
      ),
    }));
    fc.assert(
      fc.property(value, (each) => {
        expect(parsed(stringify(each))).toEqual(each);
      }),
      { numRuns: 200 },
    );
  });

  it("is what JSON.stringify writes, where no number is long", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(stringify(parsed(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it.each([1_023, 1_024, 1_025, 5_000])("of %i values has each of them", (count) => {
    const list = Array.from({ length: count }, (_each, index) => (index % 3 === 0 ? { [index]: [] } : index));
    expect(stringify(list)).toBe(JSON.stringify(list));
  });

  it("has long numbers as they were sent", () => {
    const text = '{"a":[1e400,{"b":-9007199254740993}],"__proto__":0.12345678901234567890}';
    expect(stringify(parsed(text))).toBe(text);
  });
});
