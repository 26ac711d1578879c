// Puts names and texts into SQL where no parameter can stand. Pure.
import { DEFAULT_TABLE, type TableName } from "../config/table.ts";

/** A name as SQL takes it, whatever is in it (PostgreSQL documentation, "Identifiers and Key Words"). */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `schema.table` as SQL takes it: names that are not fetch-etl's own in quotes. */
export function fullName({ schema, name }: TableName): string {
  const isOwn = schema === "fetch_etl" || (schema === DEFAULT_TABLE.schema && name === DEFAULT_TABLE.name);
  return isOwn ? `${schema}.${name}` : `${identifier(schema)}.${identifier(name)}`;
}

/** A schema as {@link fullName} writes it where the table is not another one of `public`. */
export function schemaName(schema: string): string {
  return schema === "fetch_etl" || schema === DEFAULT_TABLE.schema ? schema : identifier(schema);
}

/** A text as SQL takes it, whatever `standard_conforming_strings` says. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? `E${quoted}` : quoted;
}

/**
 * The same as the pattern of a token, which takes Postgres about five times as long for the sake of its counts. No character that the
 * pattern takes but the two dots is a dot: where the second stands, in so long a text, fixes the lengths of both parts.
 *
 * @param column a name or an expression of our own
 */
export function isToken(column: string): string {
  return `(pg_catalog.length(${column}) operator(pg_catalog.=) 55
    and pg_catalog.substr(${column}, 12, 1) operator(pg_catalog.=) '.'
    and ${column} operator(pg_catalog.~) '^h1[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$')`;
}
