// Random files without mistakes.
import fc from "fast-check";
import { readMapping } from "../../src/mapping/file.ts";
import { ENVELOPES, NORMALIZATIONS, TYPES, UNITS, type Json } from "../../src/mapping/mapping.ts";
import type { ColumnFile, MappingFile } from "../../src/mapping/schema.ts";
import { TRAITS } from "../../src/mapping/traits.ts";

const key = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    "null",
    "true",
    "1",
    "1.0",
    "~",
    "no",
    "constructor",
    "a: b",
    "- a",
    "# a",
    "*a",
    "&a",
    "!a",
    "{",
    "a\u2028b",
  ),
);
const path = fc.oneof(
  fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => pointer(keys)),
  fc.constantFrom(
    "a",
    "a.b.0",
    "$record",
    "$record.a",
    "$message.x",
    "$sns.TopicArn",
    "$index",
    "$sent_at",
    "$attribute.x y",
  ),
);

function pointer(keys: readonly string[]): string {
  return keys.map((each) => `/${each.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

const scalar = fc.oneof(
  key,
  fc.integer(),
  // `JSON.stringify` makes -0 a 0.
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number || 0),
  fc.boolean(),
  fc.constant(null),
);

const column: fc.Arbitrary<ColumnFile> = fc.constantFrom(...TYPES).chain((type) => {
  const { length, time, parts, normalize, mask } = TRAITS[type];
  const optional = <T>(is: boolean, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    is ? fc.option(arbitrary, { nil: undefined }) : fc.constant(undefined);
  // fast-check chooses from no empty list.
  const oneOrMore = <T, U>(
    values: readonly T[],
    make: (one: fc.Arbitrary<T>) => fc.Arbitrary<U>,
  ): fc.Arbitrary<U | undefined> =>
    values.length === 0
      ? fc.constant(undefined)
      : fc.option(make(fc.constantFrom(...values)), { nil: undefined });
  return fc
    .record({
      type: fc.constant(type),
      from: fc.option(fc.oneof(path, fc.array(path, { minLength: 1, maxLength: 3 })), { nil: undefined }),
      min: optional(length, fc.integer({ min: 0, max: 5 })),
      max: optional(length, fc.integer({ min: 5, max: 10_485_760 })),
      unit: optional(time, fc.constantFrom(...UNITS)),
      zone: optional(time, fc.constantFrom("UTC", "+05:30", "-08:00")),
      keep: optional(
        parts,
        fc.array(fc.array(key, { minLength: 1, maxLength: 2 }).map(pointer), { minLength: 1, maxLength: 3 }),
      ),
      required: fc.option(fc.boolean(), { nil: undefined }),
      invalid: fc.option(fc.constantFrom("reject" as const, "set_null" as const), { nil: undefined }),
      default: fc.option<string | Json[], undefined>(parts ? fc.array(scalar) : key, { nil: undefined }),
      normalize: oneOrMore(
        NORMALIZATIONS.filter((step) => normalize.includes(step) && step !== "last"),
        (step) => fc.array(step, { minLength: 1, maxLength: 3 }),
      ),
      mask: oneOrMore([...mask, ...(type === "ip" ? [{ network: { v4: 16 } }] : [])], (each) => each),
    })
    .map((each) => Object.fromEntries(Object.entries(each).filter(([, value]) => value !== undefined)));
});

const rest = fc.record(
  {
    envelopes: fc
      .uniqueArray(fc.constantFrom(...ENVELOPES.slice(1)))
      .map((others) => ["sns" as const, ...others]),
    records: fc.constantFrom("$message", "a.b", "$sns.x", "/a.b"),
    when: fc.dictionary(
      path,
      fc.oneof(
        scalar,
        fc.array(scalar, { minLength: 1, maxLength: 3 }),
        key.map((prefix) => ({ prefix })),
        fc.constant({ exists: false as const }),
      ),
      { maxKeys: 3 },
    ),
    unmatched: fc.constantFrom("quarantine" as const, "skip" as const),
    dedupe: fc.constantFrom("a", ["a", "$index"], ["/b.c", "$message_id"]),
  },
  { requiredKeys: [] },
);

/** Files that pass all checks. */
export const anyFile: fc.Arbitrary<MappingFile> = fc
  .tuple(rest, fc.dictionary(key, column, { minKeys: 1, maxKeys: 6 }))
  .map(([others, columns]) => ({
    version: 1 as const,
    table: "public.t",
    ...others,
    columns: withFields(columns),
  }))
  .filter((file) => "mapping" in readMapping(JSON.stringify(file)));

/** Each masked column with a field of its own. */
function withFields(columns: Readonly<Record<string, ColumnFile>>): Record<string, ColumnFile> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, each], index) => [
      name,
      each.mask === undefined ? each : { ...each, field: `f${index}` },
    ]),
  );
}
