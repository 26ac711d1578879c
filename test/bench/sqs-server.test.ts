// The SQS server of the benchmark behaves as SQS does, as far as a drain can tell.
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { once } from "node:events";
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Queue } from "../../bench/servers/sqs/queue.ts";
import { SqsServer } from "../../bench/servers/sqs/server.ts";

const DEFAULT_MS = 30_000;

let now = 1_000_000;
const queues = new Map<string, Queue>();
const sent: string[] = [];
const server = new SqsServer(queues, {
  started: () => undefined,
  sent: (action, queue) => sent.push(`${action} ${queue}`),
});
let endpoint: string;
let client: SQSClient;

beforeAll(async () => {
  endpoint = await server.listen({ delayMs: 0 });
  client = new SQSClient({
    ...{ endpoint, region: "us-east-1", maxAttempts: 1 },
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

/** A new queue with these bodies, whose time stands still. */
function make(name: string, bodies: readonly string[]): { queue: Queue; QueueUrl: string } {
  const queue = new Queue(DEFAULT_MS, () => now);
  queue.send(bodies);
  queues.set(name, queue);
  return { queue, QueueUrl: `${endpoint}/000000000000/${name}` };
}

async function receive(QueueUrl: string, options: object = {}): Promise<Message[]> {
  const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...options });
  return (await client.send(command)).Messages ?? [];
}

function entriesOf(messages: readonly Message[]): { Id: string; ReceiptHandle: string | undefined }[] {
  return messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
}

test("a receive has at most as many messages as asked for, in their order, with body, hash and the attributes asked for", async () => {
  const { QueueUrl } = make("logins", ['{"a":"ü"}', "{}", "{}"]);
  // The SDK checks the hashes itself.
  const messages = await receive(QueueUrl, {
    MaxNumberOfMessages: 2,
    MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
  });
  expect(messages).toMatchObject([
    {
      Body: '{"a":"ü"}',
      MD5OfBody: createHash("md5").update('{"a":"ü"}').digest("hex"),
      Attributes: { SentTimestamp: String(now), ApproximateReceiveCount: "1" },
    },
    { Body: "{}" },
  ]);
  expect(new Set(messages.map(({ MessageId }) => MessageId)).size).toBe(2);
  expect((await receive(QueueUrl))[0]).not.toHaveProperty("Attributes");
});

test("a message is hidden until its visibility timeout has passed, and then has a new handle", async () => {
  const { queue, QueueUrl } = make("hidden", ["{}", "{}"]);
  const [first] = await receive(QueueUrl, { MaxNumberOfMessages: 1, VisibilityTimeout: 5 });
  await receive(QueueUrl);
  expect(await receive(QueueUrl)).toEqual([]);
  now += 4_999;
  queue.expire();
  expect(queue.depth()).toEqual({ visible: 0, inFlight: 2 });
  now += 1;
  queue.expire();
  const [again] = await receive(QueueUrl, { MessageSystemAttributeNames: ["All"] });
  expect(again).toMatchObject({ MessageId: first?.MessageId, Attributes: { ApproximateReceiveCount: "2" } });
  expect(again?.ReceiptHandle).not.toBe(first?.ReceiptHandle);
  now += DEFAULT_MS;
  queue.expire();
  expect(queue.depth()).toEqual({ visible: 2, inFlight: 0 });
});

test("a changed visibility counts from the change, and 0 makes the message visible at once", async () => {
  const { queue, QueueUrl } = make("changed", ["{}", "{}"]);
  const [kept, released] = (await receive(QueueUrl)).map(({ ReceiptHandle }) => ReceiptHandle);
  now += DEFAULT_MS - 1;
  const change = new ChangeMessageVisibilityBatchCommand({
    QueueUrl,
    Entries: [
      { Id: "kept", ReceiptHandle: kept, VisibilityTimeout: 60 },
      { Id: "released", ReceiptHandle: released, VisibilityTimeout: 0 },
      { Id: "none", ReceiptHandle: "none", VisibilityTimeout: 1 },
    ],
  });
  expect(await client.send(change)).toMatchObject({
    Successful: [{ Id: "kept" }, { Id: "released" }],
    Failed: [{ Id: "none", Code: "ReceiptHandleIsInvalid", SenderFault: true }],
  });
  expect(queue.depth()).toEqual({ visible: 1, inFlight: 1 });
  now += 59_999;
  queue.expire();
  expect(queue.depth()).toEqual({ visible: 1, inFlight: 1 });
  // It is not in flight.
  expect(await client.send(change)).toMatchObject({ Failed: [{ Id: "released" }, { Id: "none" }] });
});

test("a deleted message is gone; an earlier handle does not delete it, and what is no handle is refused", async () => {
  const { queue, QueueUrl } = make("deleted", ["{}", "{}"]);
  const early = entriesOf(await receive(QueueUrl));
  queue.expire(true);
  const late = entriesOf(await receive(QueueUrl));
  const remove = (Entries: typeof late): Promise<unknown> =>
    client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  expect(await remove(early)).toMatchObject({ Successful: [{ Id: "0" }, { Id: "1" }] });
  expect(queue.depth()).toEqual({ visible: 0, inFlight: 2 });
  expect(await remove([...late.slice(0, 1), { Id: "none", ReceiptHandle: "none" }])).toMatchObject({
    Successful: [{ Id: "0" }],
    Failed: [{ Id: "none", Code: "ReceiptHandleIsInvalid" }],
  });
  expect(queue.depth()).toEqual({ visible: 0, inFlight: 1 });
  queue.expire(true);
  expect(await receive(QueueUrl)).toHaveLength(1);
  await expect.poll(() => sent).toContain("DeleteMessageBatch deleted");
});

test("a long poll ends with the first message, and an empty one when its time is up", async () => {
  const { queue, QueueUrl } = make("polled", []);
  const polls = [1, 2].map(() => receive(QueueUrl, { WaitTimeSeconds: 1 }));
  await expect.poll(() => queue.waiting).toBe(2);
  queue.send(["{}"]);
  expect((await Promise.all(polls)).map((messages) => messages.length).toSorted()).toEqual([0, 1]);
});

test("a client that goes in the middle of a request or of a poll takes no message with it", async () => {
  const { queue, QueueUrl } = make("gone", []);
  const open = async (text: string): Promise<() => void> => {
    const socket = connect(Number(new URL(endpoint).port), "127.0.0.1");
    await once(socket, "connect");
    socket.write(text);
    return () => socket.destroy();
  };
  const body = JSON.stringify({ QueueUrl, WaitTimeSeconds: 20 });
  const head = `POST / HTTP/1.1\r\nhost: sqs\r\nx-amz-target: AmazonSQS.ReceiveMessage\r\ncontent-length: ${body.length}\r\n\r\n`;
  const inRequest = await open(head + body.slice(0, 5));
  const inPoll = await open(head + body);
  await expect.poll(() => queue.waiting).toBe(1);
  inRequest();
  inPoll();
  await expect.poll(() => queue.waiting).toBe(0);
  queue.send(["{}"]);
  expect(await receive(QueueUrl)).toHaveLength(1);
});

test("a queue tells its URL, its depth and its attributes; another one does not exist", async () => {
  const { QueueUrl } = make("known", ["{}", "{}"]);
  expect(await client.send(new GetQueueUrlCommand({ QueueName: "known" }))).toMatchObject({ QueueUrl });
  await receive(QueueUrl, { MaxNumberOfMessages: 1 });
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
  );
  expect(Attributes).toMatchObject({
    ApproximateNumberOfMessages: "1",
    ApproximateNumberOfMessagesNotVisible: "1",
    VisibilityTimeout: "30",
    QueueArn: "arn:aws:sqs:us-east-1:000000000000:known",
  });
  await expect(client.send(new GetQueueUrlCommand({ QueueName: "unknown" }))).rejects.toMatchObject({
    name: "QueueDoesNotExist",
  });
});
