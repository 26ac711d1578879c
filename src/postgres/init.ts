// `fetch-etl init`. Creates the tables of the vault too: a role that may only load could not create them when a recipient is set later.
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import type { Sql } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { allTables } from "./migrations.ts";
import { fullName, schemaName } from "./quote.ts";
import { GRANTED_TO_ALL, READ_VERSION, REVOKE_CREATE } from "./rights.ts";
import { ensureTables, type Migrated } from "./schema.ts";
import { checkTarget } from "./target-table.ts";

/** Names of schemas and tables, as SQL writes them. */
export interface Initialised {
  readonly made: readonly string[];
  readonly present: readonly string[];
  readonly migrated: Migrated | undefined;
}

const DOING = "creating the tables";

/**
 * Creates what is missing and applies the pending migrations. It can run again, and at the same time as others.
 *
 * @throws {Failure} when the database is unreachable, or the user lacks a right
 */
export async function initialise(settings: DatabaseSettings): Promise<Initialised> {
  return withDatabase(settings, DOING, async (sql) => {
    const use = { doing: DOING, rights: [READ_VERSION], needsRuns: true } as const;
    const { made, migrated } = await ensureTables(sql, settings, true, use);
    await revokeCreate(sql);
    const [wrong] = (await checkTarget(sql, settings)).problems;
    if (wrong !== undefined) throw new Failure("configuration", wrong);
    const tables = allTables(settings.table);
    const schemas = [...new Set(tables.map(({ schema }) => schema))].filter((schema) => schema !== "public");
    const all = [...schemas.map(schemaName), ...tables.map(fullName)];
    return { made, present: all.filter((name) => !made.includes(name)), migrated };
  });
}

/** Only where the user owns the schema. */
async function revokeCreate(sql: Sql): Promise<void> {
  const [schema] = await sql.unsafe<{ revoke: boolean }[]>(`
    select ${GRANTED_TO_ALL} and pg_catalog.pg_has_role(n.nspowner, 'usage') as revoke
    from pg_catalog.pg_namespace n where n.nspname operator(pg_catalog.=) 'public'`);
  if (schema?.revoke === true) await sql.unsafe(REVOKE_CREATE);
}
