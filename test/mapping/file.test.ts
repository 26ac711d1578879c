// The file of a mapping: what it says, and all of its mistakes with their places.
import { describe, expect, it } from "vitest";
import { faultOfDefault } from "../../src/mapping/compile.ts";
import { complete } from "../../src/mapping/complete.ts";
import { readMapping } from "../../src/mapping/file.ts";
import type { Column, Mapping } from "../../src/mapping/mapping.ts";
import { mistakesIn, withColumn, withKeys } from "./mistakes.ts";

function read(text: string): Mapping {
  const result = readMapping(text);
  if ("mapping" in result) return result.mapping;
  throw new Error(result.mistakes.map(({ sentence }) => sentence).join("\n"));
}

function columnOf(settings: string): Column | undefined {
  return read(withColumn(settings)).columns[0];
}

describe("a file that says no more than it has to", () => {
  const { columns, ...rest } = read(withColumn("{}"));

  it("has the defaults of a mapping", () => {
    expect(rest).toEqual({
      table: { schema: "public", name: "t" },
      envelopes: ["sns"],
      records: undefined,
      when: [],
      unmatched: "quarantine",
      dedupe: [],
    });
  });

  it("has the defaults of a column", () => {
    expect(columns).toEqual([
      {
        name: "a",
        from: [{ kind: "keys", text: "a", root: "record", keys: ["a"] }],
        type: "text",
        ...{ min: undefined, max: undefined, unit: undefined, zone: undefined, keep: undefined },
        ...{ required: true, nullable: true, default: undefined, invalid: "reject", normalize: [] },
        mask: undefined,
      },
    ]);
  });
});

it("reads every key of a file", () => {
  const text = `envelopes: [eventbridge, sns]
records: detail.items
when:
  type: [a, 1, true, null]
  /source: { prefix: aws. }
  $message.deleted: { exists: false }
  kind: x
unmatched: skip
dedupe: [id, $index]`;
  const path = (key: string): object => ({ kind: "keys", text: key, root: "record", keys: [key] });
  expect(read(withKeys(text))).toMatchObject({
    envelopes: ["eventbridge", "sns"],
    records: { kind: "keys", text: "detail.items", root: "message", keys: ["detail", "items"] },
    when: [
      { path: path("type"), test: { kind: "equals", values: ["a", 1, true, null] } },
      { path: { ...path("source"), text: "/source" }, test: { kind: "prefix", prefix: "aws." } },
      { path: { root: "message", keys: ["deleted"] }, test: { kind: "missing" } },
      { path: path("kind"), test: { kind: "equals", values: ["x"] } },
    ],
    unmatched: "skip",
    dedupe: [path("id"), { kind: "fact", fact: "index" }],
  });
});

it.each([
  ["{ from: x.y }", { from: [{ kind: "keys", text: "x.y", root: "record", keys: ["x", "y"] }] }],
  ["{ from: [x, $sent_at] }", { from: [{ keys: ["x"] }, { kind: "fact", fact: "sent_at" }] }],
  ["{ min: 0, max: 5 }", { min: 0, max: 5 }],
  ["{ type: date, unit: ms, zone: UTC }", { unit: "ms", zone: 0 }],
  ["{ type: date, zone: +05:30 }", { zone: 330 }],
  ["{ type: date, zone: -08:00 }", { zone: -480 }],
  ["{ type: date, zone: -00:00 }", { zone: 0 }],
  ["{ type: jsonb, keep: [b.c, /d.e] }", { keep: [["b", "c"], ["d.e"]] }],
  ["{ type: jsonb, default: { b: [1, null] } }", { default: { b: [1, null] } }],
  ["{ required: false, default: x, nullable: false }", { required: false, default: "x", nullable: false }],
  ["{ invalid: set_null }", { invalid: "set_null" }],
  ["{ normalize: [trim, empty] }", { normalize: ["trim", "empty"] }],
  ["{ mask: token }", { mask: { kind: "token", field: "a" } }],
  ["{ mask: token, field: user-id }", { mask: { kind: "token", field: "user-id" } }],
  ["{ type: ip, mask: network }", { mask: { kind: "network", field: "a", v4: 24, v6: 48 } }],
  ["{ type: ip, mask: { network: { v4: 16 } } }", { mask: { kind: "network", field: "a", v4: 16, v6: 48 } }],
  ["{ default: 2024-01-01 }", { default: "2024-01-01" }],
  ["{ default: yes }", { default: "yes" }],
])("a column can be %s", (settings, expected) => {
  expect(columnOf(settings)).toMatchObject(expected);
});

