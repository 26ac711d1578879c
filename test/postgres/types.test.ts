// Every cell of the types' tables is what Postgres makes of it, whatever its settings.
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { TYPE_IDS } from "../../src/mapping/column-type.ts";
import { TYPES, type Json, type TypeName } from "../../src/mapping/mapping.ts";
import { COLUMN_TYPES } from "../../src/mapping/types.ts";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { VALUES } from "../mapping/values.ts";

const HOSTILE = {
  ...{
    DateStyle: "SQL, DMY",
    TimeZone: "Asia/Kolkata",
    IntervalStyle: "sql_standard",
    bytea_output: "escape",
  },
  ...{
    extra_float_digits: "-15",
    array_nulls: "off",
    standard_conforming_strings: "off",
    xmloption: "document",
  },
  ...{ timezone_abbreviations: "Australia", search_path: "pg_temp", quote_all_identifiers: "on" },
};

let sql: postgres.Sql;
beforeAll(() => {
  sql = postgres(inject("postgresUrl"), { max: 1, connection: HOSTILE, onnotice: () => undefined });
});
afterAll(() => sql.end());

/** SQL for the text of a value `v` that no setting changes. */
const SHOWN: Partial<Record<TypeName, string>> = {
  double: "pg_catalog.encode(pg_catalog.float8send(v), 'hex')",
  date: "pg_catalog.to_char(v, 'YYYY-MM-DD')",
  timestamptz: `pg_catalog.to_char(pg_catalog.timezone('UTC', v), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
  ip: "pg_catalog.encode(pg_catalog.inet_send(v), 'hex')",
};

/** What the SQL gives for a cell. */
function expected(type: TypeName, cell: string): unknown {
  if (type === "jsonb") return JSON.parse(cell) as Json;
  if (type === "ip") return inetBytes(cell);
  if (type !== "double") return cell;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(Number(cell));
  return bytes.toString("hex");
}

/** Family, prefix length, whether it is a network, and the address with its length (PostgreSQL source, network.c). */
function inetBytes(cell: string): string {
  const hex = Buffer.from(canonicalIp(cell) ?? []).toString("hex");
  return cell.includes(":") ? `03800010${hex}` : `02200004${hex.slice(-8)}`;
}

it("every cell is cast to its value", async () => {
  const all = TYPES.flatMap((type) => VALUES[type].accepted.map(([, cell]) => ({ type, cell })));
  const casts = TYPES.map(
    (type) => `select n, ${SHOWN[type] ?? "v::pg_catalog.text"} as shown
      from (select n, cell::${COLUMN_TYPES[type].sqlType} as v from cells where type = '${type}') as typed`,
  );
  const rows = await sql.unsafe<{ shown: string }[]>(
    `with cells as (select * from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) with ordinality as c (type, cell, n))
     ${casts.join("\nunion all ")} order by n`,
    [all.map(({ type }) => type), all.map(({ cell }) => cell)],
  );
  expect(rows.length).toBe(all.length);
  const found = rows.map(({ shown }, index) => ({
    ...all[index],
    value: all[index]?.type === "jsonb" ? (JSON.parse(shown) as Json) : shown,
  }));
  expect(found).toEqual(all.map(({ type, cell }) => ({ type, cell, value: expected(type, cell) })));
});

it("numbers in jsonb keep their digits", async () => {
  const [row] = await sql`
    select ('[9007199254740993, 1.10, 1e-1000]'::jsonb ->> 0) as long, ('[9007199254740993, 1.10]'::jsonb ->> 1) as scale`;
  expect(row).toEqual({ long: "9007199254740993", scale: "1.10" });
});

describe("columns of existing tables", () => {
  it("have the types of the object ids", async () => {
    const rows = await sql<{ name: string }[]>`
      select pg_catalog.format_type(id::pg_catalog.oid, null) as name
      from pg_catalog.unnest(${Object.values(TYPE_IDS).map(String)}::text[]) with ordinality as ids (id, n) order by n`;
    expect(rows.map(({ name }) => name.replaceAll('"', ""))).toEqual(Object.keys(TYPE_IDS));
  });

  it("take the cells of the types that accept them, a timestamp in UTC", async () => {
    const columns = TYPES.flatMap((type) =>
      COLUMN_TYPES[type].accepted.map((accepted) => {
        const { sqlType } = COLUMN_TYPES[type];
        const name = `"${type} ${accepted}"`;
        const cell = VALUES[type].accepted.map(([, each]) => each).find((each) => each !== "") ?? "";
        const value = `'${cell}'::${sqlType}`;
        if (accepted === "enum") return { name, type: "pg_temp.mood", value: "'happy'::text::pg_temp.mood" };
        if (!accepted.startsWith("timestamp without")) return { name, type: accepted, value };
        return { name, type: accepted, value: `pg_catalog.timezone('UTC', ${value})` };
      }),
    );
    await sql.unsafe(`
      create type pg_temp.mood as enum ('happy');
      create domain pg_temp.short as varchar(3);
      create temporary table taken (${columns.map(({ name, type }) => `${name} ${type}`).join(", ")}, short pg_temp.short);
      insert into taken values (${columns.map(({ value }) => value).join(", ")}, 'abc'::text)`);
    const [row] = await sql.unsafe<Record<string, unknown>[]>(`
      select short, "text enum"::text as enum, "integer bigint"::text as integer,
        pg_catalog.to_char("timestamptz timestamp without time zone", 'YYYY-MM-DD HH24:MI:SS') as timestamp
      from taken`);
    expect(row).toEqual({ short: "abc", enum: "happy", integer: "0", timestamp: "2024-01-15 10:15:30" });
  });
});
