// The port `Queue`, implemented with the SDK's client.
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type GetQueueAttributesCommandOutput,
  type MessageSystemAttributeName,
  type QueueAttributeName,
  type ReceiveMessageRequest,
} from "@aws-sdk/client-sqs";
import { LONG_POLL_SECONDS } from "../drain/poller.ts";
import type {
  FailedEntry,
  Notices,
  Queue,
  QueueDepth,
  ReceivedMessage,
  ReceiveRequest,
  RequestCounts,
} from "../drain/ports.ts";
import type { SqsClient } from "./client.ts";
import { DirectCalls, type DirectCall } from "./direct.ts";
import { translateSqsError } from "./errors.ts";
import { failedOf, finite, messagesOf, receivedOf, toFailed } from "./message.ts";
import type { Protocol, Target } from "./target.ts";

// SQS's default, seconds.
const DEFAULT_VISIBILITY_TIMEOUT = 30;
const SHORTEST_VISIBILITY_TIMEOUT = 2 * LONG_POLL_SECONDS;
const systemAttributes: MessageSystemAttributeName[] = ["SentTimestamp", "ApproximateReceiveCount"];
const fifoAttributes: MessageSystemAttributeName[] = [...systemAttributes, "MessageGroupId"];
const depthAttributes: QueueAttributeName[] = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
];

export type QueueAttributes = NonNullable<GetQueueAttributesCommandOutput["Attributes"]>;

/** A queue that was found: its location, its attributes, and the client to call it with. */
export interface FoundQueue {
  readonly client: SqsClient;
  readonly protocol: Protocol;
  readonly target: Target;
  readonly url: string;
  readonly attributes: QueueAttributes;
  readonly requests: RequestCounts;
  readonly maxSockets: number;
  readonly notices: Notices;
  /** Whether to receive message attributes. */
  readonly withAttributes: boolean;
}

/** The port {@link Queue}, on the SDK's client. */
export class SqsQueue implements Queue {
  readonly name: string;
  readonly id: string;
  readonly visibilityTimeout: number;
  readonly maxReceiveCount: number | undefined;
  readonly isFifo: boolean;
  readonly requests: Readonly<RequestCounts>;
  readonly visibleAtOpen: number | undefined;
  readonly #found: FoundQueue;
  readonly #direct: DirectCalls | undefined;

  constructor(found: FoundQueue) {
    const { url, attributes, target } = found;
    this.name = target.queueName;
    this.id = attributes.QueueArn ?? (URL.canParse(url) ? new URL(url).pathname : url);
    this.visibilityTimeout = visibilityTimeout(attributes.VisibilityTimeout);
    this.maxReceiveCount = maxReceiveCount(attributes.RedrivePolicy);
    this.isFifo = target.queueName.endsWith(".fifo");
    this.requests = found.requests;
    this.visibleAtOpen = finite(attributes.ApproximateNumberOfMessages);
    this.#found = found;
    this.#direct =
      found.protocol === "json"
        ? new DirectCalls(found.client, target.endpoint, found.maxSockets)
        : undefined;
  }

  async receive(request: ReceiveRequest): Promise<ReceivedMessage[]> {
    const { client, url, protocol, withAttributes } = this.#found;
    const { admit } = request;
    const input = {
      QueueUrl: url,
      MaxNumberOfMessages: request.max,
      WaitTimeSeconds: request.waitSeconds,
      VisibilityTimeout: request.visibilityTimeout,
      ...systemAttributeRequest(protocol, this.isFifo ? fifoAttributes : systemAttributes),
      ...(withAttributes ? { MessageAttributeNames: ["All"] } : {}),
    };
    if (admit !== undefined) client.admitFor(input, admit);
    const messages = await this.#repeated(
      { action: "ReceiveMessage", input, read: messagesOf, admit },
      "sqs:ReceiveMessage",
      async () => (await client.send(new ReceiveMessageCommand(input))).Messages,
    );
    return receivedOf(messages, this.#warnOfDamage, withAttributes);
  }

