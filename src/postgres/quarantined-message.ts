// Reads messages of the quarantine.
import type { QuarantinedMessage } from "../quarantine/message.ts";
import type { Reader } from "./connection.ts";
import { SENT_TIME_UNKNOWN } from "./write-entries.ts";

/**
 * A time as text, ISO 8601 with microseconds, independent of the session's time zone and date style. Infinity and years before 1 are in the
 * session's format.
 */
export function exactly(time: string): string {
  return `case when pg_catalog.isfinite(${time}) and ${time} operator(pg_catalog.>=) '0001-01-01T00:00:00Z'::pg_catalog.timestamptz
    then pg_catalog.to_char((${time}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') else (${time})::pg_catalog.text end`;
}

/** Epoch milliseconds of a time from {@link exactly}; {@link SENT_TIME_UNKNOWN} for one that a `Date` cannot hold. */
export function epochMs(time: string): number {
  const parsed = Date.parse(time);
  return Number.isNaN(parsed) ? SENT_TIME_UNKNOWN : parsed;
}

/**
 * Maximum size of a sealed body, bytes. No drain seals more, and a longer one is not read: anyone who may write to the tables could exhaust
 * the memory with it. SQS allows 1 MiB per message; some servers allow more.
 */
export const MOST_BYTES = 16 * 1024 * 1024;
/** Likewise, of all reasons of a message together. */
const MOST_REASON_BYTES = 64 * 1024;

/** Likewise, records of a message. */
const MOST_RECORDS = 50_000;

/** Maximum number of reasons, and of key ids, that are counted: the most frequent ones. */
export const MOST_COUNTED = 1000;

/**
 * A reason to count by, as `reason` holds it: without its record, and anyone who may write to the table can make it NULL, or of any length.
 */
export const COUNTED_REASON = `pg_catalog.regexp_replace(coalesce(pg_catalog."left"(reason, 500), ''), '^record [0-9]+: ', '')`;

/** A sealed body in hex; NULL for one that is longer than {@link MOST_BYTES}. */
export const SEALED_HEX = `case when pg_catalog.octet_length(sealed) operator(pg_catalog.<=) ${MOST_BYTES}
  then pg_catalog.encode(sealed, 'hex') end`;

/** The columns that {@link MESSAGE_COLUMNS} reads. */
export const HELD_READS = "queue, message_id, sent_at, reasons, records, key_id, sealed, quarantined_at";

/** The reasons; another text for reasons that are too long. */
export const SHOWN_REASONS = `case
  when pg_catalog.octet_length(pg_catalog.array_to_string(reasons, '')) operator(pg_catalog.<=) ${MOST_REASON_BYTES}
  then reasons else '{too long to be shown}'::pg_catalog.text[] end`;

/** The columns of a {@link QuarantinedRow}, in formats that are independent of settings. */
export const MESSAGE_COLUMNS = `queue, message_id as "messageId", ${exactly("sent_at")} as "storedSentAt",
  pg_catalog."left"(key_id, 64) as "keyId",
  ${SHOWN_REASONS} as reasons,
  case when pg_catalog.cardinality(records) operator(pg_catalog.<=) ${MOST_RECORDS} then records end as records,
  ${SEALED_HEX} as sealed, ${exactly("quarantined_at")} as "quarantinedAt"`;

/** The primary key of a message. */
export type MessageKey = Pick<QuarantinedMessage, "storedSentAt" | "queue" | "messageId">;

/** Sorts before every key. */
export const BEFORE_ALL: MessageKey = { storedSentAt: "-infinity", queue: "", messageId: "" };

export interface QuarantinedRow extends MessageKey {
  readonly reasons: string[];
  readonly records: (number | null)[] | null;
  readonly keyId: string;
  /** In hex; null where it is too long. */
  readonly sealed: string | null;
  readonly quarantinedAt: string;
}

/** The limits of a page: a body may have a megabyte. A page has at least one message. */
const PAGE = { messages: 500, bytes: 8_000_000 } as const;

interface PageRequest {
  /** The columns to read, including the key and `sealed`; the user needs no right on others. */
  readonly reads: string;
  /** The expressions to return. */
  readonly gives: string;
  /** A condition on the messages, in which `$4` is the first of `values`. */
  readonly which: string;
  readonly values: readonly (string | string[] | null)[];
}

/** The next page of the quarantine, in the order of its key. */
export async function readPage<T extends object>(
  sql: Reader,
  { storedSentAt, queue, messageId }: MessageKey,
  { reads, gives, which, values }: PageRequest,
): Promise<readonly T[]> {
  return sql.unsafe<T[]>(
    `
    select ${gives} from (
      select *, pg_catalog.sum(pg_catalog.octet_length(sealed)) over (order by sent_at, queue, message_id)
        operator(pg_catalog.-) pg_catalog.octet_length(sealed) as bytes_before
      from (
        select ${reads} from fetch_etl.quarantine
        where (sent_at, queue, message_id)
            operator(pg_catalog.>) ($1::pg_catalog.text::pg_catalog.timestamptz, $2::pg_catalog.text, $3::pg_catalog.text)
          and ${which}
        order by sent_at, queue, message_id limit ${PAGE.messages}
      ) as next
    ) as measured
    where bytes_before operator(pg_catalog.<) ${PAGE.bytes}
    order by sent_at, queue, message_id`,
    [storedSentAt, queue, messageId, ...values],
  );
}

export function toQuarantined(row: QuarantinedRow): QuarantinedMessage {
  const { queue, messageId, storedSentAt, reasons, records, keyId, sealed, quarantinedAt } = row;
  const sentAt = epochMs(storedSentAt);
  return {
    ...{ queue, messageId, storedSentAt },
    sentAt: sentAt === SENT_TIME_UNKNOWN ? undefined : sentAt,
    // Anyone who may write to the table can add a NULL.
    reasons: reasons.map((reason: string | null) => reason ?? ""),
    records: records?.filter((record) => record !== null),
    body: { keyId, bytes: Buffer.from(sealed ?? "", "hex") },
    quarantinedAt: epochMs(quarantinedAt),
  };
}