it("takes every key as it is written, as the name of a column", () => {
  const text =
    "version: 1\ntable: a.b\ncolumns: { b: {}, null: {}, 1.0: {}, no: {}, constructor: {}, '~': {} }";
  expect(read(text).columns.map(({ name }) => name)).toEqual(["b", "null", "1.0", "no", "constructor", "~"]);
});

it.each(["\uFEFF", "---\n", "%YAML 1.2\n---\n", "# a comment\n\n"])("a file can begin with %j", (start) => {
  expect(read(start + withColumn("{}"))).toEqual(read(withColumn("{}")));
});

it("is JSON too", () => {
  const file = { version: 1 as const, table: "a.b", columns: { c: { type: "date" as const } } };
  expect(read(JSON.stringify(file, undefined, "\t"))).toEqual(complete(file));
});

const PATHS = "a path, or a list of paths";
const WANTED = "a value, a list of values, { prefix: text } or { exists: false }";
const NO_ARRAYS = "Postgres arrays are not possible. Use type jsonb, or records for a row for each element.";

describe("a mistake in a column is told with its place", () => {
  it.each([
    [
      "",
      "4:6: columns.a: an empty value is not possible. Possible: the keys of a column, such as { from: user.id, type: uuid }, or {} for a text column.",
    ],
    [
      "[]",
      "4:6: columns.a: an empty list is not possible. Possible: the keys of a column, such as { from: user.id, type: uuid }, or {} for a text column.",
    ],
    ["{ typ: date }", '4:8: columns.a: the key "typ" is unknown. Did you mean type?'],
    ["{ max: 5, mask: tokn }", '4:22: columns.a.mask: "tokn" is not possible. Did you mean token?'],
    [
      "{ mask: 1 }",
      "4:14: columns.a.mask: 1 is not possible. Possible: token, network, or { network: { v4: 16, v6: 32 } }.",
    ],
    [
      "{ type: ip, mask: { netwrk: {} } }",
      '4:26: columns.a.mask: the key "netwrk" is unknown. Did you mean network?',
    ],
    [
      "{ type: ip, mask: { network: { v4: 33 } } }",
      "4:41: columns.a.mask.network.v4: 33 is not possible. Possible: a whole number from 1 to 32.",
    ],
    [
      "{ type: ip, mask: { network: { v5: 33 } } }",
      '4:37: columns.a.mask.network: the key "v5" is unknown. Did you mean v4?',
    ],
    ["{ from: 3 }", `4:14: columns.a.from: 3 is not possible. Possible: ${PATHS}.`],
    ["{ from: [] }", `4:14: columns.a.from: an empty list is not possible. Possible: ${PATHS}.`],
    [
      "{ from: [b, c..d] }",
      '4:18: columns.a.from.1: "c..d" is not possible: a key between dots is empty: write /c//d if it is so named.',
    ],
    [
      "{ from: $.b }",
      '4:14: columns.a.from: "$.b" is not possible: a path has no "$" before its first key: write b.',
    ],
    [
      "{ from: $sns.b, type: x }",
      '4:28: columns.a.type: "x" is not possible. Possible: text, integer, bigint, numeric, double, boolean, date, timestamptz, uuid, ip, jsonb, version, version_major.',
    ],
    [
      "{ from: $index }",
      "4:14: columns.a.from: $index is not possible for type text. Possible types: integer, bigint, numeric, double, jsonb.",
    ],
    [
      "{ type: uuid, from: [b, $sent_at] }",
      "4:26: columns.a.from: $sent_at is not possible for type uuid. Possible types: text, date, timestamptz, jsonb.",
    ],
    [
      "{ from: [$message_id, b] }",
      "4:14: columns.a.from: the paths after $message_id are never used, because it always has a value. Put it last.",
    ],
    [
      "{ from: $cloudevents.id }",
      "4:14: columns.a.from: $cloudevents is an envelope that is not opened. Add cloudevents to envelopes.",
    ],
    [
      "{ from: [b, $eventbridge.id] }",
      "4:18: columns.a.from.1: $eventbridge is an envelope that is not opened. Add eventbridge to envelopes.",
    ],
    [
      "{ min: -1 }",
      "4:13: columns.a.min: -1 is not possible. Possible: a whole number from 0 to 10,485,760.",
    ],
    [
      "{ max: 1.5 }",
      "4:13: columns.a.max: 1.5 is not possible. Possible: a whole number from 1 to 10,485,760.",
    ],
    ["{ min: 5, max: 3 }", "4:21: columns.a.max: max is less than min, which is 5."],
    ["{ min: 5, type: uuid }", "4:13: columns.a.min: min is only for text: uuid has no length."],
    ["{ type: integer, max: 5 }", "4:28: columns.a.max: max is only for text: integer has no length."],
    ["{ unit: ms }", "4:14: columns.a.unit: unit is only for date, timestamptz: text has no time."],
    ["{ zone: UTC }", "4:14: columns.a.zone: zone is only for date, timestamptz: text has no time."],
    ["{ type: date, unit: m }", '4:26: columns.a.unit: "m" is not possible. Possible: d, s, ms, us, ns.'],
    [
      "{ type: date, zone: +0530 }",
      "4:26: This number cannot be kept as it is written: quote it, so that it is a text.",
    ],
    [
      "{ type: date, zone: CET }",
      '4:26: columns.a.zone: "CET" is not possible. Possible: UTC, or an offset such as +05:30.',
    ],
    ["{ keep: [b] }", "4:14: columns.a.keep: keep is only for jsonb: text has no parts."],
    [
      "{ type: jsonb, keep: [] }",
      "4:27: columns.a.keep: an empty list is not possible. Possible: a list of paths.",
    ],
    [
      "{ type: jsonb, keep: [$record.b] }",
      '4:28: columns.a.keep.0: "$record.b" is not possible: a path of keep begins at the value, without a "$".',
    ],
    ["{ required: no }", '4:18: columns.a.required: "no" is not possible. Possible: true, false.'],
    [
      "{ required: false, nullable: false }",
      "4:18: columns.a.required: required: false contradicts nullable: false, because a missing value is null. Remove one of them, or add a default.",
    ],
    [
      "{ invalid: set_null, nullable: false }",
      "4:17: columns.a.invalid: set_null contradicts nullable: false. Remove one of them.",
    ],
    [
      "{ default: null }",
      "4:17: columns.a.default: null is not a default. Remove it, and write required: false.",
    ],
    ["{ default: [] }", "4:17: columns.a.default: a list or an object is not a value of type text."],
    [
      "{ default: 9007199254740993 }",
      "4:17: This number cannot be kept as it is written: quote it, so that it is a text.",
    ],
    [
      "{ type: double, default: .inf }",
      "4:31: This number cannot be kept as it is written: quote it, so that it is a text.",
    ],
    [
      "{ type: double, default: 1e400 }",
      "4:31: This number cannot be kept as it is written: quote it, so that it is a text.",
    ],
    [
      "{ normalize: trim }",
      '4:19: columns.a.normalize: "trim" is not possible. Possible: a list, such as [trim, lower].',
    ],
    ["{ normalize: [trimm] }", '4:20: columns.a.normalize.0: "trimm" is not possible. Did you mean trim?'],
    [
      "{ normalize: [decode, trim] }",
      "4:19: columns.a.normalize: decode is not possible for type text. Possible: trim, lower, uuid, url_decode, empty, nil.",
    ],
    [
      "{ type: date, normalize: [trim] }",
      "4:31: columns.a.normalize: trim is not possible for type date. Possible: none.",
    ],
    [
      "{ type: ip, normalize: [first, last] }",
      "4:29: columns.a.normalize: first and last exclude each other. Remove one of them.",
    ],
    ...["uuid", "empty", "nil"].map((step): [string, string] => [
      `{ normalize: [trim, ${step}, trim, ${step}] }`,
      `4:19: columns.a.normalize: ${step} does not see what has blanks around it. Put trim before ${step}.`,
    ]),
    [
      "{ type: boolean, mask: token }",
      "4:29: columns.a.mask: token is not possible for type boolean. Possible types: text, integer, bigint, numeric, date, uuid, ip.",
    ],
    ["{ mask: network }", "4:14: columns.a.mask: network is not possible for type text. Possible types: ip."],
    [
      "{ field: b }",
      "4:15: columns.a.field: field is the name of a mask's key, and this column has no mask: it would be stored in the clear. Add mask, or remove field.",
    ],
    [
      "{ mask: token, field: kid }",
      '4:28: columns.a.field: "kid" is not possible: fetch-etl uses this name for a key of its own.',
    ],
    [
      "{ mask: token, field: a b }",
      '4:28: columns.a.field: "a b" is not possible: a field has 1 to 64 letters, digits, "_" and "-".',
    ],
    [
      "{ mask: token, field: ip }",
      "4:28: columns.a.field: field ip is for type ip, and this column is text. Write type: ip, or name another field.",
    ],
    ["{ type: 'text[]' }", `4:14: columns.a.type: "text[]" is not possible. ${NO_ARRAYS}`],
    ["{ type: array }", `4:14: columns.a.type: "array" is not possible. ${NO_ARRAYS}`],
    ["{ type: json }", '4:14: columns.a.type: "json" is not possible. Use type jsonb.'],
    ["{ type: string }", '4:14: columns.a.type: "string" is not possible. Use type text.'],
    ["{ type: strng }", '4:14: columns.a.type: "strng" is not possible. Use type text.'],
    [
      "{ type: VARCHAR(32) }",
      '4:14: columns.a.type: "VARCHAR(32)" is not possible. Use type text with max: 32.',
    ],
    ["{ type: number }", '4:14: columns.a.type: "number" is not possible. Use type numeric.'],
    ["{type:date}", '4:7: columns.a: the key "type:date" is unknown. Write a space after the colon.'],
    [
      "{ from: @b }",
      "4:14: This is not valid YAML: quote a text that begins with @ or ` (BAD_SCALAR_START).",
    ],
    ["{ type: int }", '4:14: columns.a.type: "int" is not possible. Use type integer.'],
    ["{ type: timestamp }", '4:14: columns.a.type: "timestamp" is not possible. Use type timestamptz.'],
    ["{ type: float }", '4:14: columns.a.type: "float" is not possible. Use type double.'],
    ["{ type: numeric(10) }", '4:14: columns.a.type: "numeric(10)" is not possible. Use type numeric.'],
    [
      "{ expression: b + c }",
      '4:8: columns.a: the key "expression" is unknown. There are no expressions. Load the values as they are, and compute in a view or a generated column.',
    ],
    [
      "{ rename: { m: male } }",
      '4:8: columns.a: the key "rename" is unknown. Values are not renamed. Load them as they are, and rename them in a view. A column\'s name is its key; from names the path.',
    ],
    [
      "{ upsert: true }",
      '4:8: columns.a: the key "upsert" is unknown. Rows are only inserted. Load every message, and read the newest row of each key through a view.',
    ],
    [
      "{ format: dd/mm/yyyy }",
      '4:8: columns.a: the key "format" is unknown. There are no patterns. Dates and times are ISO 8601 or RFC 5322; unit reads numbers, and zone is for times without one.',
    ],
    ["*x", "4:6: An alias (*) is not possible: write the value again, or quote a text that begins with *."],
    ["{ default: !!str 1 }", "4:23: A tag (!) is not possible: leave it out, and quote what is text."],
    ["{ !!str from: b }", "4:14: A tag (!) is not possible: leave it out, and quote what is text."],
    ["{ max: 1, max: 2 }", "4:16: This key appears twice. Remove one of the two."],
    ["{ <<: { max: 1 } }", "4:8: A merge key (<<) is not possible: write the keys again."],
    ["{ ? [b] : 1 }", "4:10: A key has to be a text."],
    ["{ __proto__: { max: 1 } }", "4:8: __proto__ is not possible as a key; in a path, write /__proto__."],
    [
      "b: c",
      "4:6: This is not valid YAML: a key and its value are within a value. Quote a value that has a colon and a space (BLOCK_AS_IMPLICIT_KEY).",
    ],
  ])("a: %s", (settings, mistake) => {
    expect(mistakesIn(withColumn(settings))).toEqual([mistake]);
  });
});

