// The quarantine: counts and finds its messages, replays and purges them.
import type { DatabaseSettings } from "../config/database.ts";
import type { QuarantinedMessage } from "../quarantine/message.ts";
import type { ReplayStore } from "../quarantine/replay.ts";
import { Failure } from "../failure.ts";
import type { Reader, Sql } from "./connection.ts";
import { openDatabase } from "./database.ts";
import {
  BEFORE_ALL,
  COUNTED_REASON,
  epochMs,
  exactly,
  MESSAGE_COLUMNS,
  HELD_READS,
  MOST_COUNTED,
  readPage,
  toQuarantined,
  type MessageKey,
  type QuarantinedRow,
} from "./quarantined-message.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import { openReplay } from "./replay.ts";
import { tablesPresent } from "./schema.ts";
import { inTransaction, LOCKS, SNAPSHOT, withLock } from "./transaction.ts";

/** The messages that are not replayed. */
export interface QuarantineSummary {
  readonly total: number;
  /** Most messages first, at most {@link MOST_COUNTED}; a message with two reasons counts for both. */
  readonly reasons: readonly HeldReason[];
  /** Whether there may be more. */
  readonly cut: boolean;
  /** Messages per masking key, likewise. */
  readonly keys: readonly { readonly keyId: string; readonly count: number }[];
}

export interface HeldReason {
  readonly reason: string;
  readonly count: number;
  /** When the first of them was quarantined, ISO 8601. */
  readonly oldest: string;
  /** The id of the message that was quarantined last. */
  readonly example: string;
}

/** A message that was quarantined, whether it was replayed or not. */
export interface FoundMessage extends QuarantinedMessage {
  /** Length of the sealed body, bytes. A body longer than any that a drain seals is not read. */
  readonly sealedBytes: number;
  /** Epoch milliseconds; undefined where it was not. */
  readonly replayedAt: number | undefined;
}

export interface Found {
  /** The first of them: as many as fit a page. */
  readonly messages: readonly FoundMessage[];
  readonly total: number;
}

/** A connection to the quarantine. Every call throws `Failure` as a sentence for the user. */
export interface Quarantine {
  summary(): Promise<QuarantineSummary>;
  /** The queues of the messages that are not replayed, as an ARN or the path of a URL; at most {@link MOST_COUNTED}. */
  queues(): Promise<string[]>;
  /** The messages with an id: one of each queue that has it. */
  find(messageId: string): Promise<Found>;
  /**
   * @param vaultKey the data key of the values for the vault; undefined without a vault
   * @param queue the ARN or the name of the one queue whose messages are replayed; undefined for all
   */
  openReplay(vaultKey: SealedDataKey | undefined, queue: string | undefined): Promise<ReplayStore>;
  /** Deletes the messages that were quarantined at least `days` ago. Resolves to their number. */
  purge(days: number): Promise<number>;
  close(): Promise<void>;
}

/** @throws {Failure} when the database is unreachable, or there is no quarantine */
export async function openQuarantine(settings: DatabaseSettings): Promise<Quarantine> {
  return openDatabase(settings, async (database) => {
    const { sql, run, close } = database;
    await run("checking its tables", async () => {
      if ((await tablesPresent(sql, settings.table)).quarantine) return;
      throw new Failure(
        "configuration",
        'There is no table fetch_etl.quarantine yet: "fetch-etl init" creates it.',
      );
    });
    return {
      summary: () => run(READING, () => inTransaction(sql, SNAPSHOT, summarise)),
      queues: () => run(READING, () => queuesOf(sql)),
      find: (messageId) => run(READING, () => find(sql, messageId)),
      openReplay: (vaultKey, queue) =>
        run("preparing the quarantine for a replay", () =>
          openReplay(database, settings, { vaultKey, queue }),
        ),
      purge: (days) => run("purging the quarantine", () => purge(sql, days)),
      close,
    };
  });
}

const READING = "reading the quarantine";

