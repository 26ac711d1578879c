// Message attributes, by both protocols.
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AwsQueryProtocol } from "@aws-sdk/core/protocols";
import { beforeEach, expect, it } from "vitest";
import { startSqs } from "../../sandbox/sqs.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { startQueryServer } from "../support/query-server.ts";
import { deaf, settings, stubAwsEnvironment } from "./servers.ts";

beforeEach(stubAwsEnvironment);

const now = { max: 10, waitSeconds: 0, visibilityTimeout: 30 };
const BYTES = Buffer.from([0, 255, 16, 62, 63]);

async function startJson(): Promise<{ endpoint: string; queueUrl: string; stop: () => Promise<void> }> {
  const sqs = await startSqs();
  return { endpoint: sqs.endpoint, queueUrl: await sqs.createQueue("login-queue"), stop: () => sqs.stop() };
}

it.each([
  ["JSON", startJson],
  ["query", () => startQueryServer()],
] as const)(
  "are received by the %s protocol where they are wanted: text, numbers as text, binary as base64",
  async (name, start) => {
    const server = await start();
    const isQuery = name === "query";
    const client = new SQSClient({
      endpoint: server.endpoint,
      ...(isQuery ? { protocol: AwsQueryProtocol } : {}),
    });
    const send = (): Promise<unknown> =>
      client.send(
        new SendMessageCommand({
          QueueUrl: server.queueUrl,
          MessageBody: "{}",
          MessageAttributes: {
            text: { DataType: "String", StringValue: "ä & <b>" },
            number: { DataType: "Number.int", StringValue: "9007199254740993" },
            binary: { DataType: "Binary.gif", BinaryValue: BYTES },
            "constructor.x-1": { DataType: "String", StringValue: "y" },
          },
        }),
      );
    const attributes = {
      text: "ä & <b>",
      number: "9007199254740993",
      binary: BYTES.toString("base64"),
      "constructor.x-1": "y",
    };
    try {
      const given = { endpointUrl: server.endpoint, protocol: isQuery ? "query" : "json" } as const;
      const queue = await openQueue(settings({ ...given, withAttributes: true }), deaf);
      // The second receive is made without the SDK, where the protocol is JSON.
      for (let count = 0; count < 3; count += 1) {
        await send();
        expect(await queue.receive(now)).toMatchObject([{ body: "{}", attributes }]);
      }
      queue.close();
      const plain = await openQueue(settings(given), deaf);
      for (let count = 0; count < 2; count += 1) {
        await send();
        const [message] = await plain.receive(now);
        expect(message?.body).toBe("{}");
        expect(message).not.toHaveProperty("attributes");
      }
      plain.close();
    } finally {
      client.destroy();
      await server.stop();
    }
  },
);
