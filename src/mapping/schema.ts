// The schema of a mapping's file: the source of its checks, of mapping.schema.json and of the tables in docs/mapping-reference.md. The descriptions
// are the cells of these tables. What no schema can say, because it is about two keys, is in column-checks.ts and file-checks.ts.
import { z } from "zod";
import { count } from "../failure.ts";
import { RESERVED_NAMES } from "../masking/keys.ts";
import { ENVELOPES, Invalid, NORMALIZATIONS, TYPES, UNITS, type Json } from "./mapping.ts";
import { whyNoColumn, whyNoField, whyNoTable } from "./names.ts";
import { nearest } from "./nearest.ts";
import { parsePath, STARTS } from "./path.ts";
import { DEFAULTS } from "./traits.ts";

/** The most columns that a table of Postgres can have. */
const MOST_COLUMNS = 1_600;
/** The longest text for which Postgres's `varchar` can have a length. */
const MOST_CHARACTERS = 10_485_760;

// `error` is what is possible, for the sentence about a mistake; a check's own message is why a value is not possible. `meta` is what the JSON
// Schema can say of such a check.

type Meta = Readonly<Record<string, unknown>>;

function text(possible: string, whyNot: (given: string) => string | undefined, meta: Meta) {
  return z
    .string({ error: possible })
    .superRefine((given, context) => {
      const reason = whyNot(given);
      if (reason !== undefined) context.addIssue({ code: "custom", message: reason });
    })
    .meta(meta);
}

function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: values.join(", ") });
}

function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${count(max)}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function list<Item extends z.ZodType>(item: Item, possible: string, min: 0 | 1 = 1) {
  return z.array(item, { error: possible }).min(min, { error: possible });
}

const yesOrNo = z.boolean({ error: "true, false" });

function whyNoPath(given: string): string | undefined {
  const found = parsePath(given);
  if (!(found instanceof Invalid)) return undefined;
  const [start = ""] = /^\$[^./]*/.exec(given) ?? [];
  const near = start.length > 1 && !STARTS.includes(start) ? nearest(start, STARTS) : undefined;
  return found.reason + (near === undefined ? "" : `. Did you mean ${near}?`);
}

const path = text("a path", whyNoPath, { minLength: 1 });

const pathOrPaths = z.union([path, list(path, "a path, or a list of paths")], {
  error: "a path, or a list of paths",
});

const keptPath = text(
  "a path",
  (given) => (given.startsWith("$") ? 'a path of keep begins at the value, without a "$"' : whyNoPath(given)),
  { pattern: "^[^$]" },
);

const FIELD_PATTERN = `^(?!(?:${[...RESERVED_NAMES].join("|")})$)[A-Za-z0-9_-]{1,64}$`;

const NETWORKS = "network, or { network: { v4: 16, v6: 32 } }";
const mask = z.union(
  [
    oneOf(["token", "network"]),
    z.strictObject(
      {
        network: z.strictObject(
          { v4: whole(1, 32).default(DEFAULTS.v4), v6: whole(1, 128).default(DEFAULTS.v6) },
          { error: "{ v4: 16, v6: 32 }" },
        ),
      },
      { error: NETWORKS },
    ),
  ],
  { error: `token, ${NETWORKS}` },
);

