// `verify` of a mapping with a column of each type, masked ones included, whatever the table's types and the session's settings.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Column } from "../../src/mapping/mapping.ts";
import { identifier } from "../../src/postgres/quote.ts";
import { createTarget } from "../../src/postgres/target-table.ts";
import { verifyTables, type Verification, type VerifiedColumn } from "../../src/postgres/verify.ts";
import { columnOf } from "../mapping/values.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";

const TABLE = { schema: "odd. \"schema'", name: 'a "table' };
const NAME = `${identifier(TABLE.schema)}.${identifier(TABLE.name)}`;

const token = (keyId: string, letter: string): string => `h1.${keyId}.${letter.repeat(43)}`;
const A = token("aaaaaaaa", "x");
const B = token("bbbbbbbb", "y");
const masked = (field: string): Partial<Column> => ({ mask: { kind: "token", field } });

interface Case {
  readonly column: Column;
  /** The column's type in the table, where it is not that which `init` gives. */
  readonly tableType?: string;
  /** SQL of the values of five rows; the fifth is NULL where there are four. */
  readonly cells: readonly string[];
  readonly verified: VerifiedColumn;
}

const rows = (...each: readonly (readonly [value: string | null, rows: number])[]) => ({
  values: each.map(([value, count]) => ({ value, rows: count })),
});
/** What has the values of a column once each, and NULL once. */
const once = (...values: string[]) => ({
  nulls: 1,
  distinct: values.length,
  ...rows(...values.map((value) => [value, 1] as const), [null, 1]),
});

