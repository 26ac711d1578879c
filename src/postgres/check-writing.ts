// Checks, without any effect, whether Postgres would run a drain's inserts: no row is written and no trigger runs.
import { failed, ok, type Check } from "../doctor/check.ts";
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import type { Sql } from "./connection.ts";
import { asFailure } from "./errors.ts";
import { explainForbidden, forbidden } from "./forbidden.ts";
import { written } from "./migrations.ts";
import { fullName } from "./quote.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** Planning an insert waits for a session that alters the table. */
const TIME_LIMIT = "set local lock_timeout = '5s'";

/**
 * Lets Postgres plan an insert into each table, as a drain does it. This detects policies, settings, rules, views that take no rows, and
 * missing rights. It does not detect what depends on a row: partitions, constraints, triggers.
 *
 * @param tables those that a drain needs and that exist
 */
export async function checkWriting(
  sql: Sql,
  settings: DatabaseSettings,
  tables: readonly TableName[],
): Promise<Check> {
  const name = "writing";
  const failure = await forbidden(sql, settings, tables);
  if (failure !== undefined) return failed(name, "forbidden", failure);
  for (const table of written(tables)) {
    const full = fullName(table);
    const conflicts = table.schema === "fetch_etl" ? "on conflict do nothing" : "";
    try {
      await inTransaction(sql, READ_COMMITTED, async (tx) => {
        await tx.unsafe(TIME_LIMIT);
        await tx.unsafe(
          `explain with written as (insert into ${full} default values ${conflicts} returning 1) select from written`,
        );
      });
    } catch (error) {
      const explained = await explainForbidden(error, sql, settings);
      return failed(
        name,
        `refused by ${full}`,
        asFailure(explained, settings, `planning an insert into ${full}`),
      );
    }
  }
  return ok(name, "Postgres takes a drain's inserts, as far as can be told without a row");
}
