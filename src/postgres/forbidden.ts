// What forbids the work, or would change it in silence: row-level security, settings of the role, the database or the server, and triggers
// that may drop rows. Each is named in a sentence.
import postgres from "postgres";
import { place, type DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import type { Reader } from "./connection.ts";
import { unseenDrops } from "./dropped-rows.ts";
import { shown } from "./errors.ts";
import { fullName } from "./quote.ts";
import { allTables } from "./tables.ts";

/** Insufficient privilege, and read-only SQL transaction (PostgreSQL documentation, appendix A). */
const NO_PRIVILEGE = "42501";
const READ_ONLY = "25006";
/** Where Postgres's source refuses for the sake of a policy (field `R` of an error): a read, and a row that is written. */
const POLICY_ROUTINES: readonly (string | undefined)[] = ["check_enable_rls", "ExecWithCheckOptions"];

/** Those of the tables that a drain writes to: the record of reveals is none. */
export function written(tables: readonly TableName[]): readonly TableName[] {
  return tables.filter(({ schema, name }) => schema !== "fetch_etl" || name !== "reveal_log");
}

/**
 * Looks at what a drain writes to, before it does: its statement runs in no transaction that could ask Postgres to refuse.
 *
 * @param tables those that a drain needs
 * @returns undefined where nothing forbids it; `unavailable` for a standby, which may be promoted
 */
export async function forbidden(
  sql: Reader,
  settings: DatabaseSettings,
  tables: readonly TableName[],
): Promise<Failure | undefined> {
  return (
    (await forbiddenByPolicy(sql, written(tables))) ??
    (await forbiddenBySetting(sql, settings)) ??
    (await unseenDrops(sql))
  );
}

/** The failure behind an error of the driver where a policy or a setting explains it; else the error itself. */
export async function explainForbidden(
  error: unknown,
  sql: Reader,
  settings: DatabaseSettings,
): Promise<unknown> {
  if (!(error instanceof postgres.PostgresError)) return error;
  try {
    if (error.code === READ_ONLY) return (await forbiddenBySetting(sql, settings)) ?? error;
    if (error.code !== NO_PRIVILEGE || !POLICY_ROUTINES.includes(error.routine)) return error;
    return (await forbiddenByPolicy(sql, allTables(settings.table))) ?? behindView(settings.table, error);
  } catch {
    // What is known is the first error; the connection may be gone by now.
    return error;
  }
}

/** Whatever a policy lets through: which rows that are, is not ours to judge. */
async function forbiddenByPolicy(sql: Reader, tables: readonly TableName[]): Promise<Failure | undefined> {
  const found = await sql.unsafe<(TableName & { readonly role: string })[]>(`
    select n.nspname as schema, c.relname as name, current_user as role
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where c.relrowsecurity and pg_catalog.row_security_active(c.oid)
    order by n.nspname, c.relname`);
  const wanted = new Set(tables.map(fullName));
  const secured = found.filter((table) => wanted.has(fullName(table)));
  const [first] = secured;
  if (first === undefined) return undefined;
  const names = secured.map(fullName);
  return new Failure(
    "configuration",
    `Row-level security on ${names.join(", ")} applies to Postgres user ${shown(first.role)} and could hide rows without an error ` +
      `(SQLSTATE ${NO_PRIVILEGE}). Use a role with BYPASSRLS, or as the tables' owner run: ` +
      names.map((name) => `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY;`).join(" "),
  );
}

function behindView(table: TableName, cause: Error): Failure {
  return new Failure(
    "configuration",
    `Row-level security on a table behind ${fullName(table)}, or on another one with such tokens, could hide rows without an error ` +
      `(SQLSTATE ${NO_PRIVILEGE}). Use a role with BYPASSRLS, for a view as its owner, or disable row-level security on the table.`,
    cause,
  );
}

/** `array_nulls = off` would store a text of four letters for each NULL of a batch. */
async function forbiddenBySetting(sql: Reader, settings: DatabaseSettings): Promise<Failure | undefined> {
  const [found] = await sql.unsafe<{ standby: boolean; readOnly: string; nulls: string; role: string }[]>(`
    select pg_catalog.pg_is_in_recovery() as standby,
           pg_catalog.current_setting('default_transaction_read_only') as "readOnly",
           pg_catalog.current_setting('array_nulls') as nulls, current_user as role`);
  if (found?.standby === true) {
    return new Failure(
      "unavailable",
      `Postgres at ${place(settings)} is a standby, which takes no rows (SQLSTATE ${READ_ONLY}). ` +
        `Run again when it is promoted, or name the primary in ${settings.source}.`,
    );
  }
  const setting =
    found?.readOnly === "on"
      ? `default_transaction_read_only is on, so that it refuses to write (SQLSTATE ${READ_ONLY}): set it to off`
      : found?.nulls === "off"
        ? "array_nulls is off, so that NULL would be stored as text: set it to on"
        : undefined;
  if (setting === undefined) return undefined;
  return new Failure(
    "configuration",
    `In the sessions of Postgres user ${shown(found?.role ?? "")} at ${place(settings)} ${setting} for the role, the database or the server.`,
  );
}