export async function summarise(sql: Reader): Promise<QuarantineSummary> {
  const reasons = await sql.unsafe<{ reason: string; count: string; oldest: string; example: string }[]>(`
    select reason, pg_catalog.count(*), ${exactly("pg_catalog.min(quarantined_at)")} as oldest,
           (pg_catalog.array_agg(message_id order by quarantined_at desc, sent_at desc, message_id))[1] as example
    from (
      select distinct queue, sent_at, message_id, quarantined_at, ${COUNTED_REASON} as reason
      from fetch_etl.quarantine, pg_catalog.unnest(reasons) as reason where replayed_at is null
    ) as counted
    group by 1 order by pg_catalog.count(*) desc, 1 limit ${MOST_COUNTED}`);
  const keys = await sql.unsafe<{ keyId: string; count: string }[]>(`
    select pg_catalog."left"(key_id, 64) as "keyId", pg_catalog.count(*) from fetch_etl.quarantine where replayed_at is null
    group by 1 order by pg_catalog.count(*) desc, 1 limit ${MOST_COUNTED}`);
  const [all] = await sql.unsafe<{ messages: string }[]>(
    "select pg_catalog.count(*) as messages from fetch_etl.quarantine where replayed_at is null",
  );
  return {
    total: Number(all?.messages ?? 0),
    cut: reasons.length === MOST_COUNTED,
    reasons: reasons.map((row) => ({
      ...row,
      count: Number(row.count),
      oldest: new Date(epochMs(row.oldest)).toISOString(),
    })),
    keys: keys.map(({ keyId, count }) => ({ keyId, count: Number(count) })),
  };
}

/** A name longer than any queue's ARN is cut. */
async function queuesOf(sql: Reader): Promise<string[]> {
  const rows = await sql.unsafe<{ queue: string }[]>(`
    select distinct pg_catalog."left"(queue, 300) as queue from fetch_etl.quarantine where replayed_at is null
    order by 1 limit ${MOST_COUNTED}`);
  return rows.map(({ queue }) => queue);
}

async function find(sql: Sql, messageId: string): Promise<Found> {
  return inTransaction(sql, SNAPSHOT, async (tx) => {
    const rows = await readPage<FoundRow>(tx, BEFORE_ALL, {
      reads: `${HELD_READS}, replayed_at`,
      gives: `${MESSAGE_COLUMNS}, pg_catalog.octet_length(sealed) as "sealedBytes", ${exactly("replayed_at")} as "replayedAt"`,
      which: "message_id operator(pg_catalog.=) $4::pg_catalog.text",
      value: messageId,
    });
    const [all] = await tx<{ messages: string }[]>`
      select pg_catalog.count(*) as messages from fetch_etl.quarantine
      where message_id operator(pg_catalog.=) ${messageId}::pg_catalog.text`;
    const messages = rows.map((row) => ({
      ...toQuarantined(row),
      sealedBytes: row.sealedBytes,
      replayedAt: row.replayedAt === null ? undefined : epochMs(row.replayedAt),
    }));
    return { messages, total: Number(all?.messages ?? 0) };
  });
}

interface FoundRow extends QuarantinedRow {
  readonly sealedBytes: number;
  readonly replayedAt: string | null;
}

/** Messages per DELETE, which has a commit of its own. */
const PURGE_BATCH = 1_000;

/**
 * Deletes the messages that were quarantined at least `days` of 24 hours before the start, in batches with a commit each.
 *
 * @returns how many messages were deleted
 */
async function purge(sql: Sql, days: number): Promise<number> {
  const [limit] = await sql.unsafe<{ at: string }[]>(
    `select ${exactly("pg_catalog.now() operator(pg_catalog.-) pg_catalog.make_interval(hours => $1)")} as at`,
    [24 * days],
  );
  let [purged, last] = [0, BEFORE_ALL];
  for (;;) {
    const { storedSentAt, queue, messageId } = last;
    const deleted = await withLock(sql, LOCKS.quarantine, (tx) =>
      tx.unsafe<MessageKey[]>(
        `with old as (
           select sent_at, queue, message_id from fetch_etl.quarantine
           where quarantined_at operator(pg_catalog.<=) $1::pg_catalog.text::pg_catalog.timestamptz
             and (sent_at, queue, message_id)
               operator(pg_catalog.>) ($2::pg_catalog.text::pg_catalog.timestamptz, $3::pg_catalog.text, $4::pg_catalog.text)
           order by sent_at, queue, message_id limit ${PURGE_BATCH}
         ), gone as (
           delete from fetch_etl.quarantine q using old
           where (q.sent_at, q.queue, q.message_id) operator(pg_catalog.=) (old.sent_at, old.queue, old.message_id)
           returning q.sent_at, q.queue, q.message_id
         )
         select ${exactly("sent_at")} as "storedSentAt", queue, message_id as "messageId" from gone
         order by sent_at, queue, message_id`,
        [limit?.at ?? "-infinity", storedSentAt, queue, messageId],
      ),
    );
    const end = deleted.at(-1);
    if (end === undefined) return purged;
    purged += deleted.length;
    last = end;
  }
}
