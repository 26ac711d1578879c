// Looks at the tables: there or to be made, written to as they are, and with which rights.
import { failed, ok, skipped, warning, type Check, type CheckName } from "../doctor/check.ts";
import type { DatabaseSettings } from "../config/database.ts";
import { tableText, type TableName } from "../config/table.ts";
import { checkWriting } from "./check-writing.ts";
import type { Sql } from "./connection.ts";
import { ledgerKeyProblem } from "./ledger-key.ts";
import { hasColumn } from "./later-columns.ts";
import { requireOwners } from "./owners.ts";
import { fullName } from "./quote.ts";
import { lacking, missingGrants, rightsFor } from "./rights.ts";
import { grantsToMake, mayNotMake, missingTables, wrongColumns } from "./schema.ts";
import { checkPublicSchema, checkTableCode } from "./table-code.ts";
import { BODY_MAC, tablesFor, type Table } from "./tables.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";
import { unloggedTables } from "./unlogged.ts";

/** @param run makes a failed check out of an error */
export async function checkTables(
  sql: Sql,
  settings: DatabaseSettings,
  keepsVault: boolean,
  run: (name: CheckName, check: () => Promise<Check>) => Promise<Check>,
): Promise<readonly Check[]> {
  const { user, table: logins } = settings;
  const wanted = tablesFor(logins, keepsVault);
  const missing = await missingTables(sql, wanted);
  const isMissing = (name: TableName): boolean => missing.map(fullName).includes(fullName(name));
  const rightsCheck = await run("database rights", async () => {
    const rights = rightsFor(logins, keepsVault).filter(
      ({ schema = "fetch_etl", table }) => !isMissing({ schema, name: table }),
    );
    if (rights.length === 0) return skipped("database rights", "not checked: there is no table yet");
    const grants = await missingGrants(sql, user, rights);
    if (grants.length === 0) return ok("database rights", "all that a drain needs");
    const message = lacking(user, "a drain", grants);
    return failed("database rights", "not complete", { kind: "configuration", message });
  });
  return [
    await run("tables", async () => {
      await requireOwners(sql, logins);
      return checkPresence(sql, user, wanted, missing);
    }),
    await run("columns", async () =>
      isMissing(logins)
        ? skipped("columns", "not checked: there is no table yet")
        : checkColumns(sql, logins),
    ),
    rightsCheck,
    await run("writing", async () => {
      if (rightsCheck.status !== "ok") return skipped("writing", "not checked: see database rights");
      return checkWriting(
        sql,
        settings,
        wanted.filter((table) => !isMissing(table)),
      );
    }),
    await run("triggers", () => checkTableCode(sql, logins)),
    await run("public schema", () => checkPublicSchema(sql)),
    await run("ledger", async () =>
      isMissing({ schema: "fetch_etl", name: "ledger" })
        ? skipped("ledger", "not checked: there is no table yet")
        : checkLedger(sql),
    ),
  ];
}

async function checkPresence(
  sql: Sql,
  user: string,
  wanted: readonly Table[],
  missing: readonly Table[],
): Promise<Check> {
  const name = "tables";
  if (missing.length === 0) {
    const unlogged = await unloggedTables(sql, wanted);
    const finding = `all ${wanted.length} there`;
    return unlogged === undefined
      ? ok(name, finding)
      : warning(name, `${finding}, not all safe in a crash`, unlogged);
  }
  const names = missing.map(fullName).join(", ");
  const grants = await grantsToMake(sql, user, missing);
  if (grants.length === 0) return ok(name, `to be made by "fetch-etl init" or the first drain: ${names}`);
  const message = mayNotMake(user, missing, grants);
  return failed(name, "some missing", { kind: "configuration", message });
}

async function checkColumns(sql: Sql, logins: TableName): Promise<Check> {
  const [message] = await wrongColumns(sql, logins);
  if (message === undefined) return ok("columns", `${tableText(logins)} has those that a drain writes`);
  return failed("columns", "not those that a drain writes", { kind: "configuration", message });
}

/** The catalogue's estimate: counting would read all of it. */
async function checkLedger(sql: Sql): Promise<Check> {
  const [ledger] = await inTransaction(sql, SNAPSHOT, async (tx) => {
    // The size takes a lock, for which others may make one wait.
    await tx.unsafe("set local statement_timeout = '5s'");
    return tx.unsafe<{ entries: string; size: string; prune: boolean }[]>(`
      select c.reltuples::bigint as entries, pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size(c.oid)) as size,
             pg_catalog.has_table_privilege(c.oid, 'delete') as prune
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
      where n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) 'ledger'`);
  });
  if (ledger === undefined) return skipped("ledger", "not checked: there is no table yet");
  const message = await ledgerKeyProblem(sql);
  if (message !== undefined)
    return failed("ledger", "of an earlier version", { kind: "configuration", message });
  // Not analysed yet: -1, and 0 before Postgres 14.
  const estimate = Number(ledger.entries);
  const entries = estimate > 0 ? `about ${estimate.toLocaleString("en-US")} entries, ` : "";
  const prune = ledger.prune ? "drains prune it" : "drains may not prune it: that is yours to do";
  // An earlier version made it, and the loader may not alter it.
  const macs = (await hasColumn(sql, BODY_MAC))
    ? ""
    : '; verify cannot count bodies that came again before "fetch-etl init" adds a column';
  return ok("ledger", `${entries}${ledger.size}; ${prune}${macs}`);
}