describe("a mistake in the other keys is told with its place", () => {
  it.each([
    ["envelopes: sns", '4:12: envelopes: "sns" is not possible. Possible: a list, such as [sns].'],
    ["envelopes: [sqs]", '4:13: envelopes.0: "sqs" is not possible. Did you mean sns?'],
    ["unmatched: drop", '4:12: unmatched: "drop" is not possible. Possible: quarantine, skip.'],
    [
      "records: $record.items",
      "4:10: records: $record is one of the records. Write the path of a list in the message, or $message if the body is the list.",
    ],
    [
      "records: $body",
      "4:10: records: $body is not a list. Write the path of a list in the message, or $message if the body is the list.",
    ],
    [
      "records: $attribute.x",
      "4:10: records: $attribute.x is not a list. Write the path of a list in the message, or $message if the body is the list.",
    ],
    [
      "records: $sqs.x",
      expect.stringMatching(
        /^4:10: records: "\$sqs.x" is not possible: only \$record, .* Did you mean \$sns\?$/,
      ),
    ],
    [
      "when: []",
      "4:7: when: an empty list is not possible. Possible: conditions, each a path and a value, such as { type: order }.",
    ],
    [
      "when: { a..b: 1 }",
      '4:9: when: "a..b" is not possible: a key between dots is empty: write /a//b if it is so named.',
    ],
    ["when: { b: [] }", `4:12: when.b: an empty list is not possible. Possible: ${WANTED}.`],
    ["when: { b: { exists: true } }", `4:12: when.b: an object is not possible. Possible: ${WANTED}.`],
    [
      "when: { b: { prefix: '' } }",
      '4:22: when.b.prefix: "" is not possible. Possible: a text that is not empty.',
    ],
    [
      "when: { $eventbridge.source: x }",
      "4:9: when.$eventbridge.source: $eventbridge is an envelope that is not opened. Add eventbridge to envelopes.",
    ],
    ["dedupe: []", `4:9: dedupe: an empty list is not possible. Possible: ${PATHS}.`],
    [
      "dedupe: $index",
      "4:9: dedupe: all messages would have the same keys. Add a path of the record or the message.",
    ],
    [
      "dedupe: [$queue, $index]",
      "4:9: dedupe: all messages would have the same keys. Add a path of the record or the message.",
    ],
    [
      "records: b\ndedupe: $message.id",
      "5:9: dedupe: all records of a message would have one key. Add a path of the record, or $index.",
    ],
    ["columns: {}", "4:1: This key appears twice. Remove one of the two."],
    [
      "tables: []",
      '4:1: the key "tables" is unknown. A mapping has one table. Give each table a queue and a mapping of its own, such as by a filter of the SNS subscription.',
    ],
    [
      "upsert: id",
      '4:1: the key "upsert" is unknown. Rows are only inserted. Load every message, and read the newest row of each key through a view.',
    ],
    [
      "format: csv",
      '4:1: the key "format" is unknown. A body is JSON. Convert CSV and form bodies before they are sent.',
    ],
    [
      "constructor: 1",
      '4:1: the key "constructor" is unknown. Possible: version, table, envelopes, records, when, unmatched, dedupe, columns.',
    ],
    ["when: { $index: '1' }", "4:17: when.$index: $index is a number, and equals no other value."],
    ["when: { $index: { prefix: '1' } }", "4:17: when.$index: $index is a number, and has no prefix."],
    [
      "when: { $attribute.v: [1, true] }",
      "4:23: when.$attribute.v: $attribute.v is text, and equals no other value. Quote the value.",
    ],
    [
      "when: { $queue: null }",
      "4:17: when.$queue: $queue is text, and equals no other value. Quote the value.",
    ],
    ["when: { $body: { exists: false } }", "4:16: when.$body: $body is never missing."],
    ["---\nversion: 1", "4:1: A mapping is one YAML document; this one is a second."],
    ["\tx", expect.stringMatching(/^4:\d+: This is not valid YAML/)],
  ])("%s", (keys, mistake) => {
    expect(mistakesIn(withKeys(keys))).toEqual([mistake]);
  });

  it.each(["01234", "-007", "+49", "0x1F", "0o17", ".5", "5.", "5.e1", "-.inf", ".nan", "1e400"])(
    "%s, which is no number of JSON",
    (number) => {
      expect(mistakesIn(withKeys(`when: { b: ${number} }`))).toEqual([
        "4:12: This number cannot be kept as it is written: quote it, so that it is a text.",
      ]);
    },
  );

  it.each([
    "when: { a: 0, b: -1.50e3, c: '01234', d: 1_000, e: 0.1 }",
    "when: { $index: [0, x], $queue: { prefix: a }, $attribute.v: { exists: false }, $sent_at: [1, x] }",
    ...["records: b\ndedupe: [$message_id, $index]", "records: b\ndedupe: id", "dedupe: $message_id"],
  ])("%j is none", (keys) => {
    expect(mistakesIn(withKeys(keys))).toEqual([]);
  });
});

