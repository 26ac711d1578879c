// How batches take turns: replays and purges, which go through the quarantine in the order of its key and could lock each other's
// messages crosswise; rotations and erasures, because a rotation must not bring back, under another token, what is being forgotten.
import type { QuarantinedMessage } from "../quarantine/message.ts";
import type { Sql, Transaction } from "./connection.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** The primary key of a message. */
export type MessageKey = Pick<QuarantinedMessage, "storedSentAt" | "queue" | "messageId">;

/** Less than every key. */
export const BEFORE_ALL: MessageKey = { storedSentAt: "-infinity", queue: "", messageId: "" };

/** What is gone through in turn. Any numbers will do, as long as all ask for the same. */
export const LOCKS = { quarantine: 4_207_849_522, vault: 4_207_849_523 } as const;

type Lock = (typeof LOCKS)[keyof typeof LOCKS];

/** Waits for a turn, which ends with the transaction. Who wants both takes the quarantine's first: two must not wait for each other. */
export async function takeLock(tx: Transaction, turn: Lock): Promise<void> {
  await tx`select pg_catalog.pg_advisory_xact_lock(${turn})`;
}

/**
 * One commit, and none of the same kind beside it. The work sees what the one before it committed, which it does at this isolation
 * level only.
 */
export async function withLock<T>(sql: Sql, turn: Lock, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return inTransaction(sql, READ_COMMITTED, async (tx) => {
    await takeLock(tx, turn);
    return work(tx);
  });
}
