// Reads messages of the quarantine.
import type { HeldMessage } from "../drainer/held.ts";
import { SENT_TIME_UNKNOWN } from "./loader.ts";

/** A time as text, ISO 8601 to the microsecond, whatever the session's time zone and date style. */
export function exactly(time: string): string {
  return `pg_catalog.to_char((${time}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** The columns of a {@link HeldRow}. */
export const HELD_COLUMNS = `queue, message_id, sent_at, ${exactly("sent_at")} as stored_sent_at,
  reasons, key_id, sealed, quarantined_at`;

export interface HeldRow {
  readonly queue: string;
  readonly message_id: string;
  readonly sent_at: Date;
  readonly stored_sent_at: string;
  readonly reasons: string[];
  readonly key_id: string;
  readonly sealed: Buffer;
  readonly quarantined_at: Date;
}

export function toHeld(row: HeldRow): HeldMessage {
  const sentAt = row.sent_at.getTime();
  return {
    queue: row.queue,
    messageId: row.message_id,
    sentAt: sentAt === SENT_TIME_UNKNOWN ? undefined : sentAt,
    storedSentAt: row.stored_sent_at,
    reasons: row.reasons,
    body: { keyId: row.key_id, bytes: row.sealed },
    quarantinedAt: row.quarantined_at.getTime(),
  };
}
