// The quarantine: counts, lists and finds its messages, opens them on record, replays and purges them.
import type { DatabaseSettings } from "../config/database.ts";
import type { OpenedBody, QuarantinedMessage } from "../quarantine/message.ts";
import type { ReasonGroup } from "../mapping/reason-group.ts";
import type { ReplayStore } from "../quarantine/replay.ts";
import { Failure } from "../failure.ts";
import { onRecord, TO_RECORD } from "./access-log.ts";
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
  SHOWN_REASONS,
  toQuarantined,
  type MessageKey,
  type QuarantinedRow,
} from "./quarantined-message.ts";
import type { SealedDataKey } from "../recovery/recipients.ts";
import { openReplay } from "./replay.ts";
import { requireRights, type Right } from "./rights.ts";
import { tablesPresent } from "./schema.ts";
import { isSelected, select, selectionValues, type Selection, type Wanted } from "./selection.ts";
import { inTransaction, LOCKS, SNAPSHOT, withLock } from "./transaction.ts";

export interface QuarantineSummary {
  readonly total: number;
  /** Most messages first, at most {@link MOST_COUNTED}; a message with two reasons counts for both, but for a {@link ReasonGroup}. */
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

/** Which messages: those that no replay has loaded, the others, or both. */
type State = "held" | "replayed" | "any";

/** A message in a list. */
export interface ListedMessage {
  readonly messageId: string;
  readonly queue: string;
  readonly reasons: readonly string[];
  /** Epoch milliseconds. */
  readonly quarantinedAt: number;
}

export interface Listed {
  /** In the order in which they were quarantined, at most {@link MOST_LISTED}. */
  readonly messages: readonly ListedMessage[];
  /** Whether there are more. */
  readonly cut: boolean;
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

/** A message, and what became of its body. */
export interface OpenedMessage {
  readonly message: FoundMessage;
  readonly opened: OpenedBody;
}

/** A connection to the quarantine. Every call throws `Failure` as a sentence for the user. */
export interface Quarantine {
  /** @throws {Failure} `configuration` when no id, or more than one, begins with one of those wanted */
  select(wanted: Wanted): Promise<Selection>;
  /** Counts messages by reason: those that no replay has loaded, if `state` does not say otherwise. */
  summary(selection?: Selection, group?: ReasonGroup, state?: State): Promise<QuarantineSummary>;
  /** The messages that are not replayed. */
  list(selection: Selection): Promise<Listed>;
  /** Those of the ids that have the first characters of another id in common: `length` of them. */
  ambiguous(ids: readonly string[], length: number): Promise<ReadonlySet<string>>;
  /** The queues of the messages that are not replayed, as an ARN or the path of a URL; at most {@link MOST_COUNTED}. */
  queues(selection?: Selection): Promise<string[]>;
  /** The messages with an id: one of each queue that has it. */
  find(messageId: string): Promise<Found>;
  /**
   * The same, with their bodies. Records the request before it reads a body, and the outcome before it resolves.
   *
   * @param reason of the request
   */
  open(
    messageId: string,
    reason: string,
    openBody: (message: FoundMessage) => OpenedBody,
  ): Promise<{ readonly messages: readonly OpenedMessage[]; readonly total: number }>;
  /** @param vaultKey the data key of the values for the vault; undefined without a vault */
  openReplay(
    vaultKey: SealedDataKey | undefined,
    selection?: Selection,
    mode?: "load" | "dry run",
  ): Promise<ReplayStore>;
  /**
   * Deletes messages for ever.
   *
   * @param state `replayed` keeps those that no replay has loaded: there may be no other copy of them
   * @returns how many were deleted
   */
  purge(selection: Selection, state: "replayed" | "any"): Promise<number>;
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
      select: (wanted) => run(READING, () => select(sql, wanted)),
      summary: (selection, group, state) =>
        run(READING, () => inTransaction(sql, SNAPSHOT, (tx) => summarise(tx, selection, group, state))),
      list: (selection) => run(READING, () => inTransaction(sql, SNAPSHOT, (tx) => list(tx, selection))),
      ambiguous: (ids, length) => run(READING, () => ambiguous(sql, ids, length)),
      queues: (selection) => run(READING, () => queuesOf(sql, selection)),
      find: (messageId) => run(READING, () => find(sql, messageId)),
      open: (messageId, reason, openBody) =>
        run(OPENING, async () => {
          await requireRights(sql, settings.user, { doing: OPENING, rights: [...TO_RECORD, TO_READ] });
          const request = { action: "show", reason, messages: [messageId] } as const;
          return onRecord(sql, settings, request, {
            open: async () => {
              const { messages, total } = await find(sql, messageId);
              return { messages: messages.map((message) => ({ message, opened: openBody(message) })), total };
            },
            isOpened: ({ messages }) => messages.some(({ opened }) => opened.outcome === "opened"),
          });
        }),
      openReplay: (vaultKey, selection = {}, mode = "load") =>
        run("preparing the quarantine for a replay", () =>
          openReplay(database, settings, { vaultKey, selection, mode }),
        ),
      purge: (selection, state) => run("purging the quarantine", () => purge(sql, selection, state)),
      close,
    };
  });
}

