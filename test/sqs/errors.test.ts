import { inspect } from "node:util";
import { SQSServiceException } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Throttled, type Queue } from "../../src/drain/ports.ts";
import { translateSqsError } from "../../src/sqs/errors.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { targetOf } from "../../src/sqs/target.ts";
import { Failure } from "../../src/failure.ts";
import { startQueryServer, type QueryServer } from "../support/query-server.ts";
import { deaf, secretAccessKey, settings, stubAwsEnvironment, withHttpServer } from "./servers.ts";

beforeEach(stubAwsEnvironment);

const now = { max: 10, waitSeconds: 0, visibilityTimeout: 30 };

it("a region of a profile that is none is told without its text", () => {
  const error = new Error('Region not accepted: region="my s3cret" is not a valid hostname component.');
  const target = targetOf(settings({ queue: "q" }), undefined);
  const translated = translateSqsError(error, { target, action: "sqs:GetQueueUrl" });
  expect(translated).toMatchObject({
    kind: "configuration",
    message: expect.stringContaining("AWS profile"),
  });
  expect(inspect(translated instanceof Error && translated.message)).not.toContain("s3cret");
});

describe("an error that SQS answers", () => {
  let server: QueryServer;
  let queue: Queue;
  beforeEach(async () => {
    server = await startQueryServer();
    queue = await openQueue(settings({ endpointUrl: server.endpoint, protocol: "query" }), deaf);
  });
  afterEach(async () => {
    queue.close();
    await server.stop();
  });

  it.each([
    [400, "AWS.SimpleQueueService.NonExistentQueue", "configuration", 'has no queue "login-queue" ('],
    [400, "QueueDoesNotExist", "configuration", 'has no queue "login-queue" ('],
    [403, "InvalidClientTokenId", "configuration", "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"],
    [
      400,
      "UnrecognizedClientException",
      "configuration",
      "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ],
    [403, "SignatureDoesNotMatch", "configuration", "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"],
    [403, "InvalidAccessKeyId", "configuration", "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"],
    [
      403,
      "AccessDenied",
      "configuration",
      'are not authorized to call sqs:ReceiveMessage on queue "login-queue"',
    ],
    [
      403,
      "AccessDeniedException",
      "configuration",
      'are not authorized to call sqs:ReceiveMessage on queue "login-queue"',
    ],
    [
      400,
      "KMS.DisabledException",
      "configuration",
      'The KMS key of queue "login-queue" cannot be used (KmsDisabled, HTTP 400)',
    ],
    [400, "KMS.AccessDeniedException", "configuration", "Allow kms:Decrypt"],
    [400, "InvalidParameterValue", "configuration", "rejected sqs:ReceiveMessage on queue"],
    [403, "RequestTimeTooSkewed", "configuration", "this machine's clock is wrong"],
    [403, "ExpiredToken", "unavailable", "have expired (ExpiredToken, HTTP 403). Renew them"],
    [
      400,
      "ExpiredTokenException",
      "unavailable",
      "have expired (ExpiredTokenException, HTTP 400). Renew them",
    ],
    [500, "InternalError", "unavailable", "reported an internal error (InternalError, HTTP 500)"],
    [503, "ServiceUnavailable", "unavailable", "reported an internal error (ServiceUnavailable, HTTP 503)"],
  ])("%i %s is a failure of the kind %s that says: %s", async (status, code, kind, sentence) => {
    server.refuse("ReceiveMessage", status, code, 3);
    await expect(queue.receive(now)).rejects.toMatchObject({
      name: "Failure",
      kind,
      message: expect.stringContaining(sentence) as string,
    });
  });

  it("that asks for fewer calls is Throttled, after retries", async () => {
    server.refuse("DeleteMessageBatch", 403, "RequestThrottled", 3);
    await expect(queue.delete(["handle"])).rejects.toBeInstanceOf(Throttled);
    expect(queue.requests.delete).toBe(3);
  });

  it("does not get a text of the server's into the message in place of a code", async () => {
    server.refuse("ReceiveMessage", 400, "10.1.2.3 is not allowed");
    await expect(queue.receive(now)).rejects.toThrow(
      'rejected sqs:ReceiveMessage on queue "login-queue" (HTTP 400)',
    );
  });
});

it.each([
  [403, "RequestThrottled"],
  [403, "OverLimit"],
  [403, "AWS.SimpleQueueService.OverLimit"],
  [400, "ThrottlingException"],
  [400, "Throttling"],
  [400, "KMS.ThrottlingException"],
  [400, "KmsThrottled"],
  [429, "Unknown"],
])("%i %s is explained as Throttled", (httpStatusCode, name) => {
  const error = new SQSServiceException({ name, $fault: "client", $metadata: { httpStatusCode } });
  const target = targetOf(settings({}), undefined);
  expect(translateSqsError(error, { target, action: "sqs:ReceiveMessage" })).toBeInstanceOf(Throttled);
});

it("an error that is none of SQS's stays what it is", () => {
  const defect = new TypeError("x is not a function");
  expect(
    translateSqsError(defect, { target: targetOf(settings({}), undefined), action: "sqs:ReceiveMessage" }),
  ).toBe(defect);
});

it.each(["DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID", "EPROTO"])(
  "the TLS error %s is a configuration failure with the way out",
  (code) => {
    const error = Object.assign(new Error("handshake"), { code });
    const target = targetOf(settings({ endpointUrl: "https://localhost:4566" }), undefined);
    expect(translateSqsError(error, { target, action: "sqs:ReceiveMessage" })).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("NODE_EXTRA_CA_CERTS") as string,
    });
  },
);