it.each([
  ["", "1:1: The file is empty. Start from the output of fetch-etl mapping show."],
  ["# only a comment\n", "1:1: The file is empty. Start from the output of fetch-etl mapping show."],
  [
    "version:1\ntable: a.b",
    "1:1: This is not valid YAML: after a key, a colon and a space are missing (MULTILINE_IMPLICIT_KEY).",
  ],
  [
    "version: 1\ntable: a.b\ncolumns:\n  a: { from: b\n  c: {}",
    "5:3: This is not valid YAML: the indentation does not fit, or a bracket above is not closed (BAD_INDENT).",
  ],
  ["hello", "1:1: a single value is not possible. Possible: the keys of a mapping."],
  ["123456", "1:1: a single value is not possible. Possible: the keys of a mapping."],
  [
    "version: 1\ntable: a.b\ncolumns: [id]",
    "3:10: columns: a list is not possible. Possible: columns by name, such as { id: {} }.",
  ],
  ["- 1", "1:1: a list is not possible. Possible: the keys of a mapping."],
  ["%YAML 1.1\n---\nversion: 1", "1:1: A mapping is YAML 1.2: leave out the directive %YAML."],
])("%j is no mapping", (text, mistake) => {
  expect(mistakesIn(text)).toEqual([mistake]);
});

