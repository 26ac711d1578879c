// A queue that is given by its ARN.
import { beforeEach, describe, expect, it } from "vitest";
import { startSqs } from "../../sandbox/sqs.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { sqsError, startProxy } from "../support/proxy.ts";
import { startQueryServer } from "../support/query-server.ts";
import { deaf, settings, stubAwsEnvironment } from "./servers.ts";

beforeEach(stubAwsEnvironment);

const queue = "arn:aws:sqs:eu-west-1:000000000000:login-queue";
const OTHER_ACCOUNT = "123456789012";

it("is asked for by name and owner, in JSON", async () => {
  const sqs = await startSqs();
  const asked: string[] = [];
  const proxy = await startProxy(sqs.endpoint, ({ action, body }) => {
    if (action === "GetQueueUrl") asked.push(body);
    return undefined;
  });
  try {
    await sqs.createQueue("login-queue");
    (await openQueue(settings({ queue, endpointUrl: proxy.endpoint }), deaf)).close();
    expect(asked.map((body) => JSON.parse(body) as unknown)).toEqual([
      { QueueName: "login-queue", QueueOwnerAWSAccountId: "000000000000" },
    ]);
    proxy.misbehave(() => sqsError("QueueDoesNotExist"));
    await expect(openQueue(settings({ queue, endpointUrl: proxy.endpoint }), deaf)).rejects.toThrow(
      "The policy of a queue in another account must allow sqs:GetQueueUrl.",
    );
  } finally {
    await proxy.stop();
    await sqs.stop();
  }
});

it("is asked for by name and owner, in the query protocol", async () => {
  const server = await startQueryServer();
  try {
    (await openQueue(settings({ queue, endpointUrl: server.endpoint, protocol: "query" }), deaf)).close();
    const form = server.requests.find(({ action }) => action === "GetQueueUrl")?.form;
    expect(form?.get("QueueName")).toBe("login-queue");
    expect(form?.get("QueueOwnerAWSAccountId")).toBe("000000000000");
  } finally {
    await server.stop();
  }
});

describe("a queue of another account than the one that was named is not taken for it", () => {
  const refusal = new RegExp(
    `^Account ${OTHER_ACCOUNT} has no queue login-queue at http://127.0.0.1:\\d+; the queue of that name is in account 000000000000`,
  );

  it.each([
    ["by its ARN", () => `arn:aws:sqs:us-east-1:${OTHER_ACCOUNT}:login-queue`],
    ["by its URL", (endpoint: string) => `${endpoint}/${OTHER_ACCOUNT}/login-queue`],
  ])("%s", async (_how, named) => {
    const sqs = await startSqs();
    try {
      const queueUrl = await sqs.createQueue("login-queue");
      const opening = openQueue(settings({ queue: named(sqs.endpoint), endpointUrl: sqs.endpoint }), deaf);
      await expect(opening).rejects.toThrow(refusal);
      // Its own account's is found, whatever the host in the URL.
      const own = `http://elsewhere.example.org${new URL(queueUrl).pathname}`;
      (await openQueue(settings({ queue: own, endpointUrl: sqs.endpoint }), deaf)).close();
    } finally {
      await sqs.stop();
    }
  });
});
