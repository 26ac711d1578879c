import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLookup } from "../../src/mapping/lookup.ts";
import { LongNumber, type Json, type Path } from "../../src/mapping/mapping.ts";
import { OpenedMessage, OpenedRecord } from "../../src/mapping/opened.ts";
import { attribute, fact, keys, keysOf, opened, sent } from "./example.ts";

const find = (path: Path, record: Json): Json | undefined => createLookup(path)(opened(record));
const gzip = (text: string): string => gzipSync(text).toString("base64");

describe("a path of keys", () => {
  const record: Json = {
    a: { b: [{ c: 1 }, null, "x"], "": 2, "d.e": false },
    n: null,
    l: new LongNumber("1e400"),
  };

  it.each<[readonly string[], Json | undefined]>([
    [[], record],
    [["n"], null],
    [["l"], new LongNumber("1e400")],
    [["a", "b", "0", "c"], 1],
    [["a", "b", "1"], null],
    [["a", "b", "2"], "x"],
    [["a", ""], 2],
    [["a", "d.e"], false],
    [["x"], undefined],
    [["x", "y"], undefined],
    [["n", "x"], undefined],
    [["a", "", "x"], undefined],
    [["a", "d.e", "x"], undefined],
    [["l", "text"], undefined],
    [["a", "b", "3"], undefined],
    [["a", "b", "00"], undefined],
    [["a", "b", "-1"], undefined],
    [["a", "b", "length"], undefined],
    [["a", "b", "1e0"], undefined],
    [["a", "b", "99999999999999999999"], undefined],
    [["a", "b", "2", "length"], undefined],
    [["a", "b", "2", "0"], undefined],
  ])("%j leads to %j", (path, value) => {
    expect(find(keys(...path), record)).toEqual(value);
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "length", "at"])(
    "sees %s only where the record has it",
    (key) => {
      const own = JSON.parse(`{"${key}":{"${key}":7}}`) as Json;
      expect(find(keys(key), {})).toBeUndefined();
      expect(find(keys(key, key), {})).toBeUndefined();
      expect(find(keys("a", key), { a: [] })).toBeUndefined();
      expect(find(keys("a", key), { a: "text" })).toBeUndefined();
      expect(find(keys(key, key), own)).toBe(7);
    },
  );

  it("may start from the message", () => {
    const element = opened({ a: 1 }, [{ a: 1 }, { a: 2 }]);
    expect(createLookup(keysOf("message", "1", "a"))(element)).toBe(2);
    expect(createLookup(keysOf("message"))(element)).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it.each(["sns", "eventbridge", "cloudevents"] as const)(
    "may start from the envelope of %s, if there is one",
    (root) => {
      const message = new OpenedMessage(sent("{}"));
      const record = new OpenedRecord(message, {}, 0);
      expect(createLookup(keysOf(root))(record)).toBeUndefined();
      expect(createLookup(keysOf(root, "id"))(record)).toBeUndefined();
      message[root] = { id: "e", x: [5] };
      expect(createLookup(keysOf(root, "id"))(record)).toBe("e");
      expect(createLookup(keysOf(root, "x", "0"))(record)).toBe(5);
      expect(createLookup(keysOf(root))(record)).toEqual({ id: "e", x: [5] });
    },
  );

  it("finds each value of any JSON", () => {
    const places = (value: Json, at: readonly string[]): [readonly string[], Json][] => [
      [at, value],
      ...(typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([key, member]) => places(member as Json, [...at, key]))
        : []),
    ];
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (json) => {
        const value = JSON.parse(JSON.stringify(json)) as Json;
        for (const [path, member] of places(value, [])) expect(find(keys(...path), value)).toBe(member);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a step into text", () => {
  it.each<[string, string]>([
    ["JSON", '{"x":{"y":5}}'],
    ["JSON in a string", JSON.stringify('{"x":{"y":5}}')],
    ["base64", Buffer.from('{"x":{"y":5}}').toString("base64")],
    ["gzip", gzip('{"x":{"y":5}}')],
    ["text in text", JSON.stringify({ x: JSON.stringify({ y: 5 }) })],
  ])("reads it as a body: %s", (_what, text) => {
    expect(find(keys("t", "x", "y"), { t: text })).toBe(5);
    expect(find(keys("x", "y"), text)).toBe(5);
    expect(find(keys("t"), { t: text })).toBe(text);
  });

  it("reads each text along the path with three layers of its own", () => {
    let text = '{"x":5}';
    for (let layer = 0; layer < 5; layer += 1)
      text = JSON.stringify({ x: JSON.stringify(JSON.stringify(text)) });
    expect(find(keys("x", "x", "x", "x", "x", "x"), text)).toBe(5);
  });

  it.each(["", "hello", "5", "null", "{", "H4sI", '"x"', "true"])(
    "is missing where the text is no body: %j",
    (text) => {
      const record = opened({ t: text });
      expect(createLookup(keys("t", "x"))(record)).toBeUndefined();
      expect(record.beyond).toBeUndefined();
    },
  );

  it.each([
    ["larger than 16 MiB", gzip(`["${"a".repeat(17 * 1024 * 1024)}"]`)],
    ["deeper than 128 levels", "[".repeat(1_000_000)],
    ["more than three layers", JSON.stringify(JSON.stringify(JSON.stringify(JSON.stringify("{}"))))],
  ])("beyond a limit is missing and says why: %s", (reason, text) => {
    const record = opened({ t: { u: text } });
    const lookup = createLookup(keys("t", "u", "x"));
    expect([lookup(record), lookup(record)]).toEqual([undefined, undefined]);
    expect(record.beyond).toBe(`t.u.x: ${reason}`);
  });

  it("reads a text once for all paths that lead into it, and anew for another record", () => {
    const message = new OpenedMessage(sent("{}"));
    message.message = { shared: gzip('{"x":1,"y":2}') };
    const own = [
      keys("t", "x"),
      keys("t", "y"),
      keysOf("message", "shared", "x"),
      keysOf("message", "shared", "y"),
    ];
    const lookups = own.map(createLookup);
    const records = [3, 4].map(
      (x) => new OpenedRecord(message, { t: gzip(JSON.stringify({ x, y: -x })) }, 0),
    );
    expect(records.map((record) => lookups.map((lookup) => lookup(record)))).toEqual([
      [3, -3, 1, 2],
      [4, -4, 1, 2],
    ]);
    // What gzip gave: each text once.
    expect(16 * 1024 * 1024 - message.bytes).toBe('{"x":1,"y":2}'.length + 2 * '{"x":3,"y":-3}'.length);
  });
});

describe("what SQS says of a message", () => {
  it("is the id, the time it was sent, the queue, the body and the record's place", () => {
    const record = new OpenedRecord(new OpenedMessage(sent('{"a":1}')), {}, 7);
    const all = (["index", "message_id", "sent_at", "queue", "body"] as const).map((name) =>
      createLookup(fact(name))(record),
    );
    expect(all).toEqual([7, "m-1", "2023-11-14T22:13:20.123Z", "orders", '{"a":1}']);
  });

  const fromSns = {
    MessageAttributes: {
      a: { Type: "String", Value: "of SNS" },
      b: { Type: "Binary", Value: "AAE=" },
      n: 5,
      v: { Value: 1 },
    },
  };

  it.each<[string, string | undefined]>([
    ["a", "of SQS"],
    ["b", "AAE="],
    ["n", undefined],
    ["v", undefined],
    ["x", undefined],
    ["__proto__", undefined],
    ["constructor", undefined],
  ])("has attribute %s of SQS, else of the SNS envelope: %s", (name, value) => {
    const message = new OpenedMessage(sent("{}", { a: "of SQS" }));
    message.sns = fromSns;
    expect(createLookup(attribute(name))(new OpenedRecord(message, {}, 0))).toBe(value);
  });

  it("has no attribute where neither has any", () => {
    const message = new OpenedMessage(sent("{}"));
    const lookup = createLookup(attribute("a"));
    expect(lookup(new OpenedRecord(message, {}, 0))).toBeUndefined();
    message.sns = {};
    expect(lookup(new OpenedRecord(message, {}, 0))).toBeUndefined();
  });
});
