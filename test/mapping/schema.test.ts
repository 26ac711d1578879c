// The JSON Schema, and the tables of the documentation, are the schema that checks a file.
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import { mappingSchema } from "../../scripts/mapping-schema.ts";
import { COLUMN_KEYS, FILE_KEYS, type DescribedKey } from "../../src/mapping/described-keys.ts";
import { LOGIN } from "../../src/mapping/login.ts";
import { unpadded } from "../support/markdown.ts";
import { anyFile } from "./files.ts";
import { mistakesIn } from "./mistakes.ts";

const validate = new Ajv2020({ strict: true, strictTypes: false }).compile(mappingSchema());

it("accepts, as JSON Schema, every file without mistakes", () => {
  fc.assert(
    fc.property(anyFile, (file) => {
      expect(validate(file), JSON.stringify(validate.errors)).toBe(true);
    }),
  );
  expect(validate(LOGIN)).toBe(true);
});

it.each([
  [{}],
  [{ ...LOGIN, version: 2 }],
  [{ ...LOGIN, tabel: "a.b" }],
  [{ ...LOGIN, envelopes: ["sqs"] }],
  [{ ...LOGIN, when: { a: { prefx: "b" } } }],
  [{ ...LOGIN, columns: { a: { type: "string" } } }],
  [{ ...LOGIN, columns: { a: { max: 0 } } }],
  [{ ...LOGIN, columns: { a: { mask: "sha256" } } }],
  [{ ...LOGIN, table: "user_logins" }],
  [{ ...LOGIN, table: 'a."b"' }],
  [{ ...LOGIN, records: "" }],
  [{ ...LOGIN, when: { "": 1 } }],
  [{ ...LOGIN, columns: {} }],
  [{ ...LOGIN, columns: { "": { from: "a" } } }],
  [{ ...LOGIN, columns: { ["a".repeat(64)]: {} } }],
  [{ ...LOGIN, columns: Object.fromEntries(Array.from({ length: 1_601 }, (_each, nth) => [`c${nth}`, {}])) }],
  [{ ...LOGIN, columns: { a: { default: null } } }],
  [{ ...LOGIN, columns: { a: { type: "jsonb", keep: ["$record.b"] } } }],
  [{ ...LOGIN, columns: { a: { mask: "token", field: "a b" } } }],
  ...["kid", "quarantine", "body", "idempotency", "network", ""].map((field): [object] => [
    { ...LOGIN, columns: { a: { mask: "token", field } } },
  ]),
])("rejects, as JSON Schema and as a file, %j", (file) => {
  expect(validate(file)).toBe(false);
  expect(mistakesIn(JSON.stringify(file))).not.toEqual([]);
});

it("accepts, as JSON Schema, names at their limits", () => {
  const columns = {
    ["a".repeat(63)]: { mask: "token", field: `network-${"a".repeat(56)}` },
    b: { default: [] },
  };
  expect(validate({ ...LOGIN, table: "a b.ü", columns }), JSON.stringify(validate.errors)).toBe(true);
});

const page = unpadded(readFileSync(new URL("../../docs/mapping-reference.md", import.meta.url), "utf8"));

function rowsOf(keys: readonly DescribedKey[]): string[] {
  return keys.map(({ name, meaning, standard }) =>
    `| \`${name}\` | ${meaning} | ${standard === undefined ? "" : `\`${standard}\``} |`.replace(/ +/g, " "),
  );
}

it.each([
  ["file", rowsOf(FILE_KEYS)],
  ["column", rowsOf(COLUMN_KEYS)],
])("the documentation has every key of a %s, as the schema describes it", (_what, rows) => {
  expect(rows.length).toBeGreaterThan(7);
  expect(page).toContain(rows.join("\n"));
});
