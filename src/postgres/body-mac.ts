// The ledger's column `body_mac`, by which one sees that a body came again as another message, as after a redrive. Nothing is decided by
// it: a ledger without it does as well.
import type { Sql, Transaction } from "./connection.ts";
import { errorCode } from "./error-code.ts";
import { addColumn, hasColumn } from "./later-columns.ts";
import { BODY_MAC } from "./tables.ts";

/** No reason to keep a drain, or others, waiting. */
const PATIENCE = "set local lock_timeout = '2s'";
const LOCK_NOT_AVAILABLE = "55P03";

/** Adds the column where it is missing and the user may. Resolves to whether it is there now. */
export async function offerBodyMac(sql: Sql): Promise<boolean> {
  try {
    return (await addColumn(sql, BODY_MAC, PATIENCE)) !== "not ours";
  } catch (error) {
    if (errorCode(error) === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}

/** All of the ledger is read for it, which may be very large. */
const COUNTING_PATIENCE = "set local statement_timeout = '10s'";
const QUERY_CANCELED = "57014";

/**
 * How many bodies the ledger knows of more than one message. Equal messages that were sent twice are among them: they look the same.
 *
 * @returns null where the ledger is not there, is without the column, may not be read, or cannot be read in ten seconds
 */
export async function countRepeatedBodies(sql: Transaction): Promise<number | null> {
  if (!(await hasColumn(sql, BODY_MAC))) return null;
  const [may] = await sql.unsafe<{ read: boolean }[]>(`
    select pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select') as read
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
    where n.nspname operator(pg_catalog.=) 'fetch_etl' and c.relname operator(pg_catalog.=) 'ledger'`);
  if (may?.read !== true) return null;
  try {
    // What fails within a savepoint takes nothing else with it, its time limit included.
    return await sql.savepoint(async (within) => {
      await within.unsafe(COUNTING_PATIENCE);
      const [repeated] = await within.unsafe<{ bodies: string }[]>(`
        select pg_catalog.count(*) as bodies from (
          select 1 from fetch_etl.ledger where body_mac is not null group by body_mac having pg_catalog.count(*) operator(pg_catalog.>) 1
        ) as several`);
      return Number(repeated?.bodies ?? 0);
    });
  } catch (error) {
    if (errorCode(error) === QUERY_CANCELED) return null;
    throw error;
  }
}
