// The table that a mapping writes to, which may be the user's own.
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import { TYPE_IDS } from "../mapping/column-type.ts";
import type { Column } from "../mapping/mapping.ts";
import { COLUMN_TYPES } from "../mapping/types.ts";
import { RELATIONS } from "./catalogue.ts";
import type { Sql } from "./connection.ts";
import { fullName, identifier } from "./quote.ts";
import { lacking, missingGrants, type Use } from "./rights.ts";
import { TOKEN_LENGTH } from "./token.ts";

/** A table, and the columns that a mapping writes to it. */
export interface Target {
  readonly table: TableName;
  readonly columns: readonly Column[];
}

/** Room for tokens of later formats. */
const TOKEN_WIDTH = 256;

/** Creates the table where it is missing. */
export function createTarget({ table, columns }: Target): string {
  const lines = columns.map((column) => `  ${identifier(column.name)} ${typeToCreate(column)}`);
  return `create table if not exists ${fullName(table)} (\n${lines.join(",\n")}\n)`;
}

function typeToCreate({ type, mask, max }: Column): string {
  if (mask !== undefined) return `varchar(${TOKEN_WIDTH})`;
  if (type === "text" && max !== undefined) return `varchar(${max})`;
  return COLUMN_TYPES[type].sqlType;
}

/** The type of a column's values in SQL. */
export function valueType({ type, mask }: Column): string {
  return mask === undefined ? COLUMN_TYPES[type].sqlType : COLUMN_TYPES.text.sqlType;
}

/** How a value of a column is inserted: an expression of the value's, cast where Postgres does not do so by itself. */
export type Inserted = (value: string) => string;

/**
 * Makes sure that rows can be written, before a message is received.
 *
 * @returns for each column of the mapping, how its values are inserted
 * @throws {Failure} `configuration` when the table has other columns, or the user lacks a right
 */
export async function requireTarget(
  sql: Sql,
  target: Target,
  { user, doing, rights }: Use & { readonly user: string },
): Promise<readonly Inserted[]> {
  const grants = await missingGrants(sql, user, rights);
  const { problems, inserted } = await checkTarget(sql, target);
  const all = grants.length > 0 ? [...problems, lacking(user, doing, grants)] : problems;
  if (all.length > 0) throw new Failure("configuration", all.join("\n"));
  return inserted;
}

/** A column of the table. */
export interface Found {
  readonly name: string;
  /** As Postgres writes it. */
  readonly type: string;
  /** The type itself, or that under its domains; what it is: `e` for an enum. */
  readonly baseId: number;
  readonly kind: string;
  /** In SQL. */
  readonly typeSchema: string;
  readonly typeName: string;
  /** Of a text, in characters; negative where it has no limit. */
  readonly width: number;
  readonly required: boolean;
  readonly filled: boolean;
  readonly insertable: boolean;
}

/** Whether rows can be inserted, in the bits of `pg_relation_is_updatable`: 1 shifted by `CMD_INSERT`. It waits for who locks the table. */
const INSERTABLE = 8;

async function readTableColumns(sql: Sql, { schema, name }: TableName): Promise<readonly Found[]> {
  return sql<Found[]>`
    with recursive base as (
      select a as own, c.relkind as kind, a.atttypid as type, a.atttypmod as modifier
      from pg_catalog.pg_attribute a join ${sql.unsafe(RELATIONS)} on c.oid operator(pg_catalog.=) a.attrelid
      where n.nspname operator(pg_catalog.=) ${schema} and c.relname operator(pg_catalog.=) ${name}
        and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
      union all
      select b.own, b.kind, t.typbasetype,
             case when b.modifier operator(pg_catalog.=) -1 then t.typtypmod else b.modifier end
      from base b join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) b.type
      where t.typtype operator(pg_catalog.=) 'd'
    )
    select (b.own).attname as name, pg_catalog.format_type((b.own).atttypid, null) as type, b.type as "baseId",
           t.typtype as kind, tn.nspname as "typeSchema", o.typname as "typeName",
           b.modifier operator(pg_catalog.-) 4 as width,
           ((b.own).attnotnull or o.typnotnull) and not (b.own).atthasdef and o.typdefault is null
             and (b.own).attidentity operator(pg_catalog.=) '' as required,
           (b.own).attidentity operator(pg_catalog.=) 'a' or coalesce(
             pg_catalog.to_jsonb(b.own) operator(pg_catalog.->>) 'attgenerated', '') operator(pg_catalog.<>) '' as filled,
           case when b.kind operator(pg_catalog.=) any ('{r,p}') then true
             else (pg_catalog.pg_relation_is_updatable((b.own).attrelid, true) operator(pg_catalog.&) ${INSERTABLE}::integer)
               operator(pg_catalog.<>) 0 end as insertable
    from base b
    join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) b.type and t.typtype operator(pg_catalog.<>) 'd'
    join pg_catalog.pg_type o on o.oid operator(pg_catalog.=) (b.own).atttypid
    join pg_catalog.pg_namespace tn on tn.oid operator(pg_catalog.=) o.typnamespace`;
}

