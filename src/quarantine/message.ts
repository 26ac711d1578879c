// A quarantined message, and the decryption of its body.
import type { MaskingKeys } from "../masking/keys.ts";
import { unseal } from "../masking/seal.ts";
import { compile } from "../mapping/compile.ts";
import { createFinder, type SoughtValue } from "../mapping/find.ts";
import type { MappedMessage, Mapping } from "../mapping/mapping.ts";
import { sealContext } from "../drain/entry.ts";
import type { SealedBody, SentMessage } from "../drain/ports.ts";

export interface QuarantinedMessage extends Pick<SentMessage, "messageId" | "sentAt"> {
  /** The queue's id in the ledger. */
  readonly queue: string;
  /** The sent time with the table's microseconds: part of the primary key. */
  readonly storedSentAt: string;
  readonly reasons: readonly string[];
  /** The indices of the rejected records; undefined where the message was rejected as a whole. */
  readonly records: readonly number[] | undefined;
  readonly body: SealedBody;
  /** Epoch milliseconds. */
  readonly quarantinedAt: number;
}

/** The result of decrypting a body. */
export type OpenedBody =
  | {
      readonly outcome: "opened";
      readonly text: string;
      readonly attributes: Readonly<Record<string, string>>;
    }
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
    const open = (what: "body" | "message"): string | undefined => {
      try {
        const plain = unseal(key.quarantine, body.bytes, sealContext(queue, messageId, what));
        return Buffer.from(plain).toString();
      } catch {
        return undefined;
      }
    };
    const text = open("body");
    if (text !== undefined) return { outcome: "opened", text, attributes: {} };
    const message = open("message");
    if (message === undefined) return { outcome: "altered" };
    // Sealed by a drain: nobody else has the key.
    const { body: sent, attributes } = JSON.parse(message) as SealedMessage;
    return { outcome: "opened", text: sent, attributes };
  };
}

/** What was sealed of a message with attributes. */
interface SealedMessage {
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The name of a queue whose id is an ARN, or the path of its URL: both end with it. */
export function queueNameOf(queueId: string): string {
  return queueId.slice(Math.max(queueId.lastIndexOf(":"), queueId.lastIndexOf("/")) + 1);
}

type Opened = Extract<OpenedBody, { outcome: "opened" }>;
type Identified = Pick<QuarantinedMessage, "queue" | "messageId">;

/** Computes the tokens, with each masking key, of the masked values in an opened message. Values elsewhere in the body are not found. */
export function createTokenReader(
  mapping: Mapping,
  keys: readonly MaskingKeys[],
): (message: Identified, opened: Opened) => string[] {
  const plans = keys.map((each) => compile(mapping, each));
  return (message, opened) => plans.flatMap((plan) => plan.tokensIn(mapped(message, opened)));
}

/** Whether a record of an opened message has a value in a column. */
export function createValueFinder(
  mapping: Mapping,
  value: SoughtValue,
): (message: Identified, opened: Opened) => boolean {
  const find = createFinder(mapping, value);
  return (message, opened) => find(mapped(message, opened));
}

function mapped({ queue, messageId }: Identified, { text: body, attributes }: Opened): MappedMessage {
  return { messageId, sentAt: 0, queue: queueNameOf(queue), body, attributes };
}
