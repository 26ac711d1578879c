// Detects what prevents the work, or would change its result without an error: row-level security, settings of the role, the database or
// the server, and triggers that may drop rows.
import postgres from "postgres";
import { place, shown, type DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import { isOneOf, RELATIONS } from "./catalogue.ts";
import type { Reader } from "./connection.ts";
import { unseenDrops } from "./dropped-rows.ts";
import { fullName } from "./quote.ts";
import { allTables, written } from "./migrations.ts";

/** Insufficient privilege, and read-only SQL transaction (PostgreSQL documentation, appendix A). */
const NO_PRIVILEGE = "42501";
const READ_ONLY = "25006";
/** The routines in Postgres (field `R` of an error) that refuse because of a policy: for a read, and for a row that is written. */
const POLICY_ROUTINES: readonly (string | undefined)[] = ["check_enable_rls", "ExecWithCheckOptions"];

/**
 * Checks the tables before a drain writes to them. Its statement runs outside a transaction, so that `row_security = off` is not set.
 *
 * @param tables those that a drain needs
 * @returns undefined where nothing prevents it; `unavailable` for a standby, which may be promoted
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

/** The failure where a policy or a setting explains an error of the driver; otherwise the error. */
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
    // The connection may be lost: keep the first error.
    return error;
  }
}

/** Any policy counts, also one that would let all rows pass. */
export async function forbiddenByPolicy(
  sql: Reader,
  tables: readonly TableName[],
): Promise<Failure | undefined> {
  const found = await sql.unsafe<(TableName & { readonly role: string })[]>(`
    select n.nspname as schema, c.relname as name, current_user as role
    from ${RELATIONS}
    where c.relrowsecurity and pg_catalog.row_security_active(c.oid) and ${isOneOf(tables)}
    order by n.nspname, c.relname`);
  const [first] = found;
  if (first === undefined) return undefined;
  const names = found.map(fullName);
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
    `Row-level security on a table behind ${fullName(table)}, or on another table with tokens, could hide rows without an error ` +
      `(SQLSTATE ${NO_PRIVILEGE}). Use a role with BYPASSRLS (for a view, as its owner), or disable row-level security on the table.`,
    cause,
  );
}

/** `array_nulls = off` would store the text `NULL` for each NULL in a batch. */
async function forbiddenBySetting(sql: Reader, settings: DatabaseSettings): Promise<Failure | undefined> {
  const [found] = await sql.unsafe<{ standby: boolean; readOnly: string; nulls: string; role: string }[]>(`
    select pg_catalog.pg_is_in_recovery() as standby,
           pg_catalog.current_setting('default_transaction_read_only') as "readOnly",
           pg_catalog.current_setting('array_nulls') as nulls, current_user as role`);
  if (found?.standby === true) {
    return new Failure(
      "unavailable",
      `Postgres at ${place(settings)} is a standby, which accepts no rows (SQLSTATE ${READ_ONLY}). ` +
        `Set the primary in ${settings.source}, or run again after this server is promoted.`,
    );
  }
  const setting =
    found?.readOnly === "on"
      ? `default_transaction_read_only is on, which prevents writing (SQLSTATE ${READ_ONLY}). Set it to off`
      : found?.nulls === "off"
        ? "array_nulls is off, which would store NULL as text. Set it to on"
        : undefined;
  if (setting === undefined) return undefined;
  return new Failure(
    "configuration",
    `For Postgres user ${shown(found?.role ?? "")} at ${place(settings)}, ${setting} for the role, the database or the server.`,
  );
}
