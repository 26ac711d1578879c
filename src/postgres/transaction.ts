// Transactions whose results do not depend on settings of the role or the database, and their locks.
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

/**
 * Advisory locks; any numbers, as long as every version uses the same. Replays and purges run one at a time, because they could deadlock on
 * the messages of the quarantine; rotations and `forget` run one at a time, because a rotation could store a value under another token
 * while it is being forgotten.
 */
export const LOCKS = { quarantine: 4_207_849_522, vault: 4_207_849_523 } as const;

type Lock = (typeof LOCKS)[keyof typeof LOCKS];

/** Waits for the lock, which is released at the end of the transaction. Take `quarantine` before `vault`, to prevent deadlocks. */
export async function takeLock(tx: Transaction, lock: Lock): Promise<void> {
  await tx`select pg_catalog.pg_advisory_xact_lock(${lock})`;
}

/** A transaction with the lock. At this isolation level, the work sees what the previous holder of the lock committed. */
export async function withLock<T>(sql: Sql, lock: Lock, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return inTransaction(sql, READ_COMMITTED, async (tx) => {
    await takeLock(tx, lock);
    return work(tx);
  });
}
