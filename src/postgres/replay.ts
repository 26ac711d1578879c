// `quarantine replay`: reads messages of the quarantine, loads the valid ones and marks them as replayed.
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import type { QuarantinedMessage } from "../quarantine/message.ts";
import type { PassedMessage, ReplayStore } from "../quarantine/replay.ts";
import type { Reader, Sql } from "./connection.ts";
import type { Database } from "./database.ts";
import { droppedRows, unseenDrops } from "./dropped-rows.ts";
import { translate } from "./errors.ts";
import { explainForbidden } from "./forbidden.ts";
import { insertLogins } from "./insert-logins.ts";
import {
  BEFORE_ALL,
  MESSAGE_COLUMNS,
  HELD_READS,
  readPage,
  toQuarantined,
  type QuarantinedRow,
} from "./quarantined-message.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import { READ_VERSION } from "./rights.ts";
import { ensureTables } from "./schema.ts";
import { inTransaction, LOCKS, SNAPSHOT, withLock } from "./transaction.ts";

/** Creates the tables that are missing, those of the vault only where one is kept. */
export async function openReplay(
  { sql, run }: Database,
  settings: DatabaseSettings,
  { vaultKey, queue }: { vaultKey: SealedDataKey | undefined; queue: string | undefined },
): Promise<ReplayStore> {
  await ensureTables(sql, settings, vaultKey !== undefined, { doing: "a replay", rights: [READ_VERSION] });
  const failure = await unseenDrops(sql);
  if (failure !== undefined) throw failure;
  return {
    page: (after) =>
      run("reading the quarantine", () => inTransaction(sql, SNAPSHOT, (tx) => page(tx, after, queue))),
    load: (messages) =>
      load(sql, settings.table, messages, vaultKey).catch(async (error: unknown) => {
        throw translate(await explainForbidden(error, sql, settings), settings, "replaying the quarantine");
      }),
  };
}

/** A queue is stored as its ARN, or as the path of its URL where the server sends no ARN: both end with its name. */
const OF_QUEUE =
  "($4::pg_catalog.text is null or queue operator(pg_catalog.=) $4\n" +
  "             or pg_catalog.regexp_replace(queue, '^.*[:/]', '') operator(pg_catalog.=) $4)";

async function page(
  sql: Reader,
  after: QuarantinedMessage | undefined,
  only: string | undefined,
): Promise<QuarantinedMessage[]> {
  const rows = await readPage<QuarantinedRow>(sql, after ?? BEFORE_ALL, {
    reads: HELD_READS,
    gives: MESSAGE_COLUMNS,
    which: `replayed_at is null and ${OF_QUEUE}`,
    value: only ?? null,
  });
  return rows.map(toQuarantined);
}

/**
 * In one statement: marks the messages that are not replayed yet, and loads only those. So a message is loaded once, also by two replays at
 * the same time, or by one that is killed and run again.
 */
async function load(
  sql: Sql,
  table: TableName,
  messages: readonly PassedMessage[],
  vaultKey: SealedDataKey | undefined,
): Promise<number> {
  return withLock(sql, LOCKS.quarantine, async (tx) => {
    const logins = insertLogins(sql, {
      ...{ table, vaultKey },
      rows: messages.map(({ row }) => row),
      sealed: messages.map(({ sealed }) => sealed),
      key: [
        { name: "queue", values: messages.map(({ held }) => held.queue) },
        {
          name: "sent_at",
          values: messages.map(({ held }) => held.storedSentAt),
          type: "pg_catalog.timestamptz",
        },
        { name: "message_id", values: messages.map(({ held }) => held.messageId) },
      ],
      fresh: sql`
        update fetch_etl.quarantine q set replayed_at = pg_catalog.now() from batch
        where q.sent_at operator(pg_catalog.=) batch.sent_at and q.queue operator(pg_catalog.=) batch.queue
          and q.message_id operator(pg_catalog.=) batch.message_id and q.replayed_at is null
        returning q.sent_at, q.queue, q.message_id`,
    });
    const [counts] = await tx<{ fresh: number; loaded: number }[]>`
      ${logins}
      select (select pg_catalog.count(*)::integer from fresh) as fresh,
             (select pg_catalog.count(*)::integer from loaded) as loaded`;
    // Thrown in the transaction, so that no message is marked.
    if (counts?.loaded !== counts?.fresh) throw await droppedRows(tx, table);
    return counts?.loaded ?? 0;
  });
}
