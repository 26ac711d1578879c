import { describe, expect, it } from "vitest";
import { DEFAULT_TABLE, readTable, tableText } from "../../src/config/table.ts";
import { reading } from "./told.ts";

const read = (table: string | undefined): { value: unknown; told: string[] } =>
  reading((problems) => readTable(table === undefined ? {} : { table }, problems));

describe("the table is", () => {
  it.each([
    [undefined, DEFAULT_TABLE],
    ["public.user_logins", DEFAULT_TABLE],
    ["analytics.logins", { schema: "analytics", name: "logins" }],
    // As the catalogue has it.
    ["Analytics.Log ins", { schema: "Analytics", name: "Log ins" }],
    ["order.user", { schema: "order", name: "user" }],
    [`${"ä".repeat(31)}.${"x".repeat(63)}`, { schema: "ä".repeat(31), name: "x".repeat(63) }],
  ])("%s", (table, expected) => {
    expect(read(table)).toEqual({ value: expected, told: [] });
  });
});

const MALFORMED = expect.stringContaining("--table / FETCH_ETL_TABLE: a table is a schema and a name");
const KEPT = expect.stringContaining("is reserved for");

it.each([
  ["", MALFORMED],
  ["logins", MALFORMED],
  [".logins", MALFORMED],
  ["analytics.", MALFORMED],
  ["db.analytics.logins", MALFORMED],
  ['analytics."logins"', MALFORMED],
  ["analytics.log\nins", MALFORMED],
  [`analytics.${"ä".repeat(32)}`, MALFORMED],
  ["analytics.\ud800", MALFORMED],
  ["fetch_etl.ledger", KEPT],
  ["pg_catalog.pg_class", KEPT],
  ["information_schema.tables", KEPT],
])("refuses %j", (table, sentence) => {
  expect(read(table).told).toEqual([sentence]);
});

it("is named in a sentence with its schema, unless it is the usual one", () => {
  expect(tableText(DEFAULT_TABLE)).toBe("user_logins");
  expect(tableText({ schema: "public", name: "logins" })).toBe("public.logins");
});