const CASES: readonly Case[] = [
  {
    column: { ...columnOf("text", { max: 200 }), name: 'text "quoted" \\ Ünï' },
    cells: ["''", "'b'", "'b'", `repeat('\u{1F600}', 65)`],
    verified: {
      type: "text",
      nulls: 1,
      distinct: 3,
      ...rows(["b", 2], ["", 1], [`${"\u{1F600}".repeat(64)}…`, 1], [null, 1]),
    },
  },
  {
    column: { ...columnOf("text"), name: "enum" },
    tableType: "public.mood",
    cells: ["'sad'", "'happy'", "'happy'", "'happy'"],
    verified: { type: "text", nulls: 1, distinct: 2, ...rows(["happy", 3], ["sad", 1], [null, 1]) },
  },
  {
    column: { ...columnOf("text"), name: "domain" },
    tableType: "public.short",
    cells: ["'abc'", "'ABC'", "'abc'", "'abc'"],
    verified: { type: "text", nulls: 1, distinct: 2, ...rows(["abc", 3], ["ABC", 1], [null, 1]) },
  },
  {
    column: { ...columnOf("integer"), name: "integer" },
    cells: ["9", "10", "-2147483648", "2147483647"],
    verified: {
      type: "integer",
      ...once("-2147483648", "10", "2147483647", "9"),
      min: "-2147483648",
      max: "2147483647",
    },
  },
  {
    column: { ...columnOf("integer"), name: "smaller than the mapping's" },
    tableType: "smallint",
    cells: ["9", "10", "10", "10"],
    verified: { type: "integer", nulls: 1, distinct: 2, ...rows(["10", 3], ["9", 1], [null, 1]) },
  },
  {
    column: { ...columnOf("bigint"), name: "bigint" },
    cells: ["9223372036854775807", "-9223372036854775808", "9007199254740993", "9007199254740992"],
    verified: {
      type: "bigint",
      ...once("-9223372036854775808", "9007199254740992", "9007199254740993", "9223372036854775807"),
      min: "-9223372036854775808",
      max: "9223372036854775807",
    },
  },
  {
    column: { ...columnOf("numeric"), name: "numeric" },
    cells: ["2.5", "10.25", "10::numeric ^ 70", "'NaN'"],
    verified: {
      type: "numeric",
      ...once("10.25", `1${"0".repeat(63)}…`, "2.5", "NaN"),
      min: "2.5",
      max: "NaN",
    },
  },
  {
    column: { ...columnOf("double"), name: "double" },
    cells: ["0.1", "'NaN'", "'-Infinity'", "1e300"],
    verified: {
      type: "double",
      ...once("-Infinity", "0.1", "1e+300", "NaN"),
      min: "-Infinity",
      max: "NaN",
    },
  },
  {
    column: { ...columnOf("boolean"), name: "boolean" },
    cells: ["true", "false", "true", "true"],
    verified: { type: "boolean", nulls: 1, distinct: 2, ...rows(["true", 3], ["false", 1], [null, 1]) },
  },
  {
    column: { ...columnOf("date"), name: "date" },
    cells: ["'2024-02-01'", "'2023-12-31'", "'infinity'", "'2024-02-01'"],
    verified: {
      type: "date",
      nulls: 1,
      distinct: 3,
      min: "2023-12-31",
      max: "infinity",
      ...rows(["2024-02-01", 2], ["2023-12-31", 1], ["infinity", 1], [null, 1]),
    },
  },
  {
    column: { ...columnOf("timestamptz"), name: "timestamptz" },
    cells: ["'2024-03-10T02:30:00.000001-05:00'", "'2024-01-15 10:15:30Z'", "'-infinity'", "'-infinity'"],
    verified: {
      type: "timestamptz",
      nulls: 1,
      distinct: 3,
      min: "-infinity",
      max: "2024-03-10T07:30:00.000001Z",
      ...rows(["-infinity", 2], ["2024-01-15T10:15:30Z", 1], ["2024-03-10T07:30:00.000001Z", 1], [null, 1]),
    },
  },
  {
    column: { ...columnOf("timestamptz"), name: "timestamp" },
    tableType: "timestamp(3)",
    cells: ["'2024-03-10 02:30:00.5'", "'2024-01-15 10:15:30'", "'2024-01-15 10:15:30'", "null"],
    verified: {
      type: "timestamptz",
      nulls: 2,
      distinct: 2,
      min: "2024-01-15T10:15:30Z",
      max: "2024-03-10T02:30:00.5Z",
      ...rows(["2024-01-15T10:15:30Z", 2], ["2024-03-10T02:30:00.5Z", 1], [null, 2]),
    },
  },
  {
    column: { ...columnOf("uuid"), name: "uuid" },
    cells: Array.from({ length: 4 }, () => "'5D41402A-BC4B-2A76-B971-9D911017C592'"),
    verified: {
      type: "uuid",
      nulls: 1,
      distinct: 1,
      ...rows(["5d41402a-bc4b-2a76-b971-9d911017c592", 4], [null, 1]),
    },
  },
  {
    column: { ...columnOf("ip"), name: "ip" },
    cells: ["'192.0.2.1'", "'2001:db8::7'", "'192.0.2.0/24'", "'192.0.2.1/32'"],
    verified: {
      type: "ip",
      nulls: 1,
      distinct: 3,
      ...rows(["192.0.2.1", 2], ["192.0.2.0/24", 1], ["2001:db8::7", 1], [null, 1]),
    },
  },
  {
    column: { ...columnOf("jsonb"), name: "jsonb" },
    cells: [`'{"b":1,"a":[2]}'`, `'{"a":[2],"b":1.0}'`, "'null'", `'${JSON.stringify("x".repeat(100))}'`],
    verified: {
      type: "jsonb",
      nulls: 1,
      distinct: 3,
      values: [
        { value: expect.stringMatching(/^\{"a": \[2\], "b": 1(\.0)?\}$/) as string, rows: 2 },
        { value: `"${"x".repeat(63)}…`, rows: 1 },
        { value: "null", rows: 1 },
        { value: null, rows: 1 },
      ],
    },
  },
  {
    column: { ...columnOf("jsonb"), name: "json" },
    tableType: "json",
    cells: ["'{}'", "'{}'", "'[]'", "'[]'"],
    verified: { type: "jsonb", nulls: 1, distinct: 2, ...rows(["[]", 2], ["{}", 2], [null, 1]) },
  },
  {
    column: { ...columnOf("version"), name: "version" },
    cells: ["2003001", "0", "96000", "-5"],
    verified: { type: "version", ...once("-5", "0.0.0", "2.3.1", "0.96.0") },
  },
  {
    column: { ...columnOf("version_major"), name: "version_major" },
    tableType: "bigint",
    cells: ["2", "2", "2", "10"],
    verified: { type: "version_major", nulls: 1, distinct: 2, ...rows(["2", 3], ["10", 1], [null, 1]) },
  },
  {
    column: { ...columnOf("ip", masked("ip")), name: "masked ip" },
    cells: [`'${A}'`, `'${A}'`, `'${B}'`, "'192.0.2.1'"],
    verified: {
      type: "ip",
      nulls: 1,
      unmasked: 1,
      distinct: 3,
      keyIds: { aaaaaaaa: 2, bbbbbbbb: 1 },
      repeats: [
        { min: 1, max: 1, values: 2 },
        { min: 2, max: 2, values: 1 },
      ],
      mostRepeated: [{ token: A, rows: 2 }],
    },
  },
  {
    column: { ...columnOf("date", masked("birthday")), name: "masked date" },
    tableType: "text",
    cells: ["null", "null", "repeat('1999-12-31', 1000)", "repeat('1999-12-31', 1000)"],
    verified: {
      type: "date",
      nulls: 3,
      unmasked: 2,
      distinct: 1,
      keyIds: {},
      repeats: [
        { min: 1, max: 1, values: 0 },
        { min: 2, max: 2, values: 1 },
      ],
      mostRepeated: [],
    },
  },
  {
    column: { ...columnOf("integer", masked("account")), name: "never masked" },
    tableType: "integer",
    cells: ["7", "7", "7", "8"],
    verified: {
      type: "integer",
      nulls: 1,
      unmasked: 4,
      distinct: 2,
      keyIds: {},
      repeats: [
        { min: 1, max: 1, values: 1 },
        { min: 2, max: 2, values: 0 },
        { min: 3, max: 3, values: 1 },
      ],
      mostRepeated: [],
    },
  },
];

let databases: Databases;
beforeAll(async () => {
  databases = await openDatabases();
});
afterAll(() => databases.dispose());