it("an answer that cannot be read is not quoted, in the message or in the cause", async () => {
  const server = await startQueryServer();
  const { port } = new URL(server.endpoint);
  const queue = await openQueue(settings({ endpointUrl: server.endpoint, protocol: "query" }), deaf);
  await server.stop();
  await withHttpServer(
    (_request, response) => void response.end("from 203.0.113.7"),
    async (endpointUrl) => {
      const error: unknown = await openQueue(settings({ endpointUrl, protocol: "json" }), deaf).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(Failure);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("203.0.113");
    },
  );
  await expect(queue.receive(now)).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining(`:${port} (ECONN`) as string,
  });
  queue.close();
});

describe("without what it takes to ask", () => {
  const endpointUrl = "http://127.0.0.1:9";

  it.each([undefined, endpointUrl])(
    "credentials: a configuration failure, at the endpoint %s",
    async (endpoint) => {
      vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
      await expect(openQueue(settings({ endpointUrl: endpoint }), deaf)).rejects.toMatchObject({
        kind: "configuration",
        message: expect.stringMatching(/^No usable AWS credentials\. Set AWS_ACCESS_KEY_ID/) as string,
      });
    },
  );

  it.each([undefined, endpointUrl])(
    "a region: a configuration failure, at the endpoint %s",
    async (endpoint) => {
      vi.stubEnv("AWS_REGION", undefined);
      await expect(openQueue(settings({ endpointUrl: endpoint }), deaf)).rejects.toMatchObject({
        kind: "configuration",
        message: expect.stringMatching(/^The AWS region is not set\. Set --region/) as string,
      });
      vi.stubEnv("AWS_DEFAULT_REGION", "us-east-1");
      await expect(openQueue(settings({ endpointUrl: endpoint }), deaf)).rejects.toThrow(
        "AWS_DEFAULT_REGION is not read",
      );
    },
  );
});

it("shows no credential in any error, in its message or in its cause", async () => {
  const server = await startQueryServer();
  try {
    const endpointUrl = server.endpoint.replace("://", "://user:endpoint-password@");
    for (const [status, code] of [
      [403, "SignatureDoesNotMatch"],
      [403, "AccessDenied"],
      [418, "Teapot"],
    ] as const) {
      server.refuse("GetQueueUrl", status, code);
      const error: unknown = await openQueue(settings({ endpointUrl }), deaf).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(Failure);
      const shown = inspect(error, { depth: 10 });
      expect(shown).not.toContain(secretAccessKey);
      expect(shown).not.toContain("endpoint-password");
    }
  } finally {
    await server.stop();
  }
});
