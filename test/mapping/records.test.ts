import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLookup } from "../../src/mapping/lookup.ts";
import type { Condition, Json, Mapping } from "../../src/mapping/mapping.ts";
import { LongNumber } from "../../src/mapping/mapping.ts";
import { createDedupe, createRecordOpener } from "../../src/mapping/records.ts";
import { inEnvelope } from "../support/envelope.ts";
import { attribute, fact, keys, keysOf, mapping, opened, sent } from "./example.ts";

/** A message's outcome; of its records, the record itself or the outcome. */
function open(body: unknown, changed: Partial<Mapping> = {}): unknown {
  const opening = createRecordOpener(mapping(changed))(sent(body, { kind: "order" }));
  if (opening.kind !== "records") return opening;
  return Array.from(opening.records, (each, nth) => {
    expect(each.index).toBe(nth);
    if (each.kind === "opened") return each.record;
    return each.kind === "skipped" ? "skipped" : each.reasons;
  });
}

const rejected = (...reasons: readonly string[]): unknown => ({ kind: "rejected", reasons });
const SKIPPED = { kind: "skipped" };

describe("a mapping without records", () => {
  it("makes the message the one record", () => {
    expect(open({ a: 1 })).toEqual([{ a: 1 }]);
    expect(open([1, 2])).toEqual([[1, 2]]);
    expect(open([])).toEqual([[]]);
    expect(open(inEnvelope('{"a":1}'))).toEqual([{ a: 1 }]);
  });

  it("rejects a body that cannot be read, with the reason alone", () => {
    expect(open("oops")).toEqual(rejected("body: not JSON"));
    expect(open(inEnvelope("oops"))).toEqual(rejected("Message: not JSON"));
  });
});

describe("a mapping with records", () => {
  const records = keys("items");

  it("makes each element a record, whatever it is, in its order", () => {
    const items = [{ a: 1 }, null, "x", 7, [1], true, {}];
    expect(open({ items }, { records })).toEqual(items);
    expect(open(inEnvelope(JSON.stringify({ items })), { records })).toEqual(items);
  });

  it("may name the body, another root, or a text that holds the list", () => {
    expect(open([1, 2], { records: keysOf("message") })).toEqual([1, 2]);
    expect(open([1, 2], { records: keys() })).toEqual([1, 2]);
    expect(open({ items: "[1,2]" }, { records })).toEqual([1, 2]);
    expect(open({ items: gzipSync("[1,2]").toString("base64") }, { records })).toEqual([1, 2]);
    expect(open({ t: '{"items":[1,2]}' }, { records: keys("t", "items") })).toEqual([1, 2]);
    expect(open("[1,2]", { records: fact("body") })).toEqual([1, 2]);
    expect(open({ items: [3] }, { records: keysOf("message", "items") })).toEqual([3]);
  });

  it.each<[string, unknown, Partial<Mapping>]>([
    ["missing", {}, { records }],
    ["missing", { items: "x" }, { records: keys("items", "x") }],
    ["missing", {}, { records: keysOf("eventbridge", "resources") }],
    ["not a list", { items: null }, { records }],
    ["not a list", { items: {} }, { records }],
    ["not a list", { items: "{}" }, { records }],
    ["not a list", {}, { records: keysOf("message") }],
    ["not JSON", { items: "hello" }, { records }],
    ["not a list", { items: 5 }, { records }],
    ["deeper than 128 levels", { items: "[".repeat(200) }, { records }],
    ["items.x: deeper than 128 levels", { items: "[".repeat(200) }, { records: keys("items", "x") }],
  ])("rejects a message whose list is %s", (reason, body, changed) => {
    expect(open(body, changed)).toEqual(rejected(`records: ${reason}`));
  });

  it("skips a message whose list is empty", () => {
    expect(open({ items: [] }, { records })).toEqual(SKIPPED);
    expect(open({ items: "[]" }, { records })).toEqual(SKIPPED);
  });

  it("takes 50,000 records and not one more, and makes each only when it is asked for", () => {
    const list = (length: number): string => `[${"1,".repeat(length - 1)}1]`;
    const opener = createRecordOpener(mapping({ records: keysOf("message") }));
    const opening = opener(sent(list(50_000)));
    expect(opening.kind).toBe("records");
    if (opening.kind !== "records") return;
    const iterator = opening.records[Symbol.iterator]();
    expect([iterator.next().value, iterator.next().value]).toMatchObject([{ index: 0 }, { index: 1 }]);
    expect(opener(sent(list(50_001)))).toEqual(rejected("records: more than 50,000"));
  });
});

