// How batches take turns: replays and purges, which go through the quarantine in the order of its key and could lock each other's
// messages crosswise; rotations and erasures, because a rotation must not bring back, under another token, what is being forgotten.
import type { HeldMessage } from "../drainer/held.ts";
import type { Sql, Transaction } from "./database.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** The primary key of a message. */
export type HeldKey = Pick<HeldMessage, "storedSentAt" | "queue" | "messageId">;

/** Less than every key. */
export const BEFORE_ALL: HeldKey = { storedSentAt: "-infinity", queue: "", messageId: "" };

/** What is gone through in turn. Any numbers will do, as long as all ask for the same. */
export const TURNS = { quarantine: 4_207_849_522, vault: 4_207_849_523 } as const;

/**
 * One commit, and none of the same kind beside it. The work sees what the one before it committed, which it does at this isolation
 * level only.
 */
export async function inTurn<T>(
  sql: Sql,
  turn: (typeof TURNS)[keyof typeof TURNS],
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return inTransaction(sql, READ_COMMITTED, async (tx) => {
    await tx`select pg_catalog.pg_advisory_xact_lock(${turn})`;
    return work(tx);
  });
}
