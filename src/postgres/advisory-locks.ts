// Advisory locks. Replays and purges run one at a time, because they could deadlock on the messages of the quarantine; rotations and
// `forget` run one at a time, because a rotation could store a value under another token while it is being forgotten.
import type { QuarantinedMessage } from "../quarantine/message.ts";
import type { Sql, Transaction } from "./connection.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** The primary key of a message. */
export type MessageKey = Pick<QuarantinedMessage, "storedSentAt" | "queue" | "messageId">;

/** Sorts before every key. */
export const BEFORE_ALL: MessageKey = { storedSentAt: "-infinity", queue: "", messageId: "" };

/** Any numbers, as long as every version uses the same. */
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