const OTHER_FILE = "1:1: This is not a mapping: it has none of the keys version, table and columns.";

it.each(['{"user_id":"a","ip":"192.0.2.1","device_id":"b"}', "alice@example.com: { seen: true }\n"])(
  "%j is another file, and nothing of it is shown",
  (text) => {
    expect(mistakesIn(text)).toEqual([OTHER_FILE]);
  },
);

const MISSING = [
  '1:1: "version" is missing. Possible: 1.',
  '1:1: "table" is missing. Possible: a table, such as public.user_logins.',
  '1:1: "columns" is missing. Possible: columns by name, such as { id: {} }.',
];

it.each([
  ["{}", MISSING],
  ["version: 1", MISSING.slice(1)],
  [
    "  upsert: id",
    [
      ...MISSING.map((mistake) => mistake.replace("1:1", "1:3")),
      expect.stringMatching(/^1:3: the key "upsert" is unknown\. Rows are only inserted\./),
    ],
  ],
])("all missing keys of %j are told", (text, mistakes) => {
  expect(mistakesIn(text)).toEqual(mistakes);
});

it.each([
  ["user_logins", false],
  ["a.b.c", false],
  [".b", false],
  ['"a".b', false],
  [`a.${"b".repeat(64)}`, false],
  ["pg_catalog.b", false],
  ["fetch_etl.ledger", false],
  [`a.${"b".repeat(63)}`, true],
  ["Straße.Größe", true],
])("%j as a table is accepted: %s", (table, isAccepted) => {
  const file = JSON.stringify({ version: 1, table, columns: { c: {} } });
  expect(mistakesIn(file).length === 0).toBe(isAccepted);
});

