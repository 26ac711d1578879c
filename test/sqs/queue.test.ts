import { startFauxqs } from "fauxqs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Queue } from "../../src/drain/ports.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { startQueryServer, type QueryServer, type QueryServerOptions } from "../support/query-server.ts";
import { deaf, settings, stubAwsEnvironment, withProxy } from "./servers.ts";

beforeEach(stubAwsEnvironment);

const bodies = Array.from({ length: 5 }, (_, i) => JSON.stringify({ user_id: `user-${i}`, locale: null }));
const now = { max: 10, waitSeconds: 0, visibilityTimeout: 30 };

interface Served {
  readonly endpoint: string;
  send(bodies: readonly string[]): Promise<void> | void;
  stop(): Promise<void>;
}

async function startJsonServer(attributes: Record<string, string> = {}): Promise<Served> {
  const server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  const { queueUrl: QueueUrl } = server.createQueue("login-queue", { attributes });
  const endpoint = `http://127.0.0.1:${server.port}`;
  const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage" };
  return {
    endpoint,
    send: async (list) => {
      for (const MessageBody of list) {
        const body = JSON.stringify({ QueueUrl, MessageBody });
        const { status } = await fetch(endpoint, { method: "POST", headers, body });
        expect(status).toBe(200);
      }
    },
    stop: () => server.stop(),
  };
}

function quietly(endpointUrl: string, protocol: "auto" | "query" = "auto"): Promise<Queue> {
  return openQueue(settings({ endpointUrl, protocol }), deaf);
}

