// The queue, through the SDK's client with its defaults: it signs requests, keeps connections alive and checks bodies.
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from "@aws-sdk/client-sqs";
import { BATCH, setting, WAIT_SECONDS } from "./settings.ts";

export const client = new SQSClient();

const QueueUrl = setting("QUEUE_URL");

/** Waits for up to ten messages, and requests the same attributes as fetch-etl. */
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

/** Deletes the messages of one receive. */
export async function remove(messages: readonly Message[]): Promise<void> {
  const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
}
