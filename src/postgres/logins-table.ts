// The columns of the logins' table, which may be the user's own.
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import { LOGIN_COLUMNS, type LoginRow } from "../login/row.ts";
import { Failure } from "../failure.ts";
import { RELATIONS } from "./catalogue.ts";
import type { Sql } from "./connection.ts";
import { fullName } from "./quote.ts";
import { lacking, missingGrants, rightsFor } from "./rights.ts";
import { TOKEN_LENGTH } from "./token.ts";

/** Object ids of types (PostgreSQL source, pg_type.dat): what Postgres writes for a name depends on the search path and other settings. */
const TYPE_IDS = { "character varying": 1043, text: 25, integer: 23, bigint: 20, date: 1082 } as const;

interface Column {
  /** The type that `init` creates. */
  readonly type: string;
  /** The types that an existing table may have. */
  readonly accepted: readonly (keyof typeof TYPE_IDS)[];
}

const TEXT: Column["accepted"] = ["character varying", "text"];

const COLUMNS: Readonly<Record<keyof LoginRow, Column>> = {
  user_id: { type: "varchar(128)", accepted: TEXT },
  device_type: { type: "varchar(32)", accepted: TEXT },
  masked_ip: { type: "varchar(256)", accepted: TEXT },
  masked_device_id: { type: "varchar(256)", accepted: TEXT },
  locale: { type: "varchar(32)", accepted: TEXT },
  // Not smaller: a version may need all of an integer.
  app_version: { type: "integer", accepted: ["integer", "bigint"] },
  create_date: { type: "pg_catalog.date", accepted: ["date"] },
};

/** Creates the table where it is missing. */
export function createLogins(logins: TableName): string {
  const columns = LOGIN_COLUMNS.map((name) => `  ${name} ${COLUMNS[name].type}`);
  return `create table if not exists ${fullName(logins)} (\n${columns.join(",\n")}\n)`;
}

/** The type of a column's values in SQL. */
export function valueType(name: keyof LoginRow): string {
  return COLUMNS[name].accepted === TEXT ? "pg_catalog.text" : COLUMNS[name].type;
}

/** A column that is narrower than a token takes no row that has one. */
const TOKEN_COLUMNS: ReadonlySet<string> = new Set(["masked_ip", "masked_device_id"]);

/**
 * Makes sure that rows can be written, before a message is received.
 *
 * @throws {Failure} `configuration` when the logins' table has other columns, or the user lacks a right
 */
export async function requireTables(
  sql: Sql,
  settings: DatabaseSettings,
  keepsVault: boolean,
): Promise<void> {
  const { user, table: logins } = settings;
  const grants = await missingGrants(sql, user, rightsFor(logins, keepsVault));
  const problems = [await wrongColumns(sql, logins)].filter((problem) => problem !== undefined);
  if (grants.length > 0) problems.push(lacking(user, "a drain", grants));
  if (problems.length > 0) throw new Failure("configuration", problems.join("\n"));
}

/** Whether rows can be inserted, in the bits of `pg_relation_is_updatable`: 1 shifted by `CMD_INSERT`. It waits for who locks the table. */
const INSERTABLE = 8;

/** What is wrong with the logins' table and its columns, in a sentence; undefined where a drain can write to it. */
export async function wrongColumns(sql: Sql, logins: TableName): Promise<string | undefined> {
  const columns = await sql<
    {
      name: string;
      type: string;
      typeId: number;
      width: number;
      required: boolean;
      filled: boolean;
      insertable: boolean;
    }[]
  >`
    select a.attname as name, pg_catalog.format_type(a.atttypid, null) as type, a.atttypid as "typeId",
           a.atttypmod operator(pg_catalog.-) 4 as width,
           a.attnotnull and not a.atthasdef and a.attidentity operator(pg_catalog.=) '' as required,
           a.attidentity operator(pg_catalog.=) 'a'
             or coalesce(pg_catalog.to_jsonb(a) operator(pg_catalog.->>) 'attgenerated', '') operator(pg_catalog.<>) '' as filled,
           case when c.relkind operator(pg_catalog.=) any ('{r,p}') then true
             else (pg_catalog.pg_relation_is_updatable(c.oid, true) operator(pg_catalog.&) ${INSERTABLE}::integer)
               operator(pg_catalog.<>) 0 end as insertable
    from pg_catalog.pg_attribute a
    join ${sql.unsafe(RELATIONS)} on c.oid operator(pg_catalog.=) a.attrelid
    where n.nspname operator(pg_catalog.=) ${logins.schema} and c.relname operator(pg_catalog.=) ${logins.name}
      and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped`;
  if (columns.some(({ insertable }) => !insertable)) {
    return (
      `Postgres cannot insert rows into ${fullName(logins)}, which is a view or a foreign table. Set another table, or give the view a trigger ` +
      "(INSTEAD OF INSERT)."
    );
  }
  const wrong: string[] = [];
  for (const name of LOGIN_COLUMNS) {
    const types = COLUMNS[name].accepted;
    const column = columns.find((found) => found.name === name);
    if (column === undefined) wrong.push(`${name} is missing`);
    else if (!types.some((type) => TYPE_IDS[type] === column.typeId)) {
      wrong.push(`${name} is ${column.type}, not ${types[0] ?? ""}`);
    } else if (TOKEN_COLUMNS.has(name) && column.width >= 0 && column.width < TOKEN_LENGTH) {
      wrong.push(`${name} is too short: ${column.width} characters, and a token has ${TOKEN_LENGTH}`);
    } else if (column.filled) wrong.push(`${name} is generated by Postgres`);
  }
  for (const { name, required } of columns) {
    if (required && !Object.hasOwn(COLUMNS, name))
      wrong.push(`${name} is NOT NULL and has no default, and fetch-etl does not write it`);
  }
  if (wrong.length === 0) return undefined;
  return (
    `The table ${fullName(logins)} does not have the columns that fetch-etl writes: ${wrong.join("; ")}. ` +
    "Alter the table, or set another table or database. docs/messages.md shows the columns."
  );
}
