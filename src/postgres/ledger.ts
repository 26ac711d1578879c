// The ledger of the messages that were loaded: prunes it, and counts repeated bodies.
import { findTables } from "./catalogue.ts";
import type { Sql, Transaction } from "./connection.ts";
import { errorCode } from "./tls.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** Entries per statement, which has a commit of its own. */
const AT_ONCE = 20_000;
/** Time limit per run, in milliseconds; the next run continues. */
const WITHIN_MS = 10_000;

/**
 * Deletes the entries that were sent and loaded more than `days` ago. SQS keeps a message for at most 14 days, so that older ones cannot be
 * delivered again. Does nothing where the user may not delete.
 *
 * @param stop aborted when it is to end early
 */
export async function pruneLedger(sql: Sql, days: number, stop: AbortSignal): Promise<void> {
  const [may] = await sql<{ prune: boolean }[]>`
    select pg_catalog.has_table_privilege('fetch_etl.ledger', 'delete') as prune`;
  if (may?.prune !== true) return;
  const until = performance.now() + WITHIN_MS;
  let pruned = AT_ONCE;
  while (pruned === AT_ONCE && !stop.aborted && performance.now() < until) {
    pruned = await inTransaction(sql, READ_COMMITTED, async (tx) => {
      // Pruning is not worth waiting for other sessions.
      await tx.unsafe("set local lock_timeout = '2s'; set local statement_timeout = '30s'");
      const before = tx`(pg_catalog.now() operator(pg_catalog.-) pg_catalog.make_interval(hours => ${24 * days}))`;
      const { count } = await tx`
        delete from fetch_etl.ledger
        using (
          select sent_at, queue, message_id from fetch_etl.ledger
          where sent_at operator(pg_catalog.<) ${before} and loaded_at operator(pg_catalog.<) ${before}
          limit ${AT_ONCE}
        ) as old
        where ledger.sent_at operator(pg_catalog.=) old.sent_at and ledger.queue operator(pg_catalog.=) old.queue
          and ledger.message_id operator(pg_catalog.=) old.message_id`;
      return count;
    });
  }
}

/** It reads all of the ledger, which may be very large. */
const COUNTING_TIMEOUT = "set local statement_timeout = '10s'";
const QUERY_CANCELED = "57014";

/**
 * How many bodies the ledger has for more than one message. Two identical messages that were sent on purpose count too.
 *
 * @returns null where the ledger does not exist, the user may not read it, or reading it takes longer than ten seconds
 */
export async function countRepeatedBodies(sql: Transaction): Promise<number | null> {
  const [ledger] = await findTables(sql, [{ schema: "fetch_etl", name: "ledger" }]);
  if (ledger?.isReadable !== true) return null;
  try {
    // A failure within a savepoint undoes only what is within it, the timeout included.
    return await sql.savepoint(async (within) => {
      await within.unsafe(COUNTING_TIMEOUT);
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