async function verified(
  database: Database,
  columns: readonly Column[],
  table = TABLE,
  extent: "counts" | "values" = "values",
): Promise<Verification> {
  return verifyTables({ ...database.settings, table, columns }, extent);
}

async function fill({ sql, settings }: Database): Promise<void> {
  await sql.unsafe(`
    create type public.mood as enum ('sad', 'happy');
    create domain public.short as varchar(3);
    create schema ${identifier(TABLE.schema)};
    ${createTarget({ table: TABLE, columns: CASES.map(({ column }) => column) })};`);
  for (const { column, tableType } of CASES) {
    if (tableType !== undefined) {
      await sql.unsafe(
        `alter table ${NAME} drop ${identifier(column.name)}, add ${identifier(column.name)} ${tableType}`,
      );
    }
  }
  const names = CASES.map(({ column }) => identifier(column.name)).join(", ");
  for (let row = 0; row < 5; row += 1) {
    await sql.unsafe(
      `insert into ${NAME} (${names}) values (${CASES.map(({ cells }) => cells[row] ?? "null").join(", ")})`,
    );
  }
  await sql.unsafe(`
    grant usage on schema ${identifier(TABLE.schema)} to ${settings.user};
    grant select on ${NAME} to ${settings.user};`);
}

it.each<[string, Readonly<Record<string, string>>]>([
  ["as they are", {}],
  [
    "hostile",
    {
      ...{ datestyle: "'SQL, DMY'", timezone: "'America/New_York'", bytea_output: "'escape'" },
      ...{ extra_float_digits: "-15", quote_all_identifiers: "on", search_path: "public, pg_catalog" },
      ...{ enable_hashagg: "off", standard_conforming_strings: "off" },
    },
  ],
])("a column of each type is read alike in each table, with settings %s", async (_, settings) => {
  const database = await databases.make();
  await databases.set(database, settings);
  await fill(database);
  // A stranger's function that fits better than Postgres's own.
  await database.sql`
    create function public.substr(varchar, integer, integer) returns text language sql as 'select ''stolen''::text'`;
  const {
    columns,
    unmaskedQuery = "",
    ...figures
  } = await verified(
    database,
    CASES.map(({ column }) => column),
  );
  expect(Object.fromEntries(columns)).toEqual(
    Object.fromEntries(CASES.map((each) => [each.column.name, each.verified])),
  );
  expect(figures).toEqual({
    rows: 5,
    unmasked: 7,
    quarantined: 0,
    quarantineReasons: {},
    repeatedBodies: null,
  });
  const text = JSON.stringify([...columns]);
  expect(unmaskedQuery).not.toContain("1999-12-31");
  // Four of the five rows have an integer in a masked column, and that is no token.
  expect(await database.sql.unsafe(unmaskedQuery)).toHaveLength(4);
  expect(text).not.toContain("1999-12-31");
  expect(text.length).toBeLessThan(10_000);
});

it("a table of 1,600 columns is read in parts", async () => {
  const database = await databases.make();
  const columns = Array.from({ length: 1600 }, (_, index) => ({
    ...columnOf(index % 2 === 0 ? "date" : "text", index % 4 === 1 ? masked("field") : {}),
    name: `c${index}`,
  }));
  const table = { schema: "public", name: "wide" };
  await database.sql.unsafe(
    `create table public.wide (${columns.map(({ name, type, mask }) => `${name} ${mask === undefined ? type : "text"}`).join(", ")})`,
  );
  await database.sql.unsafe(`
    insert into public.wide (c0, c1, c1597, c1598) values ('2024-01-01', '${A}', '${B}', '2024-01-02');
    grant select on public.wide to ${database.settings.user}`);
  const told = await verified(database, columns, table);
  expect([...told.columns.keys()]).toEqual(columns.map(({ name }) => name));
  expect(told.columns.get("c1597")).toMatchObject({ nulls: 0, unmasked: 0, keyIds: { bbbbbbbb: 1 } });
  expect(told.columns.get("c1598")).toMatchObject({ min: "2024-01-02", max: "2024-01-02", distinct: 1 });
  expect(told.columns.get("c1599")).toMatchObject({
    nulls: 1,
    distinct: 0,
    values: [{ value: null, rows: 1 }],
  });
});

it("without values, it counts NULL and unmasked values alone", async () => {
  const database = await databases.make();
  await fill(database);
  const { columns } = await verified(
    database,
    CASES.map(({ column }) => column),
    TABLE,
    "counts",
  );
  expect(columns.get("masked ip")).toEqual({ type: "ip", nulls: 1, unmasked: 1 });
  expect(columns.get("date")).toEqual({ type: "date", nulls: 1, min: "2023-12-31", max: "infinity" });
  expect(columns.get("boolean")).toEqual({ type: "boolean", nulls: 1 });
});

it("columns that the table does not have are named", async () => {
  const database = await databases.make();
  await fill(database);
  const columns = ["date", "no such", "nor this"].map((name) => ({ ...columnOf("date"), name }));
  await expect(verified(database, columns)).rejects.toThrow(
    /has no columns no such, nor this, which the mapping names\. Check --table and --mapping\.$/,
  );
});