const READING = "reading the quarantine";
const OPENING = "opening a quarantined message";
const TO_READ: Right = {
  table: "quarantine",
  right: "select",
  columns: [...HELD_READS.split(", "), "replayed_at"],
};

/** A condition on messages. */
const IN_STATE: Readonly<Record<State, string>> = {
  held: "replayed_at is null",
  replayed: "replayed_at is not null",
  any: "true",
};

/** As in a {@link QuarantineSummary}. */
export async function countByReason(
  sql: Reader,
  {
    selection = {},
    group,
    state = "held",
  }: { readonly selection?: Selection; readonly group?: ReasonGroup | undefined; readonly state?: State },
): Promise<HeldReason[]> {
  const rows = await sql.unsafe<{ reason: string; count: string; oldest: string; example: string }[]>(
    `select reason, pg_catalog.count(*), ${exactly("pg_catalog.min(quarantined_at)")} as oldest,
           (pg_catalog.array_agg(message_id order by quarantined_at desc, sent_at desc, message_id))[1] as example
    from (
      select distinct queue, sent_at, message_id, quarantined_at, ${COUNTED_REASON} as reason
      from fetch_etl.quarantine, pg_catalog.unnest(
        case when reasons operator(pg_catalog.@>) $6::pg_catalog.text[] then array[$7::pg_catalog.text] else reasons end
      ) as reason
      where ${IN_STATE[state]} and ${isSelected(1)}
    ) as counted
    group by 1 order by pg_catalog.count(*) desc, 1 limit ${MOST_COUNTED}`,
    [...selectionValues(selection), group === undefined ? null : [...group.reasons], group?.name ?? null],
  );
  return rows.map((row) => ({
    ...row,
    count: Number(row.count),
    oldest: new Date(epochMs(row.oldest)).toISOString(),
  }));
}

export async function summarise(
  sql: Reader,
  selection: Selection = {},
  group?: ReasonGroup,
  state: State = "held",
): Promise<QuarantineSummary> {
  const selected = `${IN_STATE[state]} and ${isSelected(1)}`;
  const values = selectionValues(selection);
  const reasons = await countByReason(sql, { selection, group, state });
  const keys = await sql.unsafe<{ keyId: string; count: string }[]>(
    `select pg_catalog."left"(key_id, 64) as "keyId", pg_catalog.count(*) from fetch_etl.quarantine where ${selected}
    group by 1 order by pg_catalog.count(*) desc, 1 limit ${MOST_COUNTED}`,
    values,
  );
  const [all] = await sql.unsafe<{ messages: string }[]>(
    `select pg_catalog.count(*) as messages from fetch_etl.quarantine where ${selected}`,
    values,
  );
  return {
    total: Number(all?.messages ?? 0),
    cut: reasons.length === MOST_COUNTED,
    reasons,
    keys: keys.map(({ keyId, count }) => ({ keyId, count: Number(count) })),
  };
}

/** Maximum number of messages in a list. */
const MOST_LISTED = 500;

