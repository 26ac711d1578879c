// Transactions whose result depends on no setting of the role or the database.
import type { Sql, Transaction } from "./connection.ts";

/** One snapshot for all statements, which write nothing. */
export const SNAPSHOT = "isolation level repeatable read read only";
/** A snapshot for each statement. */
export const READ_COMMITTED = "isolation level read committed";

/**
 * Where a policy of row-level security would leave rows out, Postgres refuses with SQLSTATE 42501 instead. NULL in an array is NULL, and
 * not a text of four letters.
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
