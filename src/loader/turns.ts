// How replays and purges go through the quarantine: in the order of its key, and one batch of all of them at a time.
import type { HeldMessage } from "../drainer/held.ts";
import type { Sql, Transaction } from "./database.ts";

/** The primary key of a message. */
export type HeldKey = Pick<HeldMessage, "storedSentAt" | "queue" | "messageId">;

/** Less than every key. */
export const BEFORE_ALL: HeldKey = { storedSentAt: "-infinity", queue: "", messageId: "" };

/** Any number will do, as long as all ask for the same. */
const TURN_LOCK = 4_207_849_522;

/**
 * One commit. Two batches at once could lock each other's messages crosswise; and the statement must see what the batch before it
 * committed, which it does at this isolation level only.
 */
export async function inTurn<T>(sql: Sql, write: (tx: Transaction) => Promise<T>): Promise<T> {
  const { result } = await sql.begin("isolation level read committed", async (tx) => {
    await tx`select pg_advisory_xact_lock(${TURN_LOCK})`;
    return { result: await write(tx) };
  });
  return result;
}