const column = z
  .strictObject(
    {
      from: pathOrPaths
        .optional()
        .describe(
          "a path, or a list of them: the first whose value is neither missing nor null counts; without it, the column's name as one key",
        ),
      type: oneOf(TYPES)
        .default(DEFAULTS.type)
        .describe(TYPES.map((name) => `\`${name}\``).join(", ")),
      min: whole(0, MOST_CHARACTERS)
        .optional()
        .describe("`text`: the minimum length after `normalize`, in Unicode code points"),
      max: whole(1, MOST_CHARACTERS)
        .optional()
        .describe("`text`: the maximum length after `normalize`, in Unicode code points"),
      unit: oneOf(UNITS)
        .optional()
        .describe(
          "`date`, `timestamptz`: what a number counts since 1970: `d` days, `s` seconds, `ms`, `us`, `ns`; without it, a number is rejected",
        ),
      zone: z
        .string({ error: "UTC, or an offset such as +05:30" })
        .regex(/^(?:UTC|[+-](?:0\d|1[0-5]):[0-5]\d)$/, { error: "UTC, or an offset such as +05:30" })
        .optional()
        .describe(
          "`date`, `timestamptz`: the zone of a time that has none, `UTC` or an offset such as `+05:30`; without it, such a time is rejected",
        ),
      keep: list(keptPath, "a list of paths")
        .optional()
        .describe(
          "`jsonb`: the paths that stay, from the value; through a list, they apply to each element; without it, everything stays",
        ),
      required: yesOrNo
        .default(DEFAULTS.required)
        .describe("whether a missing value is a rejection; if `false`, it is null"),
      nullable: yesOrNo.default(DEFAULTS.nullable).describe("whether null is accepted"),
      default: z
        .custom<Json>()
        .meta({ not: { type: "null" } })
        .optional()
        .describe("a value that replaces a missing value or null"),
      invalid: oneOf(["reject", "set_null"])
        .default(DEFAULTS.invalid)
        .describe(
          "what happens to a value that cannot be read: `reject` the record, or `set_null` the column and count it",
        ),
      normalize: list(oneOf(NORMALIZATIONS), "a list, such as [trim, lower]")
        .optional()
        .describe(
          "a list of steps, in their order: `text`, `uuid`: `trim`, `lower`, `uuid` (a UUID to lower case), `url_decode`, `empty` and `nil` (to null); `ip`: `first`, `last` of a comma-separated list; `jsonb`: `decode` (text that is JSON)",
        ),
      mask: mask
        .optional()
        .describe(
          "`token`: a keyed token replaces the value; `ip`: also `network`, the token of its /24 or /48, or `{ network: { v4: 16, v6: 32 } }`",
        ),
      field: text("the name of a field", whyNoField, { pattern: FIELD_PATTERN })
        .optional()
        .describe(
          "with `mask`: the name of the mask's key; columns of one field have equal tokens for equal values; without it, the column's name",
        ),
    },
    { error: "the keys of a column, such as { from: user.id, type: uuid }, or {} for a text column" },
  )
  .describe("A column of the table.");

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const WANTED = "a value, a list of values, { prefix: text } or { exists: false }";
const wanted = z.union(
  [
    scalar,
    list(scalar, WANTED),
    z.strictObject(
      {
        prefix: z.string({ error: "a text that is not empty" }).min(1, { error: "a text that is not empty" }),
      },
      { error: WANTED },
    ),
    z.strictObject({ exists: z.literal(false, { error: "false" }) }, { error: WANTED }),
  ],
  { error: WANTED },
);

export const mappingFile = z
  .strictObject(
    {
      version: z.literal(1, { error: "1" }).describe("`1`, the version of this format; needed"),
      table: text("a table, such as public.user_logins", whyNoTable, {
        pattern: '^[^."]+\\.[^."]+$',
      }).describe("the table, with its schema, such as `public.user_logins`; `--table` overrides it; needed"),
      envelopes: list(oneOf(ENVELOPES), "a list, such as [sns]", 0)
        .default([...DEFAULTS.envelopes])
        .describe(
          "a list of the envelopes that are opened where they are present: `sns`, `eventbridge` (its `detail`), `cloudevents` (its `data` or `data_base64`)",
        ),
      records: path
        .optional()
        .describe(
          "the path of a list, each element a record; `$message` if the body is the list; without it, the message is the one record",
        ),
      when: z
        .record(path, wanted, { error: "conditions, each a path and a value, such as { type: order }" })
        .optional()
        .describe(
          "conditions that must all hold, each a path with a value, a list of values, `{ prefix: text }` or `{ exists: false }`; without it, every record is loaded",
        ),
      unmatched: oneOf(["quarantine", "skip"])
        .default(DEFAULTS.unmatched)
        .describe(
          "what happens to a record that `when` excludes: `quarantine`, or `skip` (counted and deleted, not kept)",
        ),
      dedupe: pathOrPaths
        .optional()
        .describe(
          "a path or a list of paths: the idempotency key, in addition to the message id of SQS; without it, none",
        ),
      columns: z
        .record(text("the name of a column", whyNoColumn, { minLength: 1, maxLength: 63 }), column, {
          error: "columns by name, such as { id: {} }",
        })
        .superRefine((columns, context) => {
          const names = Object.keys(columns).length;
          if (names === 0 || names > MOST_COLUMNS) {
            context.addIssue({
              code: "custom",
              message: `a table has 1 to ${count(MOST_COLUMNS)} columns`,
            });
          }
        })
        .meta({ minProperties: 1, maxProperties: MOST_COLUMNS })
        .describe("the columns by name, each with the keys below or `{}` for a text column; needed"),
    },
    { error: "the keys of a mapping" },
  )
  .describe("A mapping of fetch-etl: which message becomes which row.");

/** One of the columns. */
export const columnFile = column;

/** The file's content, before defaults are filled in. */
export type MappingFile = z.input<typeof mappingFile>;
export type ColumnFile = z.input<typeof column>;
/** With the defaults. */
export type ReadFile = z.output<typeof mappingFile>;
/** A column with its defaults. */
export type ReadColumn = z.output<typeof column>;
