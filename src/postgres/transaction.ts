// Transactions whose results do not depend on settings of the role or the database.
import type { Sql, Transaction } from "./connection.ts";

/** Read only, with one snapshot for all statements. */
export const SNAPSHOT = "isolation level repeatable read read only";
/** Each statement has its own snapshot. */
export const READ_COMMITTED = "isolation level read committed";

/**
 * With `row_security = off`, Postgres raises SQLSTATE 42501 where a policy would filter rows. With `array_nulls = on`, NULL in an array is
 * NULL, and not the text `NULL`.
 */
const SETTINGS = "set local row_security = off; set local array_nulls = on";

/** One commit. The settings are sent together with the first statement of `work`. */
export async function inTransaction<T>(
  sql: Sql,
  mode: typeof SNAPSHOT | typeof READ_COMMITTED,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const { result } = await sql.begin(mode, async (tx) => {
    const [, done] = await Promise.all([tx.unsafe(SETTINGS).execute(), work(tx)]);
    return { result: done };
  });
  return result;
}
