// Makes everything that the commands need in the database, the vault's tables too: a role that may only load could not make them
// when a recipient is set later.
import type { DatabaseSettings } from "../config/database.ts";
import { connect, type Sql } from "./connection.ts";
import { asFailure } from "./errors.ts";
import { explainForbidden } from "./forbidden.ts";
import { Failure } from "../failure.ts";
import { ensureLedgerKey } from "./ledger-key.ts";
import { addColumn } from "./later-columns.ts";
import { fullName, schemaName } from "./quote.ts";
import { GRANTED_TO_ALL, REVOKE_CREATE } from "./rights.ts";
import { ensureTables, wrongColumns } from "./schema.ts";
import { allTables, CREATION_PATIENCE, LATER_COLUMNS } from "./tables.ts";

/** Names of schemas, of tables and of columns, as SQL writes them. */
export interface Initialised {
  readonly made: readonly string[];
  readonly present: readonly string[];
}

/**
 * Makes what is missing. Can be done again, and beside others that do the same.
 *
 * @throws {Failure} when the database cannot be reached, or the user lacks a right
 */
export async function initialise(settings: DatabaseSettings): Promise<Initialised> {
  const { sql, close } = connect(settings);
  try {
    const tables = allTables(settings.table);
    const made = await ensureTables(sql, settings.user, tables);
    await revokeCreate(sql);
    const [wrong] = await wrongColumns(sql, settings.table);
    if (wrong !== undefined) throw new Failure("configuration", wrong);
    const owners: string[] = [];
    for (const column of LATER_COLUMNS) {
      const outcome = await addColumn(sql, column, CREATION_PATIENCE);
      if (outcome === "added") made.push(`fetch_etl.${column.table}.${column.name}`);
      if (outcome === "not ours") owners.push(`${column.add};`);
    }
    if (owners.length > 0) {
      throw new Failure(
        "configuration",
        `Tables were made by an earlier version, and lack columns. As their owner, run: ${owners.join(" ")}`,
      );
    }
    if (await ensureLedgerKey(sql)) made.push("fetch_etl.ledger_message");
    const schemas = [...new Set(tables.map(({ schema }) => schema))].filter((schema) => schema !== "public");
    const all = [...schemas.map(schemaName), ...tables.map(fullName)];
    return { made, present: all.filter((name) => !made.includes(name)) };
  } catch (error) {
    throw asFailure(await explainForbidden(error, sql, settings), settings, "making the tables");
  } finally {
    await close();
  }
}

/** Where the schema is there and the user's own; it is no failure where it is not. */
async function revokeCreate(sql: Sql): Promise<void> {
  const [schema] = await sql.unsafe<{ revoke: boolean }[]>(`
    select ${GRANTED_TO_ALL} and pg_catalog.pg_has_role(n.nspowner, 'usage') as revoke
    from pg_catalog.pg_namespace n where n.nspname operator(pg_catalog.=) 'public'`);
  if (schema?.revoke === true) await sql.unsafe(REVOKE_CREATE);
}
