// The JSON Schema, and the tables of the documentation, are the schema that checks a file.
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { z } from "zod";
import { mappingSchema } from "../../scripts/mapping-schema.ts";
import { LOGIN } from "../../src/mapping/login.ts";
import { columnFile, mappingFile } from "../../src/mapping/schema.ts";
import { unpadded } from "../support/markdown.ts";
import { anyFile } from "./files.ts";

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
])("rejects, as JSON Schema, %j", (file) => {
  expect(validate(file)).toBe(false);
});

const page = unpadded(readFileSync(new URL("../../docs/mapping.md", import.meta.url), "utf8"));

function rowsOf(shape: Readonly<Record<string, z.ZodType>>): string[] {
  return Object.entries(shape).map(([key, schema]) => {
    const standard: unknown = "defaultValue" in schema.def ? schema.def.defaultValue : undefined;
    const text = JSON.stringify(standard)?.replaceAll('"', "").replaceAll(",", ", ");
    const shown = text === undefined ? "" : `\`${text}\``;
    return `| \`${key}\` | ${schema.description ?? ""} | ${shown} |`.replace(/ +/g, " ");
  });
}

it.each([
  ["file", rowsOf(mappingFile.shape)],
  ["column", rowsOf(columnFile.shape)],
])("the documentation has every key of a %s, as the schema describes it", (_what, rows) => {
  expect(rows.length).toBeGreaterThan(7);
  expect(page).toContain(rows.join("\n"));
});
