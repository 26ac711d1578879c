// The ledger's column `body_mac`, by which one sees that a body came again under another message's id, as after a redrive. Nothing is
// decided by it: a ledger without it does as well.
import type { Reader, Sql } from "./database.ts";
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
    if (error instanceof Error && "code" in error && error.code === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}

/**
 * How many bodies the ledger knows under more than one message id. Equal messages that were sent twice are among them: they look the
 * same.
 *
 * @returns undefined where the ledger is not there, is without the column, or may not be read
 */
export async function countRepeatedBodies(sql: Reader): Promise<number | undefined> {
  if (!(await hasColumn(sql, BODY_MAC))) return undefined;
  const [may] = await sql.unsafe<{ read: boolean }[]>(`
    select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as read
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'fetch_etl' and c.relname = 'ledger'`);
  if (may?.read !== true) return undefined;
  const [repeated] = await sql.unsafe<{ bodies: string }[]>(`
    select count(*) as bodies from (
      select 1 from fetch_etl.ledger where body_mac is not null
      group by body_mac having min(message_id) <> max(message_id)
    ) as several`);
  return Number(repeated?.bodies ?? 0);
}