describe("a condition", () => {
  const equals = (
    path: Condition["path"],
    ...values: readonly (string | number | boolean | null)[]
  ): Condition => ({
    path,
    test: { kind: "equals", values },
  });
  const outcome = (body: unknown, ...when: readonly Condition[]): unknown =>
    open(body, { when, unmatched: "skip" });

  it.each<[string, Condition, readonly unknown[], readonly unknown[]]>([
    ["a text", equals(keys("a"), "x"), ["x"], ["X", "", "xx", null, ["x"], { x: 1 }, 1, true]],
    ["one of several", equals(keys("a"), "x", 1, null), ["x", 1, null], ["1", "null", 2, false]],
    ["a number", equals(keys("a"), 1), [1], ["1", true, 1.5, [1]]],
    ["zero", equals(keys("a"), 0), [0], ["0", false, null, ""]],
    ["true", equals(keys("a"), true), [true], ["true", 1]],
    ["null", equals(keys("a"), null), [null], [0, "", false, {}]],
    [
      "a prefix",
      { path: keys("a"), test: { kind: "prefix", prefix: "or" } },
      ["or", "order"],
      ["Order", "xor", "", null, 1, ["or"]],
    ],
    ["any text", { path: keys("a"), test: { kind: "prefix", prefix: "" } }, ["", "x"], [null, 1, {}]],
  ])("of %s holds for equal values of the same type", (_what, condition, holding, others) => {
    for (const a of holding) expect(outcome({ a }, condition)).toEqual([{ a }]);
    for (const a of others) expect(outcome({ a }, condition)).toEqual(SKIPPED);
    expect(outcome({ b: 1 }, condition)).toEqual(SKIPPED);
  });

  it("compares numbers by value, never through a double", () => {
    for (const text of ["1.0", "1e0", "100e-2"])
      expect(outcome(`{"a":${text}}`, equals(keys("a"), 1))).toHaveLength(1);
    expect(outcome('{"a":-0}', equals(keys("a"), 0))).toHaveLength(1);
    const near = 9_007_199_254_740_992;
    expect(outcome('{"a":9007199254740992}', equals(keys("a"), near))).toHaveLength(1);
    expect(outcome('{"a":9007199254740993}', equals(keys("a"), near))).toEqual(SKIPPED);
    expect(outcome('{"a":1e400}', equals(keys("a"), Infinity))).toEqual(SKIPPED);
  });

  it("that a value is missing does not hold for null", () => {
    const missing: Condition = { path: keys("a", "b"), test: { kind: "missing" } };
    for (const body of [{}, { a: {} }, { a: null }, { a: 1 }, { a: "x" }])
      expect(outcome(body, missing)).toEqual([body]);
    for (const b of [null, 0, ""]) expect(outcome({ a: { b } }, missing)).toEqual(SKIPPED);
  });

  it("may be on what SQS says", () => {
    expect(
      outcome(
        {},
        equals(attribute("kind"), "order"),
        equals(fact("queue"), "orders"),
        equals(fact("index"), 0),
      ),
    ).toEqual([{}]);
    expect(outcome({}, equals(attribute("kind"), "other"))).toEqual(SKIPPED);
  });

  it("rejects what does not match, naming each path that did not, where the mapping does not skip", () => {
    const when = [equals(keys("a"), 1), equals(keys("b"), 2), equals(keysOf("message", "c"), 3)];
    expect(open({ a: 1, b: "secret" }, { when })).toEqual(
      rejected("when b: no match", "when $message.c: no match"),
    );
    expect(open({ a: 1, b: 2, c: 3 }, { when })).toEqual([{ a: 1, b: 2, c: 3 }]);
  });

  const records = keys("items");
  const ofRecord = equals(keys("a"), 1);
  const ofMessage = equals(keysOf("message", "type"), "order");
  const items = [{ a: 1 }, { a: 2 }, null, { a: 1 }];

  it("on a record decides for each record", () => {
    expect(open({ items }, { records, when: [ofRecord], unmatched: "skip" })).toEqual([
      items[0],
      "skipped",
      "skipped",
      items[3],
    ]);
    const reasons = ["when a: no match"];
    expect(open({ items }, { records, when: [ofRecord] })).toEqual([items[0], reasons, reasons, items[3]]);
    const second = equals(fact("index"), 1);
    expect(open({ items }, { records, when: [second], unmatched: "skip" })).toEqual([
      "skipped",
      items[1],
      "skipped",
      "skipped",
    ]);
  });

  it("on the message decides before the list is looked for", () => {
    const when = [ofRecord, ofMessage];
    expect(open({ type: "other" }, { records, when, unmatched: "skip" })).toEqual(SKIPPED);
    expect(open({ type: "other" }, { records, when })).toEqual(rejected("when $message.type: no match"));
    expect(open({ type: "order" }, { records, when, unmatched: "skip" })).toEqual(
      rejected("records: missing"),
    );
    expect(open({ type: "order", items }, { records, when, unmatched: "skip" })).toEqual([
      items[0],
      "skipped",
      "skipped",
      items[3],
    ]);
  });

  it("on a text beyond a limit rejects: what cannot be read is not skipped", () => {
    const deep = { t: "[".repeat(200) };
    const when = [equals(keys("t", "x"), 1)];
    expect(open(deep, { when, unmatched: "skip" })).toEqual(rejected("t.x: deeper than 128 levels"));
    expect(open({ items: [deep] }, { records, when, unmatched: "skip" })).toEqual([
      ["t.x: deeper than 128 levels"],
    ]);
  });
});

