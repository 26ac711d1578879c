// A small SQS server with one queue in memory that speaks only the query protocol, API version 2012-11-05: a form in, XML
// out. Written from AWS's published API reference, for servers of before 2023 that have never heard of JSON.
//
// Where the reference leaves a choice: deleting by a handle that a later receive has replaced succeeds and deletes nothing
// ("the message might not be deleted"); the newest handle deletes also after its visibility timeout ran out; changing the
// visibility by anything else than the handle of a message in flight is an InvalidParameterValue of that entry.
import { createHash, randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import {
  ApiError,
  messageAttributes,
  element,
  elements,
  errorXml,
  list,
  named,
  number,
  required,
  resultXml,
} from "./query-protocol.ts";

export interface QueryServerOptions {
  /** `login-queue` unless given. */
  readonly queueName?: string;
  /** The queue's own, seconds; 30 unless given. */
  readonly visibilityTimeout?: number;
  /** Gives the queue a redrive policy; messages are not moved. */
  readonly maxReceiveCount?: number;
  /** Returns up to so many messages whatever was asked for, as some servers do. */
  readonly perReceive?: number;
  /** False for a server that does not tell when it took a message; true unless given. */
  readonly tellsSentTimestamp?: boolean;
  /** The status that JSON requests get; 415 comes as plain text, the others as XML. 500 unless given. */
  readonly jsonAnswer?: 404 | 415 | 500;
  /** Where to listen on 127.0.0.1; a free port unless given. */
  readonly port?: number;
}

export interface QueryServer {
  readonly endpoint: string;
  readonly queueUrl: string;
  /** Every request so far, oldest first. Of a JSON request only that it was one. */
  readonly requests: { readonly action: string; readonly form: URLSearchParams }[];
  send(bodies: readonly string[]): void;
  counts(): { visible: number; inFlight: number; delayed: number };
  /** Answers the next so many requests for an action with an error; 0 for no more of them. */
  refuse(action: string, status: number, code: string, times?: number): void;
  stop(): Promise<void>;
}

interface Stored {
  readonly id: string;
  readonly body: string;
  /** Its message attributes, as XML. */
  readonly attributes: string;
  readonly sentAt: number;
  delayedUntil: number;
  hiddenUntil: number;
  handle: string | undefined;
  receives: number;
}

const account = "000000000000";
const batchPrefix = "AWS.SimpleQueueService.";

export async function startQueryServer(options: QueryServerOptions = {}): Promise<QueryServer> {
  const { queueName = "login-queue", visibilityTimeout = 30, jsonAnswer = 500 } = options;
  let messages: Stored[] = [];
  const events = new EventEmitter().setMaxListeners(0);
  let stopped = false;
  let refusals: { action: string; status: number; code: string }[] = [];
  const requests: QueryServer["requests"] = [];

  const changed = () => events.emit("changed");
  const isVisible = (message: Stored) => Math.max(message.hiddenUntil, message.delayedUntil) <= Date.now();
  const counts = () => ({
    visible: messages.filter(isVisible).length,
    inFlight: messages.filter((message) => message.hiddenUntil > Date.now()).length,
    delayed: messages.filter((message) => message.delayedUntil > Date.now()).length,
  });

  function store(body: string, delaySeconds = 0, attributes = ""): Stored {
    if (/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(body)) {
      throw new ApiError(
        "InvalidMessageContents",
        "The message contains characters outside the allowed set.",
      );
    }
    const now = Date.now();
    const delayedUntil = now + delaySeconds * 1000;
    const message = {
      id: randomUUID(),
      body,
      attributes,
      sentAt: now,
      delayedUntil,
      hiddenUntil: 0,
      handle: undefined,
      receives: 0,
    };
    messages.push(message);
    changed();
    return message;
  }

  function remove(handle: string): void {
    checkHandle(handle);
    messages = messages.filter((message) => message.handle !== handle);
  }

  function hide(handle: string, seconds: number): void {
    checkHandle(handle);
    const message = messages.find((candidate) => candidate.handle === handle && !isVisible(candidate));
    if (message === undefined || !(seconds >= 0 && seconds <= 43_200)) {
      throw new ApiError(
        "InvalidParameterValue",
        "Message does not exist or is not available for visibility timeout change.",
      );
    }
    message.hiddenUntil = Date.now() + seconds * 1000;
    changed();
  }

  async function visibleAfter(waitSeconds: number): Promise<Stored[]> {
    const deadline = Date.now() + waitSeconds * 1000;
    for (;;) {
      const visible = messages.filter(isVisible);
      const now = Date.now();
      if (visible.length > 0 || now >= deadline || stopped) return visible;
      const next = Math.min(deadline, ...messages.map((m) => Math.max(m.hiddenUntil, m.delayedUntil)));
      const timer = setTimeout(changed, Math.max(next - now, 1));
      await once(events, "changed");
      clearTimeout(timer);
    }
  }

  async function receive(form: URLSearchParams): Promise<string> {
    const asked = number(form, "MaxNumberOfMessages", 1, 1, 10);
    const hideFor = number(form, "VisibilityTimeout", visibilityTimeout, 0, 43_200);
    const visible = await visibleAfter(number(form, "WaitTimeSeconds", 0, 0, 20));
    const wanted = list(form, "AttributeName");
    return visible
      .slice(0, options.perReceive ?? asked)
      .map((message) => {
        message.receives += 1;
        message.hiddenUntil = Date.now() + hideFor * 1000;
        message.handle = Buffer.from(`${message.id} ${message.receives}`).toString("base64");
        const attributes = {
          ...(options.tellsSentTimestamp === false ? {} : { SentTimestamp: String(message.sentAt) }),
          ApproximateReceiveCount: String(message.receives),
        };
        const fields = { MessageId: message.id, ReceiptHandle: message.handle, MD5OfBody: md5(message.body) };
        const all = form.get("MessageAttributeName.1") === "All" ? message.attributes : "";
        return element(
          "Message",
          elements({ ...fields, Body: message.body }) + named(attributes, wanted) + all,
        );
      })
      .join("");
  }

  function batch(
    form: URLSearchParams,
    action: string,
    one: (field: (name: string) => string) => object,
  ): string {
    const ids = list(form, `${action}RequestEntry`, ".Id");
    if (ids.length === 0) throw new ApiError(`${batchPrefix}EmptyBatchRequest`, "There is no entry.");
    if (ids.length > 10)
      throw new ApiError(`${batchPrefix}TooManyEntriesInBatchRequest`, "Ten entries at most.");
    if (new Set(ids).size < ids.length)
      throw new ApiError(`${batchPrefix}BatchEntryIdsNotDistinct`, "Ids repeat.");
    const results = ids.map((Id, index) => {
      try {
        const result = one((name) => required(form, `${action}RequestEntry.${index + 1}.${name}`));
        return element(`${action}ResultEntry`, elements({ Id, ...result }));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const entry = { Id, SenderFault: "true", Code: error.code, Message: error.message };
        return element("BatchResultErrorEntry", elements(entry));
      }
    });
    return results.join("");
  }

  const sent = (message: Stored) => ({ MessageId: message.id, MD5OfMessageBody: md5(message.body) });

  const actions: Record<string, (form: URLSearchParams) => string | undefined | Promise<string>> = {
    GetQueueUrl(form) {
      checkQueue(form.get("QueueName"));
      return elements({ QueueUrl: server.queueUrl });
    },
    GetQueueAttributes(form) {
      const { visible, inFlight, delayed } = counts();
      const { maxReceiveCount } = options;
      const deadLetters = { deadLetterTargetArn: `arn:aws:sqs:us-east-1:${account}:dead`, maxReceiveCount };
      const attributes = {
        QueueArn: `arn:aws:sqs:us-east-1:${account}:${queueName}`,
        VisibilityTimeout: String(visibilityTimeout),
        ApproximateNumberOfMessages: String(visible),
        ApproximateNumberOfMessagesNotVisible: String(inFlight),
        ApproximateNumberOfMessagesDelayed: String(delayed),
        ...(maxReceiveCount === undefined ? {} : { RedrivePolicy: JSON.stringify(deadLetters) }),
      };
      return named(attributes, list(form, "AttributeName"));
    },
    SendMessage: (form) => {
      const delay = number(form, "DelaySeconds", 0, 0, 900);
      return elements(sent(store(required(form, "MessageBody"), delay, messageAttributes(form))));
    },
    SendMessageBatch: (form) => batch(form, "SendMessageBatch", (field) => sent(store(field("MessageBody")))),
    ReceiveMessage: receive,
    DeleteMessage(form) {
      remove(required(form, "ReceiptHandle"));
      return undefined;
    },
    DeleteMessageBatch: (form) =>
      batch(form, "DeleteMessageBatch", (field) => {
        remove(field("ReceiptHandle"));
        return {};
      }),
    ChangeMessageVisibility(form) {
      hide(required(form, "ReceiptHandle"), number(form, "VisibilityTimeout", NaN, 0, 43_200));
      return undefined;
    },
    ChangeMessageVisibilityBatch: (form) =>
      batch(form, "ChangeMessageVisibilityBatch", (field) => {
        hide(field("ReceiptHandle"), Number(field("VisibilityTimeout")));
        return {};
      }),
  };

  function checkQueue(name: string | undefined | null): void {
    if (name !== queueName) {
      throw new ApiError(`${batchPrefix}NonExistentQueue`, "The specified queue does not exist.");
    }
  }

  async function answer(request: IncomingMessage): Promise<{ status: number; type: string; body: string }> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const body = await text(request);
    const isJson = request.headers["content-type"]?.startsWith("application/x-amz-json") === true;
    if (isJson || request.headers["x-amz-target"] !== undefined) {
      requests.push({ action: "JSON", form: new URLSearchParams() });
      if (jsonAnswer === 415) return { status: 415, type: "text/plain", body: "Unsupported Media Type" };
      return {
        status: jsonAnswer,
        type: "text/xml",
        body: errorXml("InternalError", "Missing Action", "Receiver"),
      };
    }
    const form = new URLSearchParams(request.method === "GET" ? url.searchParams : body);
    const action = form.get("Action") ?? "";
    requests.push({ action, form });
    try {
      const refusal = refusals.find((candidate) => candidate.action === action);
      if (refusal !== undefined) {
        refusals = refusals.filter((candidate) => candidate !== refusal);
        throw new ApiError(refusal.code, "Refused, as the test wants it.", refusal.status);
      }
      const run = actions[action];
      if (run === undefined)
        throw new ApiError("InvalidAction", "The action is not valid for this endpoint.");
      // The queue stands in the form or in the path; of a URL in the form only the path counts, whatever the host.
      const queueUrl = form.get("QueueUrl") ?? url.pathname;
      if (action !== "GetQueueUrl") checkQueue(/\/(\w+)\/([^/]+)\/?$/.exec(queueUrl)?.[2]);
      return { status: 200, type: "text/xml", body: resultXml(action, await run(form)) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const type = error.status < 500 ? "Sender" : "Receiver";
      return { status: error.status, type: "text/xml", body: errorXml(error.code, error.message, type) };
    }
  }

  const http = createServer((request, response) => {
    answer(request).then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    );
  });
  http.listen(options.port ?? 0, "127.0.0.1");
  await once(http, "listening");
  const port = portOf(http.address());

  const server: QueryServer = {
    endpoint: `http://127.0.0.1:${port}`,
    queueUrl: `http://localhost:${port}/${account}/${queueName}`,
    requests,
    send: (bodies) => {
      for (const body of bodies) store(body);
    },
    counts,
    refuse: (action, status, code, times = 1) => {
      refusals = refusals.filter((refusal) => refusal.action !== action);
      for (let i = 0; i < times; i += 1) refusals.push({ action, status, code });
    },
    async stop() {
      stopped = true;
      changed();
      http.close();
      http.closeAllConnections();
      await once(http, "close");
    },
  };
  return server;
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function checkHandle(handle: string): void {
  if (!/^[0-9a-f-]{36} \d+$/.test(Buffer.from(handle, "base64").toString())) {
    throw new ApiError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.", 404);
  }
}

function md5(body: string): string {
  return createHash("md5").update(body).digest("hex");
}
