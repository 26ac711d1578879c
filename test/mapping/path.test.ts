// The text of a path.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Invalid } from "../../src/mapping/mapping.ts";
import { keyPath, parsePath } from "../../src/mapping/path.ts";

it.each([
  ["ip", "record", ["ip"]],
  ["user.address.0.city", "record", ["user", "address", "0", "city"]],
  ["a/b.c", "record", ["a/b", "c"]],
  ["a.$b", "record", ["a", "$b"]],
  ["__proto__.constructor", "record", ["__proto__", "constructor"]],
  ["/http.method", "record", ["http.method"]],
  ["/", "record", [""]],
  ["/a~1b/m~0n/~01", "record", ["a/b", "m~n", "~1"]],
  ["/a//b", "record", ["a", "", "b"]],
  ["/items[0]/$x", "record", ["items[0]", "$x"]],
  ["$record", "record", []],
  ["$record.a.b", "record", ["a", "b"]],
  ["$record/$a.b", "record", ["$a.b"]],
  ["$message", "message", []],
  ["$message.detail.id", "message", ["detail", "id"]],
  ["$sns.TopicArn", "sns", ["TopicArn"]],
  ["$eventbridge/detail-type", "eventbridge", ["detail-type"]],
  ["$cloudevents.source", "cloudevents", ["source"]],
])("%s are the keys of %s: %j", (text, root, keys) => {
  expect(parsePath(text)).toEqual({ kind: "keys", text, root, keys });
});

it.each(["index", "message_id", "sent_at", "queue", "body"])("$%s is a fact", (fact) => {
  expect(parsePath(`$${fact}`)).toEqual({ kind: "fact", text: `$${fact}`, fact });
});

it.each(["tenant", "AWS.SNS.x", "a/b"])(
  "$attribute.%s is an attribute, named by all that follows",
  (name) => {
    expect(parsePath(`$attribute.${name}`)).toEqual({ kind: "attribute", text: `$attribute.${name}`, name });
  },
);

it.each([
  ["", "a path is not empty"],
  ["a\u0000b", "a path has no control characters and no lone surrogates"],
  ["a\uD800", "a path has no control characters and no lone surrogates"],
  ["a..b", "a key between dots is empty: write /a//b if it is so named"],
  [".a", "a key between dots is empty: write //a if it is so named"],
  ["a.", "a key between dots is empty: write /a/ if it is so named"],
  ["a/b.", "a key between dots is empty: write /a~1b/ if it is so named"],
  ["$record.", "a key between dots is empty: write $record/ if it is so named"],
  ["$message.a..b", "a key between dots is empty: write $message/a//b if it is so named"],
  ["/a~2", 'in a JSON Pointer, write ~0 for "~", and ~1 for "/"'],
  ["/a~", 'in a JSON Pointer, write ~0 for "~", and ~1 for "/"'],
  ["$.a.b", 'a path has no "$" before its first key: write a.b'],
  ["$..a", 'a path has no "$" before its first key: write a'],
  ["$/a", 'a path has no "$" before its first key: write a'],
  ["$", 'a path has no "$" before its first key: write $record'],
  ["$index.a", "$index stands alone"],
  ["$body.a", "$body stands alone; for a key of the message, write $message.a"],
  ["$attribute", "the name of the attribute is missing: write $attribute.NAME"],
  ["$attribute.", "the name of the attribute is missing: write $attribute.NAME"],
  ["$attribute/a", "the name of the attribute is missing: write $attribute.NAME"],
])("%j is no path", (text, reason) => {
  expect(parsePath(text)).toEqual(new Invalid(reason));
});

it.each([
  ["items[0].id", "items.0.id", "/items[0]/id"],
  ["[0][12].id", "0.12.id", "/[0][12]/id"],
  ["$message.a[0]", "$message.a.0", "$message/a[0]"],
])("%s is told how to write an index", (text, path, pointer) => {
  expect(parsePath(text)).toEqual(
    new Invalid(`write ${path}. If the key has the brackets, write ${pointer}`),
  );
});

it.each(["a.items[]", "items[*].id", "items.*.id"])("%s is told that there are no wildcards", (text) => {
  expect(parsePath(text)).toMatchObject({
    reason: expect.stringMatching(/^a path has no wildcards\. .* write \/\w/),
  });
});

it("names all roots and facts where a path begins with another, and how to name such a key", () => {
  const { reason } = parsePath("$a/b") as Invalid;
  for (const start of ["$record", "$message", "$sns", "$index", "$sent_at", "$attribute"])
    expect(reason).toContain(start);
  expect(reason).toContain("write $record/$a");
});

describe("any list of keys", () => {
  const keys = fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 });

  it("has a JSON Pointer that reads back as the same keys", () => {
    fc.assert(
      fc.property(keys, (given) => {
        const pointer = given.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
        const path = parsePath(pointer);
        if (path instanceof Invalid) expect(pointer).toMatch(/\p{Cc}/u);
        else expect(path).toEqual({ kind: "keys", text: pointer, root: "record", keys: given });
      }),
    );
  });

  it("is kept whole as the one key of a column", () => {
    expect(keyPath("a.b/$c")).toEqual({ kind: "keys", text: "a.b/$c", root: "record", keys: ["a.b/$c"] });
  });
});
