// A quarantined message, and the decryption of its body.
import { readPersonal } from "../login/decode.ts";
import type { MaskingKeys } from "../masking/keys.ts";
import { unseal } from "../masking/seal.ts";
import { createMask } from "../masking/token.ts";
import { sealContext } from "../drain/entry.ts";
import type { SealedBody, SentMessage } from "../drain/ports.ts";

export interface QuarantinedMessage extends Pick<SentMessage, "messageId" | "sentAt"> {
  /** The queue's id in the ledger. */
  readonly queue: string;
  /** The sent time with the table's microseconds: part of the primary key. */
  readonly storedSentAt: string;
  readonly reasons: readonly string[];
  readonly body: SealedBody;
  /** Epoch milliseconds. */
  readonly quarantinedAt: number;
}

/** The result of decrypting a body. */
export type OpenedBody =
  | { readonly outcome: "opened"; readonly text: string }
  /** Its masking key is not configured. */
  | { readonly outcome: "no key" }
  /** The body, its queue or its message id was changed after sealing. */
  | { readonly outcome: "altered" };

export type BodyOpener = (message: Pick<QuarantinedMessage, "queue" | "messageId" | "body">) => OpenedBody;

/** Decrypts bodies with the masking key that their key id names. */
export function createBodyOpener(keys: readonly MaskingKeys[]): BodyOpener {
  return ({ queue, messageId, body }) => {
    const key = keys.find(({ keyId }) => keyId === body.keyId);
    if (key === undefined) return { outcome: "no key" };
    try {
      const plain = unseal(key.quarantine, body.bytes, sealContext(queue, messageId));
      return { outcome: "opened", text: Buffer.from(plain).toString() };
    } catch {
      return { outcome: "altered" };
    }
  };
}

/**
 * Computes the tokens, with each masking key, of the personal values in a body. Reads only the two fields of the message; values
 * elsewhere in the body are not found.
 */
export function createTokenReader(keys: readonly MaskingKeys[]): (body: string) => string[] {
  const masks = keys.map(createMask);
  return (body) => {
    const { ip, device_id: deviceIds } = readPersonal(body);
    return masks.flatMap((mask) => [
      ...ip.map((each) => mask.ip(each)),
      ...deviceIds.map((each) => mask.deviceId(each)),
    ]);
  };
}
