// Counts what the quarantine holds of one queue, for the metrics of a drain.
import type { ReasonCount } from "../drain/counts.ts";
import type { Sql } from "./connection.ts";
import { COUNTED_REASON, MOST_COUNTED } from "./quarantined-message.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";

/** A run that has ended does not wait longer for a count. */
const TIME_LIMIT = "set local statement_timeout = '2s'";

/**
 * The messages that are not replayed, by reason, most frequent first. One with two reasons counts for both.
 *
 * @param queue the ARN of the queue, or the path of its URL
 * @throws an error of the driver, also if the user may not read the quarantine
 */
export async function heldReasons(sql: Sql, queue: string): Promise<readonly ReasonCount[]> {
  const rows = await inTransaction(sql, SNAPSHOT, async (tx) => {
    const limited = tx.unsafe(TIME_LIMIT).execute();
    const counted = tx.unsafe<{ reason: string; count: string }[]>(
      `select reason, pg_catalog.count(*) from (
         select distinct sent_at, message_id, ${COUNTED_REASON} as reason
         from fetch_etl.quarantine, pg_catalog.unnest(reasons) as reason
         where replayed_at is null and queue operator(pg_catalog.=) $1::pg_catalog.text
       ) as counted
       group by 1 order by pg_catalog.count(*) desc, 1 limit ${MOST_COUNTED}`,
      [queue],
    );
    return (await Promise.all([limited, counted]))[1];
  });
  return rows.map(({ reason, count }) => ({ reason, count: Number(count) }));
}