describe.each([
  ["JSON", () => startJsonServer()],
  ["the query protocol", () => startQueryServer()],
])("a queue reached by %s", (_name, start) => {
  let server: Served;
  let queue: Queue;
  beforeEach(async () => {
    server = await start();
    queue = await quietly(server.endpoint);
  });
  afterEach(async () => {
    queue.close();
    await server.stop();
  });

  it("knows its name, its ARN and its visibility timeout, and has no redrive policy", () => {
    expect(queue).toMatchObject({
      name: "login-queue",
      id: "arn:aws:sqs:us-east-1:000000000000:login-queue",
      visibilityTimeout: 30,
      maxReceiveCount: undefined,
    });
  });

  it("hands out messages with body, sent time and receive count", async () => {
    const before = Date.now();
    await server.send(bodies);
    const received = await queue.receive(now);
    expect(received.map(({ body }) => body).sort()).toEqual(bodies);
    for (const message of received) {
      expect(message.messageId).toMatch(/^[0-9a-f-]{36}$/);
      expect(message.receiptHandle).not.toBe("");
      expect(message.sentAt).toBeGreaterThanOrEqual(before);
      expect(message.sentAt).toBeLessThanOrEqual(Date.now());
      expect(message.receiveCount).toBe(1);
    }
  });

  it("hands out bodies as they were sent, whatever is in them", async () => {
    const strange = ['{"a":"<&>\\"\' ä €"}', '{"a":"]]>"}', "{}\n", "  {} ", "&amp;", "\t{}\r\n"];
    await server.send(strange);
    const received = await queue.receive(now);
    expect(received.map(({ body }) => body).sort()).toEqual([...strange].sort());
  });

  it("hands out no more than were asked for, and none when there is none", async () => {
    await server.send(bodies);
    expect(await queue.receive({ ...now, max: 2 })).toHaveLength(2);
    expect(await queue.receive(now)).toHaveLength(3);
    expect(await queue.receive(now)).toEqual([]);
  });

  it("waits for a message as long as the poll is", async () => {
    const poll = queue.receive({ ...now, waitSeconds: 20 });
    await server.send(bodies.slice(0, 1));
    expect(await poll).toHaveLength(1);
  });

  it("counts what is visible and what is in flight", async () => {
    await server.send(bodies);
    await queue.receive({ ...now, max: 2 });
    expect(await queue.depth()).toEqual({ visible: 3, inFlight: 2, delayed: 0 });
  });

  it("hands a message out again, with a higher count, after its visibility was given back", async () => {
    await server.send(bodies.slice(0, 1));
    const [first] = await queue.receive(now);
    expect(await queue.changeVisibility([first?.receiptHandle ?? ""], 0)).toEqual([]);
    const [second] = await queue.receive(now);
    expect(second).toMatchObject({ messageId: first?.messageId, receiveCount: 2 });
    expect(second?.receiptHandle).not.toBe(first?.receiptHandle);
  });

  it("deletes ten messages with one request", async () => {
    await server.send([...bodies, ...bodies]);
    const received = await queue.receive(now);
    expect(await queue.delete(received.map(({ receiptHandle }) => receiptHandle))).toEqual([]);
    expect(await queue.depth()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(queue.requests.delete).toBe(1);
  });

  it("tells which handle's visibility could not be changed", async () => {
    await server.send(bodies.slice(0, 1));
    const [message] = await queue.receive(now);
    expect(await queue.changeVisibility([message?.receiptHandle ?? "", "unknown"], 60)).toEqual([
      { index: 1, code: "ReceiptHandleIsInvalid", senderFault: true },
    ]);
  });

  it("counts the requests by kind", async () => {
    const { other } = queue.requests;
    await server.send(bodies);
    const handles = (await queue.receive(now)).map(({ receiptHandle }) => receiptHandle);
    await queue.receive(now);
    await queue.changeVisibility(handles.slice(0, 1), 10);
    await queue.delete(handles);
    await queue.depth();
    expect(queue.requests).toEqual({ receive: 2, delete: 1, other: other + 2 });
  });

  it("takes calls at the same time, each with its own answer", async () => {
    await server.send(bodies);
    const calls = Array.from({ length: 8 }, () => queue.receive({ ...now, max: 1 }));
    const received = (await Promise.all(calls)).flat().map(({ body }) => body);
    expect(received.sort()).toEqual(bodies);
  });
});

describe("a server of the query protocol", () => {
  let server: QueryServer;
  let queue: Queue;
  async function start(options: QueryServerOptions) {
    server = await startQueryServer(options);
    queue = await quietly(server.endpoint, "query");
  }
  afterEach(async () => {
    queue.close();
    await server.stop();
  });

  it("may hand out twenty messages for one receive that asked for ten", async () => {
    await start({ perReceive: 20 });
    server.send(Array.from({ length: 25 }, (_, i) => String(i)));
    const received = await queue.receive(now);
    expect(new Set(received.map(({ body }) => body)).size).toBe(20);
    expect(server.counts()).toEqual({ visible: 5, inFlight: 20, delayed: 0 });
  });

  it("is asked for the two system attributes by the one name that it knows", async () => {
    await start({});
    await queue.receive(now);
    const names = [...(server.requests.at(-1)?.form ?? [])].filter(([name]) => name.includes("Attribute"));
    expect(names).toEqual([
      ["AttributeName.1", "SentTimestamp"],
      ["AttributeName.2", "ApproximateReceiveCount"],
    ]);
  });

  it("tells which entries of a delete failed, and whose fault it was", async () => {
    await start({});
    server.send(bodies.slice(0, 1));
    const [message] = await queue.receive(now);
    expect(await queue.delete(["unknown", message?.receiptHandle ?? ""])).toEqual([
      { index: 0, code: "ReceiptHandleIsInvalid", senderFault: true },
    ]);
    expect(server.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it("does not delete by a handle that a later receive has replaced", async () => {
    await start({});
    server.send(bodies.slice(0, 1));
    const [first] = await queue.receive({ ...now, visibilityTimeout: 0 });
    await queue.receive(now);
    expect(await queue.delete([first?.receiptHandle ?? ""])).toEqual([]);
    expect(server.counts()).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
  });

  it("is asked again after a fault of its own, and each attempt counts as a request", async () => {
    await start({});
    server.refuse("ReceiveMessage", 500, "InternalError", 2);
    await queue.receive(now);
    expect(queue.requests.receive).toBe(3);
    expect(server.requests.filter(({ action }) => action === "ReceiveMessage")).toHaveLength(3);
  });

  it("has a queue whose redrive policy gives the count at which messages leave it", async () => {
    await start({ maxReceiveCount: 3 });
    expect(queue.maxReceiveCount).toBe(3);
  });

  it.each([
    [120, 120],
    [1, 2],
    [0, 30],
  ])("has a queue with a visibility timeout of %i s, taken as %i s", async (own, taken) => {
    await start({ visibilityTimeout: own });
    expect(queue.visibilityTimeout).toBe(taken);
  });
});

it("reads the redrive policy of a JSON server too", async () => {
  const RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:dead",
    maxReceiveCount: "4",
  });
  const server = await startJsonServer({ RedrivePolicy });
  try {
    const queue = await quietly(server.endpoint);
    expect(queue.maxReceiveCount).toBe(4);
    queue.close();
  } finally {
    await server.stop();
  }
});

it("gets the sent time from a JSON server of 2023, which knows only the older name of the attributes", async () => {
  const server = await startJsonServer();
  const forget = (body: string) => body.replace('"MessageSystemAttributeNames"', '"Unheard"');
  try {
    await withProxy(server.endpoint, { request: forget }, async (endpoint) => {
      const queue = await quietly(endpoint);
      await server.send(bodies.slice(0, 1));
      const [message] = await queue.receive(now);
      expect(message).toMatchObject({ sentAt: expect.any(Number) as number, receiveCount: 1 });
      queue.close();
    });
  } finally {
    await server.stop();
  }
});

it("takes a body whose line ends the server wrote into the XML as they are, though its checksum no longer fits", async () => {
  const server = await startQueryServer();
  const unescape = (body: string) => body.replaceAll("&#xD;", "\r");
  try {
    await withProxy(server.endpoint, { answer: unescape }, async (endpoint) => {
      const queue = await quietly(endpoint, "query");
      server.send(["{}\r\n", "{}"]);
      expect((await queue.receive(now)).map(({ body }) => body)).toEqual(["{}\n", "{}"]);
      queue.close();
    });
  } finally {
    await server.stop();
  }
});

it("a queue whose name ends in .fifo is a FIFO queue, and is asked for message groups; another is not", async () => {
  for (const queueName of ["logins.fifo", "logins"]) {
    const server = await startQueryServer({ queueName });
    try {
      const at = { endpointUrl: server.endpoint, protocol: "query", queue: queueName } as const;
      const queue = await openQueue(settings(at), deaf);
      await queue.receive(now);
      queue.close();
      const form = server.requests.find(({ action }) => action === "ReceiveMessage")?.form;
      expect([queue.isFifo, form?.get("AttributeName.3")]).toEqual(
        queueName === "logins" ? [false, null] : [true, "MessageGroupId"],
      );
    } finally {
      await server.stop();
    }
  }
});
