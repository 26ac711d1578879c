// Starts an SQS protocol server (fauxqs), with direct access to its queues for tests. It listens only on the loopback
// address.
import { buildApp, type FauxqsServer } from "fauxqs";
import { freePort, isAddressInUse, LOOPBACK, PortInUse } from "./ports.ts";

/** A message on the server. */
interface QueuedMessage {
  readonly state: "ready" | "delayed" | "inflight";
  readonly messageId: string;
  readonly body: string;
  /** Epoch milliseconds. */
  readonly sentAt: number;
  readonly receiveCount: number;
}

/** The contents of a queue: the number of messages by state, and all messages. */
export interface QueueContents {
  readonly ready: number;
  readonly delayed: number;
  readonly inflight: number;
  readonly messages: readonly QueuedMessage[];
}

export interface SqsServer {
  /** For `AWS_ENDPOINT_URL_SQS`. */
  readonly endpoint: string;
  readonly port: number;
  /** Creates a queue with attributes of `CreateQueue`. Resolves to its URL. */
  createQueue(name: string, attributes?: Readonly<Record<string, string>>): Promise<string>;
  /**
   * Sends the bodies, in their order. The server refuses characters beyond the basic plane, which AWS takes: they are
   * sent as JSON's `\uXXXX`, which is the same within a JSON text, and only there.
   *
   * @param groupOf for a FIFO queue: the message group of a body
   * @throws Error when the server refuses one
   */
  send(queueUrl: string, bodies: readonly string[], groupOf?: (body: string) => string): Promise<void>;
  /**
   * Looks at a queue without touching it. A message whose visibility timeout or delay has run out counts as ready.
   *
   * @throws Error when there is no such queue
   */
  inspect(name: string): Promise<QueueContents>;
  /** Closes immediately, including open connections and waiting requests. */
  stop(): Promise<void>;
}

/** Calls an action of SQS by its JSON protocol. */
type Call = <T>(action: string, request: object) => Promise<T>;

type Inspection = NonNullable<ReturnType<FauxqsServer["inspectQueue"]>>;

const BATCH_MESSAGES = 10;
const BATCH_BYTES = 256 * 1024;

/**
 * Starts a server without queues on `port`; undefined or 0: any free port.
 *
 * @throws {PortInUse}
 */
export async function startSqs(options: { readonly port?: number | undefined } = {}): Promise<SqsServer> {
  const wanted = options.port ?? 0;
  // Not `startFauxqs`: it listens on all addresses of the machine.
  const app = buildApp({ logger: false });
  const endpoint = await app
    // With port 0, no other process can take the port first. Check a requested port, for a clear error.
    .listen({ host: LOOPBACK, port: wanted === 0 ? 0 : await freePort(wanted) })
    .catch((error: unknown) => {
      throw isAddressInUse(error) ? new PortInUse(wanted, { cause: error }) : error;
    });
  const host = new URL(endpoint).host;

  // Uses the server's complete request path, but no socket: nothing stays open, and it is faster.
  const call: Call = async <T>(action: string, request: object) => {
    const headers = { host, ...headersOf(action) };
    const response = await app.inject({
      method: "POST",
      url: "/",
      headers,
      payload: JSON.stringify(request),
    });
    if (response.statusCode !== 200) throw new Error(`${action} failed: ${response.body}`);
    return response.json<T>();
  };

  return {
    endpoint,
    port: Number(new URL(endpoint).port),
    createQueue: async (name, attributes = {}) => {
      const created = await call<{ QueueUrl: string }>("CreateQueue", {
        QueueName: name,
        Attributes: attributes,
      });
      return created.QueueUrl;
    },
    send: (queueUrl, bodies, groupOf) => sendAll(call, queueUrl, bodies, groupOf),
    inspect: async (name) => {
      const response = await app.inject(`/_fauxqs/queues/${encodeURIComponent(name)}`);
      if (response.statusCode !== 200) throw new Error(`there is no queue ${name}`);
      return contents(response.json<Inspection>(), Date.now());
    },
    stop: () => app.close(),
  };
}

function headersOf(action: string): Record<string, string> {
  return { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` };
}

/**
 * Sends bodies to a queue of a server in another process.
 *
 * @throws Error when there is no such server or queue, or when the server refuses a body
 */
export async function sendTo(endpoint: string, queue: string, bodies: readonly string[]): Promise<void> {
  const call: Call = async <T>(action: string, request: object) => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: headersOf(action),
      body: JSON.stringify(request),
    }).catch((error: unknown) => {
      const start = "start it with `npm run sandbox` in another terminal";
      throw new Error(`no server answers at ${endpoint}; ${start}`, { cause: error });
    });
    if (!response.ok) throw new Error(`${action} failed: ${await response.text()}`);
    // Typed as unknown.
    return (await response.json()) as T;
  };
  const { QueueUrl } = await call<{ QueueUrl: string }>("GetQueueUrl", { QueueName: queue });
  await sendAll(call, QueueUrl, bodies);
}

/** See {@link SqsServer.send}. */
async function sendAll(
  call: Call,
  queueUrl: string,
  bodies: readonly string[],
  groupOf?: (body: string) => string,
): Promise<void> {
  // One batch at a time, to keep the order.
  for (const batch of batches(bodies.map(escapeAstral))) {
    const entries = batch.map((body, index) => ({
      Id: String(index),
      MessageBody: body,
      ...(groupOf === undefined ? {} : { MessageGroupId: groupOf(body) }),
    }));
    const sent = await call<{ Failed: { Code: string }[] }>("SendMessageBatch", {
      QueueUrl: queueUrl,
      Entries: entries,
    });
    const refused = sent.Failed[0];
    if (refused !== undefined) throw new Error(`SendMessageBatch refused a message: ${refused.Code}`);
  }
}

/** The server updates a message's state only on a receive, so compute it from the message's times. */
function contents({ messages }: Inspection, now: number): QueueContents {
  const all = [
    ...messages.ready.map((message) => queued("ready", message)),
    ...messages.delayed.map((message) =>
      queued((message.delayUntil ?? 0) > now ? "delayed" : "ready", message),
    ),
    ...messages.inflight.map(({ message, visibilityDeadline }) =>
      queued(visibilityDeadline > now ? "inflight" : "ready", message),
    ),
  ];
  const count = (state: QueuedMessage["state"]): number =>
    all.filter((message) => message.state === state).length;
  return { ready: count("ready"), delayed: count("delayed"), inflight: count("inflight"), messages: all };
}

function queued(
  state: QueuedMessage["state"],
  message: Inspection["messages"]["ready"][number],
): QueuedMessage {
  return {
    state,
    messageId: message.messageId,
    body: message.body,
    sentAt: message.sentTimestamp,
    receiveCount: message.approximateReceiveCount,
  };
}

/** Splits a list into batches within SQS's limits. A body over the limit goes alone, so that the server refuses it. */
function* batches(bodies: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for (const body of bodies) {
    const size = Buffer.byteLength(body);
    if (batch.length > 0 && (batch.length === BATCH_MESSAGES || bytes + size > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(body);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function escapeAstral(body: string): string {
  return body.replace(/[\ud800-\udfff]/g, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}