/**
 * The columns of a table in their order, for commands that write no rows.
 *
 * @throws {Failure} `configuration` when the table lacks one
 */
export async function requireColumns(
  sql: Sql,
  { table, columns }: Target,
): Promise<readonly { readonly column: Column; readonly found: Found }[]> {
  const ofTable = new Map((await readTableColumns(sql, table)).map((found) => [found.name, found]));
  const missing: string[] = [];
  const all = columns.flatMap((column) => {
    const found = ofTable.get(column.name);
    if (found !== undefined) return [{ column, found }];
    missing.push(column.name);
    return [];
  });
  if (missing.length === 0) return all;
  throw new Failure(
    "configuration",
    `The table ${fullName(table)} has no ${missing.length === 1 ? "column" : "columns"} ${missing.join(", ")}, which the mapping names. ` +
      "Check --table and --mapping.",
  );
}

/** What is wrong with the table and its columns, in a sentence; and how values are inserted. */
export async function checkTarget(
  sql: Sql,
  { table, columns }: Target,
): Promise<{ readonly problems: string[]; readonly inserted: readonly Inserted[] }> {
  const found = await readTableColumns(sql, table);
  if (found.some(({ insertable }) => !insertable)) {
    const view =
      `Postgres cannot insert rows into ${fullName(table)}, which is a view or a foreign table. Set another table, or give the view a trigger ` +
      "(INSTEAD OF INSERT).";
    return { problems: [view], inserted: [] };
  }
  const wrong: string[] = [];
  const inserted = columns.map((column) => {
    const own = found.find(({ name }) => name === column.name);
    const fault = own === undefined ? "is missing" : faultOf(column, own);
    if (fault !== undefined) wrong.push(`${column.name} ${fault}`);
    return insertedInto(own);
  });
  for (const { name, required } of found) {
    if (required && !columns.some((column) => column.name === name))
      wrong.push(`${name} is NOT NULL and has no default, and fetch-etl does not write it`);
  }
  if (wrong.length === 0) return { problems: [], inserted };
  const problem =
    `The table ${fullName(table)} does not have the columns that fetch-etl writes: ${wrong.join("; ")}. ` +
    'Alter the table, or set another table or database. "fetch-etl init --print" shows the columns.';
  return { problems: [problem], inserted };
}

const ENUM = "e";

function faultOf(column: Column, { type, baseId, kind, width, filled }: Found): string | undefined {
  const { accepted } = COLUMN_TYPES[column.mask === undefined ? column.type : "text"];
  const types = column.mask === undefined ? accepted : TOKEN_TYPES;
  const fits = types.some((name) => (name === "enum" ? kind === ENUM : TYPE_IDS[name] === baseId));
  if (!fits) return `is ${type}, not ${types[0] ?? ""}`;
  if (column.mask !== undefined && width >= 0 && width < TOKEN_LENGTH)
    return `is too short: ${width} characters, and a token has ${TOKEN_LENGTH}`;
  return filled ? "is generated by Postgres" : undefined;
}

const TOKEN_TYPES = ["character varying", "text"] as const;

function insertedInto(column: Found | undefined): Inserted {
  if (column?.kind === ENUM) {
    const { typeSchema, typeName } = column;
    return (value) => `${value}::${identifier(typeSchema)}.${identifier(typeName)}`;
  }
  if (column?.baseId === TYPE_IDS["timestamp without time zone"])
    return (value) => `pg_catalog.timezone('UTC', ${value})`;
  return (value) => value;
}