it.each([
  ["x".repeat(63), true],
  ["x".repeat(64), false],
  ["ü".repeat(32), false],
  ['a "quoted" name', true],
  ["line\nend", false],
  ["", false],
  ["\ud800", false],
  ["ctid", false],
])("%j as a column is accepted: %s", (name, isAccepted) => {
  const file = JSON.stringify({ version: 1, table: "a.b", columns: { [name]: { from: "x" } } });
  expect(mistakesIn(file).length === 0).toBe(isAccepted);
});

it.each([
  [0, false],
  [1, true],
  [1_600, true],
  [1_601, false],
])("%i columns are accepted: %s", (count, isAccepted) => {
  const columns = Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, {}]));
  const mistakes = mistakesIn(JSON.stringify({ version: 1, table: "a.b", columns }));
  const told = ["1:38: columns: a table has 1 to 1,600 columns."];
  expect(mistakes).toEqual(isAccepted ? [] : told);
});

describe("columns of one field", () => {
  const file = (one: string, other: string): string =>
    `version: 1\ntable: public.t\ncolumns:\n  a: ${one}\n  b: ${other}\n`;

  it.each([
    [
      "{ mask: token, field: x }",
      "{ mask: token, field: x, normalize: [lower] }",
      "5:28: columns.b.field",
      "normalize",
    ],
    ["{ mask: token, field: b }", "{ mask: token, type: uuid }", "5:14: columns.b.mask", "type"],
    [
      "{ mask: token, field: x, normalize: [lower] }",
      "{ mask: token, field: x, normalize: [lower, url_decode] }",
      "5:28: columns.b.field",
      "normalize",
    ],
    [
      "{ type: ip, mask: network, field: x }",
      "{ type: ip, mask: { network: { v6: 32 } }, field: x }",
      "5:56: columns.b.field",
      "mask",
    ],
  ])("have one form: %s and %s", (one, other, place, key) => {
    expect(mistakesIn(file(one, other))).toEqual([
      `${place}: the columns of field ${key === "type" ? "b" : "x"} differ in their ${key}: equal values would have different tokens. Make it the same as in column "a", or name another field.`,
    ]);
  });

  it.each([
    ["{ mask: token, field: x }", "{ mask: token, field: x, normalize: [url_decode, empty] }"],
    ["{ mask: token, field: x }", "{ mask: token, field: y, type: uuid }"],
    ["{ type: ip, mask: token, field: x }", "{ type: ip, mask: network, field: x, normalize: [first] }"],
    ["{ type: ip, mask: network, field: x }", "{ type: ip, mask: { network: { v4: 24 } }, field: x }"],
    [
      "{ mask: token, field: x, normalize: [trim, lower] }",
      "{ mask: token, field: x, normalize: [lower, url_decode, trim, empty, lower, nil] }",
    ],
  ])("can be found differently: %s and %s", (one, other) => {
    expect(mistakesIn(file(one, other))).toEqual([]);
  });
});

