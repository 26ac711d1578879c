// The port `Queue` on a queue that was found, by the SDK's client.
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type GetQueueAttributesCommandOutput,
  type MessageSystemAttributeName,
  type ReceiveMessageRequest,
} from "@aws-sdk/client-sqs";
import { MAX_BATCH } from "../drain/batches.ts";
import { LONG_POLL_SECONDS } from "../drain/poller.ts";
import type {
  FailedEntry,
  Notices,
  Queue,
  QueueDepth,
  ReceivedMessage,
  RequestCounts,
} from "../drain/ports.ts";
import type { SqsClient } from "./client.ts";
import { directCalls } from "./direct.ts";
import { explainSqsError } from "./errors.ts";
import { failedOf, finite, messagesOf, receivedOf, toFailed } from "./message.ts";
import type { Protocol, Target } from "./target.ts";

// What a queue has that was made without a word about it.
const DEFAULT_VISIBILITY_TIMEOUT = 30;
const SHORTEST_VISIBILITY_TIMEOUT = 2 * LONG_POLL_SECONDS;
const systemAttributes: MessageSystemAttributeName[] = ["SentTimestamp", "ApproximateReceiveCount"];
const fifoAttributes: MessageSystemAttributeName[] = [...systemAttributes, "MessageGroupId"];

export type QueueAttributes = NonNullable<GetQueueAttributesCommandOutput["Attributes"]>;

/** A queue that was found: where it is, what it said about itself, and the client to call it with. */
export interface FoundQueue {
  readonly client: SqsClient;
  readonly protocol: Protocol;
  readonly target: Target;
  readonly url: string;
  readonly attributes: QueueAttributes;
  readonly requests: RequestCounts;
  readonly notices: Notices;
}

/** Makes the port of a queue that was found. */
export function sqsQueue(found: FoundQueue): Queue {
  const { client, url, attributes, target } = found;
  const isFifo = target.queueName.endsWith(".fifo");
  const direct = found.protocol === "json" ? directCalls(client) : undefined;

  async function call<T>(action: string, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      throw explainSqsError(error, { target, action });
    }
  }

  /** It is neither loaded nor given back: it comes again by itself, undamaged, let us hope. */
  const onDamaged = (messageId: string): void => {
    found.notices.warn(
      `Message ${messageId} came with a body that does not match its checksum: left in the queue.`,
    );
  };

  return {
    name: target.queueName,
    id: attributes.QueueArn ?? pathOf(url),
    visibilityTimeout: visibilityTimeout(attributes.VisibilityTimeout),
    maxReceiveCount: maxReceiveCount(attributes.RedrivePolicy),
    isFifo,
    requests: found.requests,

    async receive(request): Promise<ReceivedMessage[]> {
      const input = {
        QueueUrl: url,
        MaxNumberOfMessages: request.max,
        WaitTimeSeconds: request.waitSeconds,
        VisibilityTimeout: request.visibilityTimeout,
        ...systemAttributeRequest(found.protocol, isFifo ? fifoAttributes : systemAttributes),
      };
      if (request.admit !== undefined) client.admitFor(input, request.admit);
      const messages =
        (await direct?.("ReceiveMessageCommand", input, messagesOf, request.admit)) ??
        (await call("sqs:ReceiveMessage", () => client.send(new ReceiveMessageCommand(input)))).Messages ??
        [];
      return receivedOf(messages, onDamaged);
    },

    async delete(receiptHandles): Promise<FailedEntry[]> {
      checkBatch(receiptHandles);
      if (receiptHandles.length === 0) return [];
      const Entries = receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
      const input = { QueueUrl: url, Entries };
      const failed =
        (await direct?.("DeleteMessageBatchCommand", input, failedOf)) ??
        (await call("sqs:DeleteMessage", () => client.send(new DeleteMessageBatchCommand(input)))).Failed ??
        [];
      return toFailed(failed);
    },

    async changeVisibility(receiptHandles, seconds): Promise<FailedEntry[]> {
      checkBatch(receiptHandles);
      if (receiptHandles.length === 0) return [];
      const Entries = receiptHandles.map((ReceiptHandle, index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout: seconds,
      }));
      const { Failed } = await call("sqs:ChangeMessageVisibility", () =>
        client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })),
      );
      return toFailed(Failed ?? []);
    },

    async depth(): Promise<QueueDepth> {
      const { Attributes = {} } = await call("sqs:GetQueueAttributes", () =>
        client.send(
          new GetQueueAttributesCommand({
            QueueUrl: url,
            AttributeNames: [
              "ApproximateNumberOfMessages",
              "ApproximateNumberOfMessagesNotVisible",
              "ApproximateNumberOfMessagesDelayed",
            ],
          }),
        ),
      );
      return {
        visible: finite(Attributes.ApproximateNumberOfMessages) ?? 0,
        inFlight: finite(Attributes.ApproximateNumberOfMessagesNotVisible) ?? 0,
        delayed: finite(Attributes.ApproximateNumberOfMessagesDelayed) ?? 0,
      };
    },

    close(): void {
      client.destroy();
    },
  };
}

/**
 * Servers of 2023 and 2024 that speak JSON know the older name alone. In the query protocol both are written as
 * `AttributeName.N`, so that the second would overwrite or repeat the first. (The SDK's type for the older name lacks the
 * attributes of messages, although AWS takes them: hence the return type that is silent about it.)
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

function checkBatch(receiptHandles: readonly string[]): void {
  if (receiptHandles.length > MAX_BATCH) {
    throw new RangeError(`a batch takes at most ${MAX_BATCH} entries, not ${receiptHandles.length}`);
  }
}

/**
 * A queue that hides nothing (0) would hand out the same messages over and over: receives ask for a time of their own. Nor may it
 * be as short as a long poll: how long a message is hidden is reckoned from the time at which it was asked for.
 */
function visibilityTimeout(attribute: string | undefined): number {
  const seconds = finite(attribute);
  if (seconds === undefined || seconds === 0) return DEFAULT_VISIBILITY_TIMEOUT;
  return Math.max(seconds, SHORTEST_VISIBILITY_TIMEOUT);
}

/** The redrive policy is JSON in an attribute; `maxReceiveCount` comes as a number or as text. */
export function maxReceiveCount(policy: string | undefined): number | undefined {
  if (policy === undefined) return undefined;
  const found = /"maxReceiveCount"\s*:\s*"?(\d+)/.exec(policy)?.[1];
  return finite(found);
}

function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname : url;
}
