// Keeps the ledger of what was loaded from growing without end.
import type { Sql } from "./connection.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** Entries a statement: each ends soon, and what it has done stays done. */
const AT_ONCE = 20_000;
/** How long a run may go on with it, milliseconds; the next one takes up where it ended. */
const WITHIN_MS = 10_000;

/**
 * Takes entries away that were sent and loaded more than `days` ago; SQS keeps a message for 14 days at most, so that
 * nothing older can be delivered again. Does nothing where the user may not delete.
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
      // Tidying up is no reason to wait for anybody.
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
