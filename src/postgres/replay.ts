// The replay's part of the quarantine: gives out what is held, and loads and marks what passes, once.
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import type { QuarantinedMessage } from "../quarantine/message.ts";
import type { PassedMessage, ReplayStore } from "../quarantine/replay.ts";
import type { Reader, Sql } from "./connection.ts";
import { droppedRows, unseenDrops } from "./dropped-rows.ts";
import { asFailure, translate } from "./errors.ts";
import { explainForbidden } from "./forbidden.ts";
import {
  MESSAGE_COLUMNS,
  HELD_READS,
  pageStatement,
  toQuarantined,
  type QuarantinedRow,
} from "./quarantined-message.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import { fullName } from "./quote.ts";
import { ensureReplayedAt } from "./replayed-at.ts";
import { ensureTables } from "./schema.ts";
import { keepValues, rowArrays, toHexOrNull } from "./statement.ts";
import { tablesFor } from "./tables.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";
import { BEFORE_ALL, withLock, LOCKS } from "./advisory-locks.ts";

/** Makes what is missing: the vault's tables where one is kept, and the column in which what is loaded is marked. */
export async function openReplay(
  sql: Sql,
  settings: DatabaseSettings,
  { vaultKey, queue }: { vaultKey: SealedDataKey | undefined; queue: string | undefined },
): Promise<ReplayStore> {
  await ensureTables(sql, settings.user, tablesFor(settings.table, vaultKey !== undefined));
  await ensureReplayedAt(sql);
  const failure = await unseenDrops(sql);
  if (failure !== undefined) throw failure;
  return {
    page: (after) =>
      inTransaction(sql, SNAPSHOT, (tx) => page(tx, after, queue)).catch(async (error: unknown) => {
        throw asFailure(await explainForbidden(error, sql, settings), settings, "reading the quarantine");
      }),
    load: (messages) =>
      load(sql, settings.table, messages, vaultKey).catch(async (error: unknown) => {
        throw translate(await explainForbidden(error, sql, settings), settings, "replaying the quarantine");
      }),
  };
}

/** A queue is known by its ARN, or by the path of its URL where the server tells none: its name stands at the end of either. */
const OF_QUEUE =
  "($4::pg_catalog.text is null or queue operator(pg_catalog.=) $4\n" +
  "             or pg_catalog.regexp_replace(queue, '^.*[:/]', '') operator(pg_catalog.=) $4)";

async function page(
  sql: Reader,
  after: QuarantinedMessage | undefined,
  only: string | undefined,
): Promise<QuarantinedMessage[]> {
  const { storedSentAt, queue, messageId } = after ?? BEFORE_ALL;
  const rows = await sql.unsafe<QuarantinedRow[]>(
    pageStatement(HELD_READS, MESSAGE_COLUMNS, `replayed_at is null and ${OF_QUEUE}`),
    [storedSentAt, queue, messageId, only ?? null],
  );
  return rows.map(toQuarantined);
}

/**
 * In one statement: the messages that are still not replayed are marked, and only what was marked is loaded. So a message is loaded
 * once, also by two replays at once, or by one that is killed and run again.
 */
async function load(
  sql: Sql,
  table: TableName,
  messages: readonly PassedMessage[],
  vaultKey: SealedDataKey | undefined,
): Promise<number> {
  const passed = sql`batch join fresh on fresh.sent_at operator(pg_catalog.=) batch.sent_at
        and fresh.queue operator(pg_catalog.=) batch.queue and fresh.message_id operator(pg_catalog.=) batch.message_id`;
  return withLock(sql, LOCKS.quarantine, async (tx) => {
    const [counts] = await tx<{ fresh: number; loaded: number }[]>`
    with batch as (
      select * from rows from (
        pg_catalog.unnest(${messages.map(({ held }) => held.queue)}::pg_catalog.text[]),
        pg_catalog.unnest(${messages.map(({ held }) => held.storedSentAt)}::pg_catalog.text[]::pg_catalog.timestamptz[]),
        pg_catalog.unnest(${messages.map(({ held }) => held.messageId)}::pg_catalog.text[]),
        ${rowArrays(
          sql,
          messages.map(({ row }) => row),
        )},
        pg_catalog.unnest(${messages.map(({ sealed }) => toHexOrNull(sealed?.ip))}::pg_catalog.text[]),
        pg_catalog.unnest(${messages.map(({ sealed }) => toHexOrNull(sealed?.deviceId))}::pg_catalog.text[])
      ) as t (queue, sent_at, message_id, user_id, device_type, masked_ip, masked_device_id, locale, app_version,
              create_date, ip, device_id)
    ), fresh as (
      update fetch_etl.quarantine q set replayed_at = pg_catalog.now() from batch
      where q.sent_at operator(pg_catalog.=) batch.sent_at and q.queue operator(pg_catalog.=) batch.queue
        and q.message_id operator(pg_catalog.=) batch.message_id and q.replayed_at is null
      returning q.sent_at, q.queue, q.message_id
    ), loaded as (
      insert into ${sql.unsafe(fullName(table))}
        (user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date)
      select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date
      from ${passed}
      returning 1
    )${vaultKey === undefined ? sql`` : keepValues(sql, vaultKey, passed)}
    select (select pg_catalog.count(*)::integer from fresh) as fresh,
           (select pg_catalog.count(*)::integer from loaded) as loaded`;
    // Thrown within the transaction, so that nothing is marked.
    if (counts?.loaded !== counts?.fresh) throw await droppedRows(tx, table);
    return counts?.loaded ?? 0;
  });
}
