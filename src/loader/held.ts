// Reads messages of the quarantine.
import type { HeldMessage } from "../drainer/held.ts";
import { SENT_TIME_UNKNOWN } from "./loader.ts";

/** A time as text, ISO 8601 to the microsecond, whatever the session's time zone and date style. */
export function exactly(time: string): string {
  return `pg_catalog.to_char((${time}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** The columns of a {@link HeldRow}: no setting changes how one is written. */
export const HELD_COLUMNS = `queue, message_id, ${exactly("sent_at")} as stored_sent_at, reasons, key_id,
  pg_catalog.encode(sealed, 'hex') as sealed, ${exactly("quarantined_at")} as quarantined_at`;

export interface HeldRow {
  readonly queue: string;
  readonly message_id: string;
  readonly stored_sent_at: string;
  readonly reasons: string[];
  readonly key_id: string;
  /** In hex. */
  readonly sealed: string;
  readonly quarantined_at: string;
}

export function toHeld(row: HeldRow): HeldMessage {
  const sentAt = Date.parse(row.stored_sent_at);
  return {
    queue: row.queue,
    messageId: row.message_id,
    sentAt: sentAt === SENT_TIME_UNKNOWN ? undefined : sentAt,
    storedSentAt: row.stored_sent_at,
    reasons: row.reasons,
    body: { keyId: row.key_id, bytes: Buffer.from(row.sealed, "hex") },
    quarantinedAt: Date.parse(row.quarantined_at),
  };
}
