// SQS's JSON protocol for one process's queues: the calls that a program makes to drain a queue, and no other. Signatures are not checked.
// It can answer late, as over a network, and over TLS.
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { LOOPBACK } from "../../../sandbox/ports.ts";
import type { Queue } from "./queue.ts";

/** Visibility timeouts are checked this often. */
const EXPIRY_MS = 50;
const ACCOUNT = "000000000000";

export interface Listening {
  /** Milliseconds that each response is late. */
  readonly delayMs: number;
  /** In PEM; without it the server speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** What the server tells of a request: before the request's action, and when its response is sent. */
export interface Observer {
  started(action: string, queue: string): void;
  sent(action: string, queue: string): void;
}

interface Request {
  readonly QueueUrl?: string;
  readonly QueueName?: string;
  readonly MaxNumberOfMessages?: number;
  readonly WaitTimeSeconds?: number;
  readonly VisibilityTimeout?: number;
  readonly AttributeNames?: readonly string[];
  readonly MessageSystemAttributeNames?: readonly string[];
  readonly Entries?: readonly {
    readonly Id: string;
    readonly ReceiptHandle: string;
    readonly VisibilityTimeout?: number;
  }[];
}

/** A failed call. */
class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class SqsServer {
  readonly #queues: ReadonlyMap<string, Queue>;
  readonly #observer: Observer;
  readonly #servers: http.Server[] = [];
  readonly #expiry: NodeJS.Timeout;

  /** @param queues by name; the caller can add more at any time */
  constructor(queues: ReadonlyMap<string, Queue>, observer: Observer) {
    this.#queues = queues;
    this.#observer = observer;
    this.#expiry = setInterval(() => {
      for (const queue of queues.values()) queue.expire();
    }, EXPIRY_MS);
  }

  /** Listens on another port of the loopback address. Resolves to the endpoint. */
  async listen({ delayMs, tls }: Listening): Promise<string> {
    const handle = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      void this.#handle(request, response, delayMs);
    };
    const server = tls === undefined ? http.createServer(handle) : https.createServer(tls, handle);
    server.keepAliveTimeout = 60_000;
    this.#servers.push(server);
    await once(server.listen({ port: 0, host: LOOPBACK }), "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the SQS server has no port");
    return `${tls === undefined ? "http" : "https"}://${LOOPBACK}:${address.port}`;
  }

  /** Closes immediately, with all connections. */
  async close(): Promise<void> {
    clearInterval(this.#expiry);
    await Promise.all(
      this.#servers.map(async (server) => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }),
    );
  }

  async #handle(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    delayMs: number,
  ): Promise<void> {
    const text = await bodyOf(request);
    if (text === undefined) return;
    const action = String(request.headers["x-amz-target"]).replace("AmazonSQS.", "");
    let [status, body, name] = [200, "", ""];
    try {
      const call = parse(text);
      name = call.QueueName ?? call.QueueUrl?.split("/").at(-1) ?? "";
      this.#observer.started(action, name);
      const endpoint = `${"encrypted" in request.socket ? "https" : "http"}://${request.headers.host ?? ""}`;
      body = await this.#answer(action, { call, name, endpoint, response });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      status = 400;
      body = JSON.stringify({ __type: `com.amazonaws.sqs#${error.code}`, message: error.message });
    }
    const send = (): void => {
      response.writeHead(status, {
        "content-type": "application/x-amz-json-1.0",
        "content-length": Buffer.byteLength(body),
        "x-amzn-requestid": "00000000-0000-4000-8000-000000000000",
      });
      response.end(body, () => {
        this.#observer.sent(action, name);
      });
    };
    // Timers of equal length fire in the order they were set.
    if (delayMs === 0) send();
    else setTimeout(send, delayMs);
  }

  #answer(
    action: string,
    {
      call,
      name,
      endpoint,
      response,
    }: { call: Request; name: string; endpoint: string; response: http.ServerResponse },
  ): string | Promise<string> {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new Refusal("QueueDoesNotExist", "The specified queue does not exist.");
    const entries = call.Entries ?? [];
    switch (action) {
      case "ReceiveMessage":
        return receive(queue, call, (then) => response.once("close", then));
      case "DeleteMessageBatch":
        return batch(entries, ({ ReceiptHandle }) => queue.delete(ReceiptHandle) || undefined);
      case "ChangeMessageVisibilityBatch":
        return batch(entries, ({ ReceiptHandle, VisibilityTimeout = 0 }) =>
          queue.changeVisibility(ReceiptHandle, VisibilityTimeout * 1000),
        );
      case "GetQueueUrl":
        return JSON.stringify({ QueueUrl: `${endpoint}/${ACCOUNT}/${name}` });
      case "GetQueueAttributes":
        return JSON.stringify({ Attributes: attributesOf(queue, name, call.AttributeNames ?? []) });
      default:
        throw new Refusal("UnsupportedOperation", `The benchmark's server does not know ${action}.`);
    }
  }
}

const parse: (text: string) => Request = JSON.parse;

/** Undefined if the client goes in the middle of it. */
function bodyOf(request: http.IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (part: string) => (text += part));
    request.on("end", () => {
      resolve(text);
    });
    request.on("error", () => {
      resolve(undefined);
    });
  });
}

async function receive(queue: Queue, call: Request, onGone: (then: () => void) => void): Promise<string> {
  const { MaxNumberOfMessages = 1, WaitTimeSeconds = 0, VisibilityTimeout } = call;
  const messages = await queue.receive(
    {
      most: MaxNumberOfMessages,
      waitMs: WaitTimeSeconds * 1000,
      visibilityMs: VisibilityTimeout === undefined ? queue.visibilityMs : VisibilityTimeout * 1000,
      attributes: [...(call.AttributeNames ?? []), ...(call.MessageSystemAttributeNames ?? [])],
    },
    onGone,
  );
  return messages === "[]" ? "{}" : `{"Messages":${messages}}`;
}

type Entry = NonNullable<Request["Entries"]>[number];

/** @param act true if done, undefined if the handle is none, false if the message is not in flight */
function batch(entries: readonly Entry[], act: (entry: Entry) => boolean | undefined): string {
  const successful: object[] = [];
  const failed: object[] = [];
  for (const entry of entries) {
    const done = act(entry);
    if (done === true) successful.push({ Id: entry.Id });
    else {
      const code = done === undefined ? "ReceiptHandleIsInvalid" : "MessageNotInflight";
      failed.push({ Id: entry.Id, Code: code, Message: code, SenderFault: true });
    }
  }
  return JSON.stringify({ Successful: successful, ...(failed.length > 0 && { Failed: failed }) });
}

function attributesOf(queue: Queue, name: string, wanted: readonly string[]): Record<string, string> {
  const { visible, inFlight } = queue.depth();
  const all = {
    QueueArn: `arn:aws:sqs:us-east-1:${ACCOUNT}:${name}`,
    VisibilityTimeout: String(queue.visibilityMs / 1000),
    MessageRetentionPeriod: "345600",
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: "0",
  };
  return Object.fromEntries(
    Object.entries(all).filter(([attribute]) => wanted.includes("All") || wanted.includes(attribute)),
  );
}