describe("the parts of an idempotency key", () => {
  const record: Json = {
    id: new LongNumber("9007199254740993"),
    a: { b: ["x", 1] },
    n: null,
    z: 0,
    f: false,
    e: "",
  };
  const read = (...dedupe: Mapping["dedupe"]): unknown => createDedupe(dedupe)(opened(record, [], 3));

  it("are a JSON list", () => {
    expect(read(keys("id"))).toBe("[9007199254740993]");
    expect(read(keys("a", "b"), keys("z"), keys("f"), keys("e"), fact("index"), fact("message_id"))).toBe(
      '[["x",1],0,false,"",3,"m-1"]',
    );
  });

  it("that are missing or null are each a reason", () => {
    expect(read(keys("id"), keys("n"), keys("a", "x"), keysOf("sns", "MessageId"))).toEqual([
      "dedupe part n: missing",
      "dedupe part a.x: missing",
      "dedupe part $sns.MessageId: missing",
    ]);
  });

  it("are different texts for different values", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 2 }));
    const parts = fc.array(value, { minLength: 1, maxLength: 3 });
    const textOf = (values: readonly Json[]): unknown =>
      createDedupe(values.map((_each, nth) => keys(String(nth))))(opened(values));
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const areEqual = JSON.stringify(one) === JSON.stringify(other);
        expect(textOf(one) === textOf(other)).toBe(areEqual);
      }),
    );
  });
});

it("a message of any kind is opened or has reasons, and nothing is thrown", () => {
  const lookups = [keys("a", "b"), keys("0"), keysOf("message", "a"), keysOf("sns", "a"), attribute("a")].map(
    createLookup,
  );
  const openers = [
    {},
    { records: keys("a") },
    { records: keysOf("message"), when: [{ path: keys("b"), test: { kind: "missing" } as const }] },
  ].map((changed) =>
    createRecordOpener(mapping({ ...changed, envelopes: ["cloudevents", "eventbridge", "sns"] })),
  );
  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      ...[
        fc.string({ unit: "binary" }),
        fc.double(),
        fc.constant(null),
        tie("value").map((each) => JSON.stringify(each)),
      ],
      fc.array(tie("value")),
      fc.dictionary(
        fc.constantFrom("a", "b", "__proto__", "Message", "detail", "data", "length"),
        tie("value"),
      ),
    ),
  }));
  fc.assert(
    fc.property(value.value, fc.constantFrom(...openers), (body, opener) => {
      const opening = opener(sent(JSON.stringify(body)));
      const records = opening.kind === "records" ? [...opening.records] : [];
      for (const each of records) if (each.kind === "opened") lookups.forEach((lookup) => lookup(each));
      expect(["records", "rejected", "skipped"]).toContain(opening.kind);
    }),
    { numRuns: 500 },
  );
});
