import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBody, type Allowance } from "../../src/mapping/body.ts";
import { BeyondLimit, MAX_BYTES, MAX_LAYERS } from "../../src/mapping/limits.ts";
import { Invalid, LongNumber } from "../../src/mapping/mapping.ts";

const allowance = (): Allowance => ({ layers: MAX_LAYERS, bytes: MAX_BYTES });
const read = (text: string): unknown => readBody(text, allowance());
const reasonOf = (text: string): string | undefined => {
  const value = readBody(text, allowance());
  return value instanceof Invalid ? value.reason : undefined;
};

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const gzip = (text: string | Buffer): string => gzipSync(text).toString("base64");
const inString = (text: string): string => JSON.stringify(text);

const JSON_TEXT = '{"a":"é","n":9007199254740993}';
const VALUE = { a: "é", n: new LongNumber("9007199254740993") };

describe("a body is", () => {
  it.each([
    ["JSON", JSON_TEXT],
    ["JSON after a byte order mark", `\u{feff}${JSON_TEXT}`],
    ["JSON in a JSON string", inString(JSON_TEXT)],
    ["base64", base64(JSON_TEXT)],
    ["base64 of a byte order mark and JSON", base64(`\u{feff}${JSON_TEXT}`)],
    ["base64 without padding", base64(JSON_TEXT).replaceAll("=", "")],
    ["base64 for URLs", Buffer.from(JSON_TEXT).toString("base64url")],
    ["base64 in lines", base64(JSON_TEXT).replaceAll(/.{8}/g, "$&\r\n")],
    ["gzip in base64", gzip(JSON_TEXT)],
    ["gzip in base64 in a JSON string", inString(gzip(JSON_TEXT))],
    ["gzip of a JSON string", gzip(inString(JSON_TEXT))],
    ["base64 of base64", base64(base64(JSON_TEXT))],
    ["three layers", inString(base64(gzip(JSON_TEXT)))],
    ["three strings", inString(inString(inString(JSON_TEXT)))],
  ])("%s", (_what, text) => {
    expect(read(text)).toEqual(VALUE);
  });

  it("an object or a list, also an empty one", () => {
    expect(["{}", "[]", "[1,null]", base64("[]")].map(read)).toEqual([{}, [], [1, null], []]);
  });

  it("read whatever it holds, through any three layers", () => {
    const layers = fc.array(fc.constantFrom(inString, base64, gzip), { maxLength: MAX_LAYERS });
    fc.assert(
      fc.property(
        fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())),
        layers,
        (value, all) => {
          const json = JSON.stringify(value);
          expect(read(all.reduce((text, layer) => layer(text), json))).toEqual(JSON.parse(json));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("a body is rejected as", () => {
  it.each([
    [
      "not JSON",
      ["", " ", "user u logged in", "abcd", "a", "{", "{'a':1}", base64("hello"), "=", "====", "é"],
    ],
    [
      "not JSON",
      [
        gzip("hello"),
        gzip(""),
        base64(""),
        `${base64("{}")}!`,
        "A===",
        `=${base64("{}")}`,
        "W10ge",
        "W10ge=",
      ],
    ],
    [
      "not a JSON object or list",
      ["1", "null", "true", "1e400", base64("1"), inString("hello"), inString("1")],
    ],
    ["not a JSON object or list", ['""', inString(base64("hello")), inString(" ")]],
    [
      "not UTF-8",
      [Buffer.from('{"a":"\xff"}', "latin1"), Buffer.from("[\xc0\x80]", "latin1")].map((each) =>
        each.toString("base64"),
      ),
    ],
    ["not UTF-8", [gzip(Buffer.from([0xff, 0xfe]))]],
    [
      "damaged gzip",
      [
        "H4sI",
        gzip(JSON_TEXT).slice(0, 32),
        base64(`\x1f`) && Buffer.from([0x1f, 0x8b, 0]).toString("base64"),
      ],
    ],
    [
      "deeper than 128 levels",
      ["[".repeat(200), gzip(`${"[".repeat(129)}${"]".repeat(129)}`), inString("[".repeat(500))],
    ],
    [
      "more than three layers",
      [inString(inString(inString(inString("{}")))), base64(base64(base64(base64("{}"))))],
    ],
    ["more than three layers", [inString(inString(inString(inString("hello"))))]],
  ])("%s: %j", (reason, texts) => {
    for (const text of texts) expect(reasonOf(text)).toBe(reason);
  });

  it("words and numbers that happen to be base64 are not JSON, never a crash", () => {
    fc.assert(
      fc.property(fc.base64String(), (text) => {
        expect(["not JSON", "not UTF-8", "not a JSON object or list"]).toContain(reasonOf(text));
      }),
    );
  });

  it("any text is read or has a reason", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const value = read(text);
        expect(typeof value).toBe("object");
      }),
    );
  });
});

describe("a limit", () => {
  /** A list of one string, of so many bytes in all. */
  const ofBytes = (bytes: number): string => `["${"a".repeat(bytes - 4)}"]`;

  it("of 16 MiB holds for the text, for UTF-8, and for what gzip gives", () => {
    expect(read(ofBytes(MAX_BYTES))).toHaveLength(1);
    expect(read(gzip(ofBytes(MAX_BYTES)))).toHaveLength(1);
    for (const text of [
      ofBytes(MAX_BYTES + 1),
      gzip(ofBytes(MAX_BYTES + 1)),
      `["${"€".repeat(MAX_BYTES / 3)}"]`,
    ]) {
      expect(read(text)).toEqual(new BeyondLimit("larger than 16 MiB"));
    }
  });

  it("of 16 MiB is held against what gzip gives as it comes, however much would follow", () => {
    const zeros = Buffer.alloc(1024 * 1024);
    const member = gzipSync(zeros);
    // Members follow one another in a gzip file (RFC 1952, section 2.2): 1 GiB.
    const bomb = Buffer.concat(Array<Buffer>(1024).fill(member)).toString("base64");
    const before = process.memoryUsage().arrayBuffers;
    expect(reasonOf(bomb)).toBe("larger than 16 MiB");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 * 1024 * 1024);
  });

  it("of what gzip gives is one for all texts of a message, damaged ones too", () => {
    const left = allowance();
    const half = gzip(ofBytes(MAX_BYTES / 2));
    const readNext = (text: string): unknown => readBody(text, { ...left, layers: 3 });
    expect(readBody(half, left)).toHaveLength(1);
    expect(left).toEqual({ layers: 2, bytes: MAX_BYTES / 2 });
    expect(readBody(half, left)).toHaveLength(1);
    expect(left.bytes).toBe(0);
    expect(readNext(half)).toEqual(new BeyondLimit("larger than 16 MiB"));
    expect(readNext(gzip("{}"))).toEqual(new BeyondLimit("larger than 16 MiB"));
    expect(readNext("{}")).toEqual({});

    const damaged = allowance();
    expect(readBody(half.slice(0, -16), damaged)).toEqual(new Invalid("damaged gzip"));
    expect(damaged.bytes).toBeLessThan(MAX_BYTES / 2);
    expect(damaged.bytes).toBeGreaterThan(0);
  });

  it("of the texts within a text counts down", () => {
    const left = allowance();
    readBody(inString(gzip("{}")), left);
    expect(left.layers).toBe(1);
    expect(readBody(inString(inString("{}")), left)).toEqual(new BeyondLimit("more than three layers"));
  });
});