it("tells all mistakes at once, in their order, also contradictions beside misspelt keys", () => {
  const text = `version: 2
tabel: public.t
columns:
  a: { min: 5, max: 3, typ: text }
  b: { type: strng, field: x }
  c: { msk: token, field: ip, invalid: set_null, nullable: false }
dedupe: $index
`;
  expect(mistakesIn(text).map((mistake) => mistake.replace(/^(\d+:\d+: \S+) .*/, "$1"))).toEqual([
    "1:10: version:",
    "2:1: the",
    "4:21: columns.a.max:",
    "4:24: columns.a:",
    "5:14: columns.b.type:",
    "5:28: columns.b.field:",
    "6:8: columns.c:",
    "6:40: columns.c.invalid:",
    "7:9: dedupe:",
  ]);
});

it("finds a third column that differs from the second alone", () => {
  const text = `${withColumn("{ type: ip, mask: token, field: x }")}  b: { type: ip, mask: network, field: x }
  c: { type: ip, mask: { network: { v4: 16 } }, field: x }
`;
  expect(mistakesIn(text)).toEqual(
    [
      'columns.c.field: the columns of field x differ in their mask: equal values would have different tokens. Make it the same as in column "b", or name another field.',
    ].map((sentence) => `6:56: ${sentence}`),
  );
});

