// Turns a received message into what the database takes: a row, or a rejection with its body sealed.
import { decodeLogin, type Login } from "../login/decode.ts";
import type { AppVersionStyle } from "../login/app-version.ts";
import { toRow, type LoginRow } from "../login/row.ts";
import { bodyMac, createMask } from "../masking/token.ts";
import type { Field, MaskingKeys } from "../masking/keys.ts";
import { seal, NONCE_BYTES } from "../masking/seal.ts";
import type { Entry, RejectionEntry, RowEntry, SealedValues, SentMessage, ValueSealer } from "./ports.ts";

/** From messages to entries, under one key and for one queue. */
export interface EntryMaker {
  /** Decodes and masks. */
  fromMessage(message: SentMessage): Entry;
  /** Turns a message away; no reason may hold a value. */
  reject(message: SentMessage, reasons: readonly string[]): RejectionEntry;
}

export interface EntrySettings {
  readonly keys: MaskingKeys;
  readonly queueId: string;
  readonly appVersion: AppVersionStyle;
  /** The day of the run, for servers that do not say when they took a message. */
  readonly today: string;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Undefined where nothing is kept for recovery. */
  readonly sealer?: ValueSealer | undefined;
}

/** What a sealed body belongs to: opening it asks for the same queue and message. */
export function sealContext(queueId: string, messageId: string): string {
  return JSON.stringify(["fetch-etl/v1/quarantine", queueId, messageId]);
}

export function createEntryMaker({
  keys,
  queueId,
  appVersion,
  today,
  randomBytes,
  sealer,
}: EntrySettings): EntryMaker {
  const mask = createMask(keys);
  const reject = (message: SentMessage, reasons: readonly string[]): RejectionEntry => ({
    kind: "rejection",
    messageId: message.messageId,
    sentAt: message.sentAt,
    bodyMac: bodyMac(keys.body, message.body),
    rejection: {
      reasons,
      sealed: {
        keyId: keys.keyId,
        bytes: seal(
          keys.quarantine,
          message.body,
          sealContext(queueId, message.messageId),
          randomBytes(NONCE_BYTES),
        ),
      },
    },
  });
  return {
    reject,
    fromMessage: (message) => {
      const decoded = decodeLogin(message.body, appVersion);
      if (!decoded.ok) return reject(message, decoded.reasons);
      const day = message.sentAt === undefined ? today : utcDay(message.sentAt);
      const { messageId, sentAt, body } = message;
      const row = toRow(decoded.login, mask, day);
      const entry: RowEntry = { kind: "row", messageId, sentAt, bodyMac: bodyMac(keys.body, body), row };
      if (sealer === undefined) return entry;
      return { ...entry, sealed: sealValues(sealer, decoded.login, row) };
    },
  };
}

function sealValues(sealer: ValueSealer, { ip, deviceId }: Login, row: LoginRow): SealedValues {
  const sealed = (field: Field, token: string | null, value: Uint8Array | null): Uint8Array | null =>
    token === null || value === null ? null : sealer.seal(field, token, value);
  return {
    ip: sealed("ip", row.masked_ip, ip),
    deviceId: sealed("device_id", row.masked_device_id, deviceId),
  };
}

/** `YYYY-MM-DD` of epoch milliseconds, in UTC. */
export function utcDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}
