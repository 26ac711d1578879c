// Every right that a drain needs, taken away in both protocols, in the words that AWS has for it.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startSqs, type SqsServer } from "../../sandbox/sqs.ts";
import type { Queue } from "../../src/drain/ports.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { startProxy, type Fault, type Proxy } from "../support/proxy.ts";
import { startQueryServer, type QueryServer } from "../support/query-server.ts";
import { deaf, settings, stubAwsEnvironment } from "./servers.ts";

beforeEach(stubAwsEnvironment);

const receive = (queue: Queue) => queue.receive({ max: 10, waitSeconds: 0, visibilityTimeout: 30 });

const calls: readonly (readonly [right: string, action: string, call: (queue: Queue) => Promise<unknown>])[] =
  [
    ["sqs:ReceiveMessage", "ReceiveMessage", receive],
    ["sqs:DeleteMessage", "DeleteMessageBatch", (queue) => queue.delete(["handle"])],
    [
      "sqs:ChangeMessageVisibility",
      "ChangeMessageVisibilityBatch",
      (queue) => queue.changeVisibility(["handle"], 0),
    ],
    ["sqs:GetQueueAttributes", "GetQueueAttributes", (queue) => queue.depth()],
  ];

const atTheStart = ["GetQueueUrl", "GetQueueAttributes"];

const configuration = (sentence: string): unknown =>
  expect.objectContaining({
    name: "Failure",
    kind: "configuration",
    message: expect.stringContaining(sentence),
  });
const lacks = (right: string): unknown =>
  configuration(
    `The AWS credentials are not authorized to call ${right} on queue "login-queue" (AccessDenied`,
  );
const mayNotDecrypt = configuration(
  'are not authorized to use the KMS key of queue "login-queue" (KmsAccessDenied, HTTP 400). Allow kms:Decrypt in',
);
const keyIsOff = configuration(
  'The KMS key of queue "login-queue" cannot be used (KmsDisabled, HTTP 400). Check that it exists and is enabled',
);

describe("in JSON", () => {
  const answer = (type: string, olderCode: string): Fault => ({
    kind: "answered",
    status: 400,
    body: JSON.stringify({
      __type: type,
      Message: "User: arn:aws:iam::123456789012:user/me is not authorized",
    }),
    olderCode,
  });
  const denial = answer("com.amazon.coral.service#AccessDeniedException", "AccessDenied");

  let sqs: SqsServer;
  let proxy: Proxy;
  beforeEach(async () => {
    sqs = await startSqs();
    await sqs.createQueue("login-queue");
    proxy = await startProxy(sqs.endpoint);
  });
  afterEach(async () => {
    await proxy.stop();
    await sqs.stop();
  });

  const open = () => openQueue(settings({ endpointUrl: proxy.endpoint, protocol: "json" }), deaf);
  const withQueue = async (use: (queue: Queue) => Promise<void>): Promise<void> => {
    const queue = await open();
    try {
      await use(queue);
    } finally {
      queue.close();
    }
  };

  it.each(calls)("a missing %s is named, whether the call is a first one or not", (right, action, call) =>
    withQueue(async (queue) => {
      const denied = ({ action: asked }: { action: string }) => (asked === action ? denial : undefined);
      proxy.misbehave(denied);
      await expect(call(queue)).rejects.toEqual(lacks(right));
      proxy.misbehave();
      await call(queue);
      proxy.misbehave(denied);
      await expect(call(queue)).rejects.toEqual(lacks(right));
    }),
  );

  it.each(atTheStart)("a missing sqs:%s is named at the start", async (action) => {
    proxy.misbehave(({ action: asked }) => (asked === action ? denial : undefined));
    await expect(open()).rejects.toEqual(lacks(`sqs:${action}`));
  });

  it("a missing kms:Decrypt is named, and a key that is off is told from it", () =>
    withQueue(async (queue) => {
      proxy.misbehave(() => answer("com.amazonaws.sqs#KmsAccessDenied", "KMS.AccessDeniedException"));
      await expect(receive(queue)).rejects.toEqual(mayNotDecrypt);
      proxy.misbehave(() => answer("com.amazonaws.sqs#KmsDisabled", "KMS.DisabledException"));
      await expect(receive(queue)).rejects.toEqual(keyIsOff);
    }));
});

describe("in the query protocol", () => {
  let server: QueryServer;
  beforeEach(async () => {
    server = await startQueryServer();
  });
  afterEach(() => server.stop());

  const open = () => openQueue(settings({ endpointUrl: server.endpoint, protocol: "query" }), deaf);

  it.each(calls)("a missing %s is named", async (right, action, call) => {
    const queue = await open();
    server.refuse(action, 403, "AccessDenied");
    await expect(call(queue)).rejects.toEqual(lacks(right));
    queue.close();
  });

  it.each(atTheStart)("a missing sqs:%s is named at the start", async (action) => {
    server.refuse(action, 403, "AccessDenied");
    await expect(open()).rejects.toEqual(lacks(`sqs:${action}`));
  });

  it("a missing kms:Decrypt is named, and a key that is off is told from it", async () => {
    const queue = await open();
    server.refuse("ReceiveMessage", 400, "KMS.AccessDeniedException");
    await expect(receive(queue)).rejects.toEqual(mayNotDecrypt);
    server.refuse("ReceiveMessage", 400, "KMS.DisabledException");
    await expect(receive(queue)).rejects.toEqual(keyIsOff);
    queue.close();
  });
});
