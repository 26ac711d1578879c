// A queue that is given by its ARN.
import { beforeEach, expect, it } from "vitest";
import { startSqs } from "../../../sandbox/sqs.ts";
import { openQueue } from "../../../src/drainer/sqs/open.ts";
import { sqsError, startProxy } from "../../support/proxy.ts";
import { startQueryServer } from "../../support/query-server.ts";
import { deaf, settings, stubAwsEnvironment } from "./servers.ts";

beforeEach(stubAwsEnvironment);

const queue = "arn:aws:sqs:eu-west-1:123456789012:login-queue";

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
      { QueueName: "login-queue", QueueOwnerAWSAccountId: "123456789012" },
    ]);
    proxy.misbehave(() => sqsError("QueueDoesNotExist"));
    await expect(openQueue(settings({ queue, endpointUrl: proxy.endpoint }), deaf)).rejects.toThrow(
      "A queue of another account has to allow them sqs:GetQueueUrl in its policy.",
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
    expect(form?.get("QueueOwnerAWSAccountId")).toBe("123456789012");
  } finally {
    await server.stop();
  }
});
