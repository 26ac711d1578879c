// The queue by the SDK's client as it comes: it signs, keeps connections alive and checks bodies by default.
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from "@aws-sdk/client-sqs";
import { BATCH, setting, WAIT_SECONDS } from "./settings.ts";

/** The server's queue URLs name hosts that need not resolve: the endpoint of the environment is the one to ask. */
export const client = new SQSClient({ useQueueUrlAsEndpoint: false });

const QueueUrl = setting("BENCH_QUEUE_URL");

/** Waits for up to ten messages, with the attributes that fetch-etl asks for. */
export async function receive(): Promise<Message[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: BATCH,
      WaitTimeSeconds: WAIT_SECONDS,
      MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
    }),
  );
  return Messages;
}

/** Deletes what one receive brought. */
export async function remove(messages: readonly Message[]): Promise<void> {
  const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
}
