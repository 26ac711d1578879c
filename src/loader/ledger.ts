// Keeps the ledger of what was loaded from growing without end.
import type { Sql } from "./database.ts";

/**
 * Takes entries away that were sent and loaded more than `days` ago; SQS keeps a message for 14 days at most, so that
 * nothing older can be delivered again. Does nothing where the user may not delete.
 */
export async function pruneLedger(sql: Sql, days: number): Promise<void> {
  const [may] = await sql<{ prune: boolean }[]>`
    select has_table_privilege('fetch_etl.ledger', 'delete') as prune`;
  if (may?.prune !== true) return;
  await sql.begin(async (tx) => {
    // Tidying up is no reason to wait for anybody.
    await tx.unsafe("set local lock_timeout = '2s'; set local statement_timeout = '30s'");
    await tx`
      delete from fetch_etl.ledger
      where sent_at < now() - make_interval(days => ${days}) and loaded_at < now() - make_interval(days => ${days})`;
  });
}
