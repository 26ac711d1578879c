// `quarantine purge`: deletes messages from the quarantine, replayed or not.
import type { Sql } from "./connection.ts";
import { exactly } from "./quarantined-message.ts";
import { BEFORE_ALL, withLock, LOCKS } from "./advisory-locks.ts";

/** Messages. */
const BATCH = 1_000;

/**
 * Deletes the messages that were quarantined at least `days` of 24 hours before the start, in batches with a commit each.
 *
 * @returns how many messages were deleted
 */
export async function purge(sql: Sql, days: number): Promise<number> {
  const [limit] = await sql.unsafe<{ at: string }[]>(
    `select ${exactly("pg_catalog.now() operator(pg_catalog.-) pg_catalog.make_interval(hours => $1)")} as at`,
    [24 * days],
  );
  let [purged, last] = [0, BEFORE_ALL];
  for (;;) {
    const { storedSentAt, queue, messageId } = last;
    const deleted = await withLock(sql, LOCKS.quarantine, (tx) =>
      tx.unsafe<{ stored_sent_at: string; queue: string; message_id: string }[]>(
        `with old as (
           select sent_at, queue, message_id from fetch_etl.quarantine
           where quarantined_at operator(pg_catalog.<=) $1::pg_catalog.text::pg_catalog.timestamptz
             and (sent_at, queue, message_id)
               operator(pg_catalog.>) ($2::pg_catalog.text::pg_catalog.timestamptz, $3::pg_catalog.text, $4::pg_catalog.text)
           order by sent_at, queue, message_id limit ${BATCH}
         ), gone as (
           delete from fetch_etl.quarantine q using old
           where (q.sent_at, q.queue, q.message_id) operator(pg_catalog.=) (old.sent_at, old.queue, old.message_id)
           returning q.sent_at, q.queue, q.message_id
         )
         select ${exactly("sent_at")} as stored_sent_at, queue, message_id from gone order by sent_at, queue, message_id`,
        [limit?.at ?? "-infinity", storedSentAt, queue, messageId],
      ),
    );
    const end = deleted.at(-1);
    if (end === undefined) return purged;
    purged += deleted.length;
    last = { storedSentAt: end.stored_sent_at, queue: end.queue, messageId: end.message_id };
  }
}