  async delete(receiptHandles: readonly string[]): Promise<FailedEntry[]> {
    const { client, url } = this.#found;
    const Entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
    const input = { QueueUrl: url, Entries };
    const failed = await this.#repeated(
      { action: "DeleteMessageBatch", input, read: failedOf },
      "sqs:DeleteMessage",
      async () => (await client.send(new DeleteMessageBatchCommand(input))).Failed,
    );
    return toFailed(failed);
  }

  async changeVisibility(receiptHandles: readonly string[], seconds: number): Promise<FailedEntry[]> {
    const { client, url } = this.#found;
    const Entries = receiptHandles.map((ReceiptHandle, index) => ({
      Id: String(index),
      ReceiptHandle,
      VisibilityTimeout: seconds,
    }));
    const input = { QueueUrl: url, Entries };
    const failed = await this.#repeated(
      { action: "ChangeMessageVisibilityBatch", input, read: failedOf },
      "sqs:ChangeMessageVisibility",
      async () => (await client.send(new ChangeMessageVisibilityBatchCommand(input))).Failed,
    );
    return toFailed(failed);
  }

  async depth(): Promise<QueueDepth> {
    const { client, url } = this.#found;
    const { Attributes = {} } = await this.#call("sqs:GetQueueAttributes", () =>
      client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: depthAttributes })),
    );
    return {
      visible: finite(Attributes.ApproximateNumberOfMessages) ?? 0,
      inFlight: finite(Attributes.ApproximateNumberOfMessagesNotVisible) ?? 0,
      delayed: finite(Attributes.ApproximateNumberOfMessagesDelayed) ?? 0,
    };
  }

  close(): void {
    this.#found.client.destroy();
    this.#direct?.close();
  }

  /** Makes a call that a drain makes often: directly if possible, else with the SDK. */
  async #repeated<T>(
    call: DirectCall<readonly T[]>,
    action: string,
    send: () => Promise<readonly T[] | undefined>,
  ): Promise<readonly T[]> {
    const direct = await this.#direct?.attempt(call);
    if (direct !== undefined) return direct;
    const list = await this.#call(action, send);
    this.#direct?.sdkSucceeded();
    return list ?? [];
  }

  async #call<T>(action: string, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      throw translateSqsError(error, { target: this.#found.target, action });
    }
  }

  /** The message is neither loaded nor released: SQS redelivers it after its visibility timeout. */
  readonly #warnOfDamage = (messageId: string): void => {
    this.#found.notices.warn(
      `Message ${messageId} was damaged in transit: its body does not match its checksum. It was left in the queue.`,
    );
  };
}

/**
 * JSON servers of 2023 and 2024 know only the older name, `AttributeNames`. The query protocol serializes both names as
 * `AttributeName.N`, so the second would overwrite or repeat the first. The SDK's type for the older name lacks the message
 * attributes that AWS accepts, so the return type omits it.
 */
function systemAttributeRequest(
  protocol: Protocol,
  attributes: MessageSystemAttributeName[],
): Pick<ReceiveMessageRequest, "MessageSystemAttributeNames"> {
  const current = { MessageSystemAttributeNames: attributes };
  if (protocol === "query") return current;
  const both = { ...current, AttributeNames: attributes };
  return both;
}

/**
 * Seconds that receives ask for. With the queue's own 0, SQS would return the same messages again and again. A time as short as a
 * long poll could be over when the answer arrives, because it is counted from the request.
 */
function visibilityTimeout(attribute: string | undefined): number {
  const seconds = finite(attribute);
  if (seconds === undefined || seconds === 0) return DEFAULT_VISIBILITY_TIMEOUT;
  return Math.max(seconds, SHORTEST_VISIBILITY_TIMEOUT);
}

/** The redrive policy is an attribute that holds JSON; servers write `maxReceiveCount` as a number or as a string. */
export function maxReceiveCount(policy: string | undefined): number | undefined {
  if (policy === undefined) return undefined;
  const found = /"maxReceiveCount"\s*:\s*"?(\d+)/.exec(policy)?.[1];
  return finite(found);
}
