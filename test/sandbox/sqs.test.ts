import { createServer } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { LOOPBACK, PortInUse } from "../../sandbox/ports.ts";
import { startSqs, type SqsServer } from "../../sandbox/sqs.ts";

async function start(): Promise<SqsServer> {
  const sqs = await startSqs();
  onTestFinished(() => sqs.stop());
  return sqs;
}

/** One request of the AWS JSON protocol, over the network. */
async function request(sqs: SqsServer, action: string, body: object): Promise<unknown> {
  const response = await fetch(sqs.endpoint, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
    body: JSON.stringify(body),
  });
  return response.json();
}

test("what is sent is there, in its order, more than a batch of it", async () => {
  const sqs = await start();
  const queueUrl = await sqs.createQueue("logins");
  const bodies = Array.from({ length: 25 }, (_, index) => `{"n":${index}}`);
  await sqs.send(queueUrl, bodies);
  const contents = await sqs.inspect("logins");
  expect(contents).toMatchObject({ ready: 25, delayed: 0, inflight: 0 });
  expect(contents.messages.map(({ body }) => body)).toEqual(bodies);
});

test("what a client has received is in flight, and ready again once its visibility timeout has run out", async () => {
  const sqs = await start();
  const queueUrl = await sqs.createQueue("logins");
  await sqs.send(queueUrl, ["{}", "{}", "{}"]);
  await request(sqs, "ReceiveMessage", { QueueUrl: queueUrl, MaxNumberOfMessages: 2, VisibilityTimeout: 1 });
  expect(await sqs.inspect("logins")).toMatchObject({ ready: 1, inflight: 2 });
  await expect.poll(() => sqs.inspect("logins"), { timeout: 5000 }).toMatchObject({ ready: 3, inflight: 0 });
});

test("a queue has the attributes it was made with", async () => {
  const sqs = await start();
  const queueUrl = await sqs.createQueue("slow", { DelaySeconds: "60", VisibilityTimeout: "7" });
  await sqs.send(queueUrl, ["{}"]);
  expect(await sqs.inspect("slow")).toMatchObject({ ready: 0, delayed: 1 });
  const answer = await request(sqs, "GetQueueAttributes", { QueueUrl: queueUrl, AttributeNames: ["All"] });
  expect(answer).toMatchObject({ Attributes: { VisibilityTimeout: "7" } });
});

test("a character beyond the basic plane arrives as the same JSON", async () => {
  const sqs = await start();
  await sqs.send(await sqs.createQueue("logins"), [JSON.stringify({ name: "😀" })]);
  const [message] = (await sqs.inspect("logins")).messages;
  expect(JSON.parse(message?.body ?? "")).toEqual({ name: "😀" });
});

test("bodies that together are too large for a batch are sent all the same", async () => {
  const sqs = await start();
  const large = JSON.stringify("x".repeat(200_000));
  await sqs.send(await sqs.createQueue("logins"), [large, large, large]);
  expect((await sqs.inspect("logins")).ready).toBe(3);
});

test("a refused message and an unknown queue are errors", async () => {
  const sqs = await start();
  const queueUrl = await sqs.createQueue("logins");
  await expect(sqs.send(queueUrl, ["\u0000"])).rejects.toThrow("InvalidMessageContents");
  await expect(sqs.send(`${queueUrl}-2`, ["{}"])).rejects.toThrow("SendMessageBatch failed");
  await expect(sqs.inspect("other")).rejects.toThrow("no queue other");
});

test("it stops at once, in the middle of a long poll too", async () => {
  const sqs = await startSqs();
  const QueueUrl = await sqs.createQueue("logins");
  const poll = request(sqs, "ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 }).catch(() => "cut off");
  // Answered after the poll before it has reached the server.
  await request(sqs, "GetQueueUrl", { QueueName: "logins" });
  const begun = performance.now();
  await sqs.stop();
  await poll;
  expect(performance.now() - begun).toBeLessThan(2000);
});

test("a port that somebody listens on is named in the error", async () => {
  const other = createServer().listen(0, LOOPBACK);
  onTestFinished(() => void other.close());
  await once(other, "listening");
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(startSqs({ port })).rejects.toThrow(new PortInUse(port));
});
