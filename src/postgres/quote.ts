// Names and texts in SQL, where parameters are not possible. Pure.
import { DEFAULT_TABLE, type TableName } from "../config/table.ts";

/** A quoted identifier (PostgreSQL documentation, "Identifiers and Key Words"). */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `schema.table`; in quotes unless it is a table of fetch-etl's own or the default one. */
export function fullName({ schema, name }: TableName): string {
  const isOwn = schema === "fetch_etl" || (schema === DEFAULT_TABLE.schema && name === DEFAULT_TABLE.name);
  return isOwn ? `${schema}.${name}` : `${identifier(schema)}.${identifier(name)}`;
}

/** A schema, in quotes unless it is `fetch_etl` or the default one. */
export function schemaName(schema: string): string {
  return schema === "fetch_etl" || schema === DEFAULT_TABLE.schema ? schema : identifier(schema);
}

/** A string literal, independent of `standard_conforming_strings`. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? `E${quoted}` : quoted;
}

/** For `pg_catalog.decode(…, 'hex')`; NULL where there are none. */
export function toHex(bytes: Uint8Array | null | undefined): string | null {
  return bytes ? Buffer.from(bytes).toString("hex") : null;
}
