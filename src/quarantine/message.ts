// A message that the quarantine holds, and the opening of its body.
import { readPersonal } from "../login/decode.ts";
import type { MaskingKeys } from "../masking/keys.ts";
import { unseal } from "../masking/seal.ts";
import { createMask } from "../masking/token.ts";
import { sealContext } from "../drain/entry.ts";
import type { SealedBody } from "../drain/ports.ts";

export interface QuarantinedMessage {
  /** What the ledger knows the queue by. */
  readonly queue: string;
  readonly messageId: string;
  /** When SQS took the message, epoch milliseconds; undefined where the server did not say. */
  readonly sentAt: number | undefined;
  /** The same as the table has it, to the microsecond: a part of the message's key there. */
  readonly storedSentAt: string;
  readonly reasons: readonly string[];
  readonly body: SealedBody;
  /** Epoch milliseconds. */
  readonly quarantinedAt: number;
}

/** What came of opening a body. */
export type OpenedBody =
  | { readonly outcome: "opened"; readonly text: string }
  /** The masking key that it names is not at hand. */
  | { readonly outcome: "no key" }
  /** It, or what it belongs to, was changed after it was sealed. */
  | { readonly outcome: "altered" };

export type BodyOpener = (message: Pick<QuarantinedMessage, "queue" | "messageId" | "body">) => OpenedBody;

/** Opens a body with whichever of the masking keys it was sealed under. */
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
 * Gives the tokens, under each of the masking keys, of the personal values in a body. An address and a device id are found in the
 * message's own fields only: what stands elsewhere in a body is not.
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