/** Reads no body. */
async function list(sql: Reader, selection: Selection): Promise<Listed> {
  const rows = await sql.unsafe<(Pick<ListedMessage, "messageId" | "queue" | "reasons"> & { at: string })[]>(
    `select message_id as "messageId", queue, ${SHOWN_REASONS} as reasons, ${exactly("quarantined_at")} as at
     from fetch_etl.quarantine where replayed_at is null and ${isSelected(1)}
     order by quarantined_at, sent_at, queue, message_id limit ${MOST_LISTED + 1}`,
    selectionValues(selection),
  );
  const messages = rows.slice(0, MOST_LISTED).map(({ at, ...row }) => ({
    ...row,
    // Anyone who may write to the table can add a NULL.
    reasons: row.reasons.map((reason: string | null) => reason ?? ""),
    quarantinedAt: epochMs(at),
  }));
  return { messages, cut: rows.length > MOST_LISTED };
}

async function ambiguous(sql: Reader, ids: readonly string[], length: number): Promise<ReadonlySet<string>> {
  const starts = [...new Set(ids.map((id) => Array.from(id).slice(0, length).join("")))];
  const rows = await sql.unsafe<{ start: string }[]>(
    `select pg_catalog."left"(message_id, $2::integer) as start from fetch_etl.quarantine
     where pg_catalog."left"(message_id, $2::integer) operator(pg_catalog.=) any ($1::pg_catalog.text[])
     group by 1 having pg_catalog.count(distinct message_id) operator(pg_catalog.>) 1`,
    [starts, length],
  );
  return new Set(ids.filter((id) => rows.some(({ start }) => id.startsWith(start))));
}

/** A name longer than any queue's ARN is cut. */
async function queuesOf(sql: Reader, selection: Selection = {}): Promise<string[]> {
  const rows = await sql.unsafe<{ queue: string }[]>(
    `select distinct pg_catalog."left"(queue, 300) as queue from fetch_etl.quarantine
    where replayed_at is null and ${isSelected(1)}
    order by 1 limit ${MOST_COUNTED}`,
    selectionValues(selection),
  );
  return rows.map(({ queue }) => queue);
}

async function find(sql: Sql, messageId: string): Promise<Found> {
  return inTransaction(sql, SNAPSHOT, async (tx) => {
    const rows = await readPage<FoundRow>(tx, BEFORE_ALL, {
      reads: `${HELD_READS}, replayed_at`,
      gives: `${MESSAGE_COLUMNS}, pg_catalog.octet_length(sealed) as "sealedBytes", ${exactly("replayed_at")} as "replayedAt"`,
      which: "message_id operator(pg_catalog.=) $4::pg_catalog.text",
      values: [messageId],
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

/** Deletes in batches with a commit each. */
async function purge(sql: Sql, selection: Selection, state: "replayed" | "any"): Promise<number> {
  let [purged, last] = [0, BEFORE_ALL];
  for (;;) {
    const { storedSentAt, queue, messageId } = last;
    const deleted = await withLock(sql, LOCKS.quarantine, (tx) =>
      tx.unsafe<MessageKey[]>(
        `with old as (
           select sent_at, queue, message_id from fetch_etl.quarantine
           where ${IN_STATE[state]} and ${isSelected(4)}
             and (sent_at, queue, message_id)
               operator(pg_catalog.>) ($1::pg_catalog.text::pg_catalog.timestamptz, $2::pg_catalog.text, $3::pg_catalog.text)
           order by sent_at, queue, message_id limit ${PURGE_BATCH}
         ), gone as (
           delete from fetch_etl.quarantine q using old
           where (q.sent_at, q.queue, q.message_id) operator(pg_catalog.=) (old.sent_at, old.queue, old.message_id)
           returning q.sent_at, q.queue, q.message_id
         )
         select ${exactly("sent_at")} as "storedSentAt", queue, message_id as "messageId" from gone
         order by sent_at, queue, message_id`,
        [storedSentAt, queue, messageId, ...selectionValues(selection)],
      ),
    );
    const end = deleted.at(-1);
    if (end === undefined) return purged;
    purged += deleted.length;
    last = end;
  }
}
