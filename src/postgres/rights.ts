// The rights that commands need on the tables, and those that a user lacks.
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import { RELATIONS } from "./catalogue.ts";
import type { Sql, Transaction } from "./connection.ts";
import { RUN_END } from "./migrations.ts";
import { fullName, identifier, schemaName } from "./quote.ts";

/** A right on a table, or on some of its columns alone. */
export interface Right {
  /** `fetch_etl` where it is left out. */
  readonly schema?: string;
  readonly table: string;
  readonly right: "select" | "insert" | "update" | "delete";
  /** Not for `delete`, which Postgres grants on tables only. */
  readonly columns?: readonly string[];
}

/** What a command does with the tables, for the sentence that tells which rights are missing. */
export interface Use {
  readonly doing: string;
  readonly rights: readonly Right[];
  /** Whether it fails if the run history cannot be created. */
  readonly needsRuns?: true;
}

/** Reads the version of schema `fetch_etl`. */
export const READ_VERSION: Right = { table: "schema_version", right: "select" };

/** For a drain on fetch-etl's own tables. */
const LOAD_RIGHTS: readonly Right[] = [
  READ_VERSION,
  { table: "ledger", right: "insert" },
  { table: "ledger", right: "select" },
  { table: "quarantine", right: "insert" },
];

/** In addition, where a vault is kept. */
const VAULT_RIGHTS: readonly Right[] = [
  { table: "vault_keys", right: "insert" },
  { table: "vault", right: "insert" },
];

/** Optional: a drain prunes the ledger at its end. */
export const PRUNE_RIGHT: Right = { table: "ledger", right: "delete" };

/**
 * Optional: a drain counts what the quarantine holds, for its metrics, and prunes ledger entries of messages that were replayed. No column
 * here has a body or a value of one.
 */
export const COUNT_RIGHT: Right = {
  ...{ table: "quarantine", right: "select" },
  columns: ["queue", "sent_at", "message_id", "reasons", "replayed_at"],
};

/** Optional: a drain records itself in the run history. */
export const RECORD_RIGHTS: readonly Right[] = [
  { table: "runs", right: "insert" },
  { table: "runs", right: "select" },
  { table: "runs", right: "update", columns: RUN_END },
];

/** Optional: a drain deletes old runs at its end. */
export const PRUNE_RUNS_RIGHT: Right = { table: "runs", right: "delete" };

/** Revokes the right of everybody to create functions and operators in `public`, which Postgres grants before version 15. */
export const REVOKE_CREATE = "revoke create on schema public from public";

/** A condition: everybody may create objects in the schema `n`. */
export const GRANTED_TO_ALL = "pg_catalog.has_schema_privilege('public', n.oid, 'create')";

/** The rights that a drain needs. */
export function rightsFor({ schema, name }: TableName, keepsVault: boolean): readonly Right[] {
  return [{ schema, table: name, right: "insert" }, ...LOAD_RIGHTS, ...(keepsVault ? VAULT_RIGHTS : [])];
}

export function grantUsage(schema: string, role: string): string {
  return `GRANT USAGE ON SCHEMA ${schemaName(schema)} TO ${identifier(role)};`;
}

export function grant({ schema = "fetch_etl", table, right, columns = [] }: Right, role: string): string {
  const names = schema === "fetch_etl" ? columns : columns.map(identifier);
  const what = `${right.toUpperCase()}${names.length === 0 ? "" : ` (${names.join(", ")})`}`;
  return `GRANT ${what} ON ${fullName({ schema, name: table })} TO ${identifier(role)};`;
}

/** Whether the user has each right, and `USAGE` on its schema: in the order of `rights`, by one statement. */
async function lookUp(
  sql: Sql | Transaction,
  rights: readonly Right[],
): Promise<readonly { readonly schema: boolean; readonly right: boolean }[]> {
  const wanted = rights.map(({ schema = "fetch_etl", table, right, columns = [] }, place) => ({
    ...{ place, schema, table, right, columns },
  }));
  const found = await sql<{ place: number; schema: boolean; right: boolean }[]>`
    select w.place, pg_catalog.has_schema_privilege(n.oid, 'usage') as schema,
      coalesce(
        (select pg_catalog.bool_and(pg_catalog.has_column_privilege(c.oid, name, w."right"))
         from pg_catalog.jsonb_array_elements_text(w.columns) as name),
        pg_catalog.has_table_privilege(c.oid, w."right")) as right
    from pg_catalog.jsonb_to_recordset(${JSON.stringify(wanted)}::pg_catalog.text::pg_catalog.jsonb)
      as w(place integer, schema pg_catalog.text, "table" pg_catalog.text, "right" pg_catalog.text, columns pg_catalog.jsonb)
    join (${sql.unsafe(RELATIONS)}) on n.nspname operator(pg_catalog.=) w.schema::pg_catalog.name
      and c.relname operator(pg_catalog.=) w."table"::pg_catalog.name`;
  // A table that does not exist lacks all.
  return wanted.map(
    ({ place }) => found.find((each) => each.place === place) ?? { schema: false, right: false },
  );
}

/** Whether the user may use each right: in the order of `rights`. A table that does not exist lacks all. */
export async function hasRights(
  sql: Sql | Transaction,
  rights: readonly Right[],
): Promise<readonly boolean[]> {
  return (await lookUp(sql, rights)).map(({ schema, right }) => schema && right);
}

/** The GRANT for each right that is missing, `USAGE` on the schema included. A table that does not exist lacks all. */
export async function missingGrants(
  sql: Sql | Transaction,
  user: string,
  rights: readonly Right[],
): Promise<string[]> {
  const has = await lookUp(sql, rights);
  const missing = new Set<string>();
  for (const [place, right] of rights.entries()) {
    if (has[place]?.schema !== true) missing.add(grantUsage(right.schema ?? "fetch_etl", user));
    if (has[place]?.right !== true) missing.add(grant(right, user));
  }
  return [...missing];
}

/** @throws {Failure} `configuration` when a right is missing, with the GRANT for each */
export async function requireRights(sql: Sql, user: string, { doing, rights }: Use): Promise<void> {
  const missing = await missingGrants(sql, user, rights);
  if (missing.length > 0) throw new Failure("configuration", lacking(user, doing, missing));
}

export function lacking(user: string, doing: string, grants: readonly string[]): string {
  // Not the grants alone: the loader must not get those of the privacy officer.
  return (
    `Postgres user "${user}" lacks permissions for ${doing}. Use a role that has them (docs/permissions.md), ` +
    `or as the tables' owner, run: ${grants.join(" ")}`
  );
}