it("asks whoever knows the types whether a default is a value of its column", () => {
  const asked: Column[] = [];
  const check = (column: Column): string | undefined => {
    asked.push(column);
    return column.default === "x" ? "not a whole number" : undefined;
  };
  const text = `${withColumn("{ type: integer, default: x }")}  b: { type: date, default: 2024-01-01 }\n  c: {}\n`;
  expect(readMapping(text, check)).toEqual({
    mistakes: [
      {
        line: 4,
        column: 32,
        sentence: "columns.a.default: this value would be rejected: not a whole number.",
      },
    ],
  });
  expect(asked.map(({ name }) => name)).toEqual(["a", "b"]);
});

it.each([
  ["{ default: '', normalize: [empty], nullable: false }", "null"],
  ["{ type: uuid, default: x }", "not a UUID"],
  ["{ type: jsonb, default: '{', normalize: [decode] }", "not JSON"],
  ["{ type: date, default: 01/02/2024, mask: token }", "not an ISO date"],
  ["{ default: '', normalize: [empty] }", undefined],
  ["{ default: ' A ', normalize: [trim], max: 1, nullable: false }", undefined],
])("a default goes through its column: %s", (settings, reason) => {
  const result = readMapping(withColumn(settings), faultOfDefault);
  const sentences = "mistakes" in result ? result.mistakes.map(({ sentence }) => sentence) : [];
  expect(sentences).toEqual(
    reason === undefined ? [] : [`columns.a.default: this value would be rejected: ${reason}.`],
  );
});

it("looks at a default whatever else is wrong outside of its column", () => {
  const text = `${withColumn("{ type: integer, default: x }")}when: { a: 1, $index: a }\ndedupe: $index\n`;
  const mistakes = readMapping(text, () => "not a number");
  expect(mistakes).toMatchObject({ mistakes: [{ line: 4 }, { line: 5 }, { line: 6 }] });
});

it("shows little of a file, and nothing that moves a cursor", () => {
  const [mistake = ""] = mistakesIn(withColumn(`{ type: "\\e[2J${"x".repeat(1_000)}" }`));
  expect(mistake).toMatch(/^4:14: columns\.a\.type: "\\u\{1b\}\[2Jx{36}…" is not possible\./);
});

describe("no sentence is long, or has a character that is not seen", () => {
  const long = `\u202e${"x".repeat(3_000)}`;
  const file = (keys: object): string =>
    JSON.stringify({ version: 1, table: "a.b", columns: { c: {} }, ...keys });
  const column = (keys: object, name = "c"): string => file({ columns: { [name]: keys } });

  it.each([
    ...["", "$", "$.", "$body.", "$message.a..", "$attribute/", "a..", "a[0].", "/~"].flatMap((start) => [
      column({ from: [start + long, 1] }),
      column({ type: "jsonb", keep: [start + long, ""] }),
      file({ records: start + long, dedupe: ["$index"], unmatched: "x" }),
      file({ when: { [start + long]: [] } }),
    ]),
    file({ records: `$attribute.${long}` }),
    ...["type", "mask", "field", "unit", "zone", "normalize", "invalid", "required", long].map((key) =>
      column({ [key]: long }),
    ),
    column({ type: `varchar(${"9".repeat(3_000)})` }),
    column({ default: long, type: "date", min: 1 }),
    ...["version", "table", "envelopes", "unmatched", "columns", long].map((key) => file({ [key]: long })),
    file({ when: { a: { [long]: 1 } } }),
    column({}, long),
    file({
      columns: { ["\u202e".repeat(20)]: { mask: "token" }, b: { mask: "token", field: "b", max: -1 } },
    }),
    JSON.stringify(long),
    JSON.stringify({ [long]: 1 }),
  ])("%#", (text) => {
    const mistakes = mistakesIn(text);
    expect(mistakes).not.toEqual([]);
    for (const mistake of mistakes) expect(mistake).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]{1,420}$/u);
  });
});
