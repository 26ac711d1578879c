// Turns a message into an entry for the loader: a row, or a rejection with its sealed body.
import { decodeLogin, type Login } from "../login/decode.ts";
import type { AppVersionStyle } from "../login/app-version.ts";
import { toRow, type LoginRow } from "../login/row.ts";
import { bodyMac, createMask } from "../masking/token.ts";
import type { Field, MaskingKeys } from "../masking/keys.ts";
import { seal, NONCE_BYTES } from "../masking/seal.ts";
import type { Entry, RejectionEntry, RowEntry, SealedValues, SentMessage, ValueSealer } from "./ports.ts";

/** Makes entries with one masking key, for one queue. */
export interface EntryMaker {
  /** Decodes and masks. */
  fromMessage(message: SentMessage): Entry;
  /** Rejects a message; reasons must not contain values. */
  reject(message: SentMessage, reasons: readonly string[]): RejectionEntry;
}

export interface EntrySettings {
  readonly keys: MaskingKeys;
  readonly queueId: string;
  readonly appVersion: AppVersionStyle;
  /** The day of the run, `YYYY-MM-DD`, for messages without a sent time. */
  readonly today: string;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Undefined without a vault. */
  readonly sealer?: ValueSealer | undefined;
}

/** The additional authenticated data of a sealed body: it can be opened only for the same queue and message. */
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
