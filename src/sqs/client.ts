// The SDK's client, set up for a short-lived command: silent, bounded in time, counting what it sends.
import { SQSClient, type SQSClientConfig } from "@aws-sdk/client-sqs";
import type { AwsQueryProtocol } from "@aws-sdk/core/protocols";
import type { RequestCounts } from "../drain/ports.ts";
import { answerLength } from "./message.ts";
import { nameCredentialFaults } from "./credentials.ts";
import { noteDebug } from "./lookup.ts";
import { agentsFor } from "./proxies.ts";
import type { Protocol, Target } from "./target.ts";

const CONNECTION_TIMEOUT_MS = 5_000;
// Above the longest long poll, which is 20 s.
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_ATTEMPTS = 3;

// The SDK writes its warnings to the console where it has no logger of ours.
const silent = {
  trace: ignore,
  debug: noteDebug,
  info: ignore,
  warn: ignore,
  error: ignore,
};

/** A call that was under way when the client was closed; not one that the SDK makes again. */
class ClientClosed extends Error {
  override readonly name = "ClientClosed";
}

/** See `Queue.receive`. */
export type Admit = (bytes: number) => Promise<void>;

/**
 * A client that counts what it sends. When it is destroyed, calls under way end; the SDK's own would make them again on new
 * connections.
 */
export class SqsClient extends SQSClient {
  readonly #requests: RequestCounts;
  readonly #admissions = new WeakMap<object, Admit>();
  #closed = false;

  constructor(config: SQSClientConfig, requests: RequestCounts) {
    super(config);
    this.#requests = requests;
    this.middlewareStack.add(
      (next, { commandName = "" }) =>
        async (args) => {
          if (this.#closed) throw new ClientClosed();
          this.count(commandName);
          const result = await next(args);
          await this.#admissions.get(args.input)?.(answerLength(result.response));
          return result;
        },
      // The innermost place: once for each attempt, and only when it really goes out.
      { step: "deserialize", priority: "low", name: "countRequests" },
    );
  }

  /** Has `admit` awaited before an answer to the command with this input is read. */
  admitFor(input: object, admit: Admit): void {
    this.#admissions.set(input, admit);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Notes that a request goes out, by the SDK's name for the call. */
  count(commandName: string): void {
    this.#requests[kindOf(commandName)] += 1;
  }

  override destroy(): void {
    this.#closed = true;
    super.destroy();
  }
}

/**
 * A client for one queue.
 *
 * @param retry false for exactly one attempt a call
 * @param requests counts every HTTP request from now on, retries included
 */
export async function createClient(options: {
  target: Pick<Target, "endpoint" | "region">;
  protocol: Protocol;
  maxSockets: number;
  retry: boolean;
  requests: RequestCounts;
}): Promise<SqsClient> {
  silenceNodeVersionWarning();
  const { endpoint, region } = options.target;
  const config: SQSClientConfig = {
    // The queue URL is a name here; where to send is settled in `target.ts`. The SDK would send to the URL's host whenever
    // it has its endpoint from elsewhere than `endpoint`.
    useQueueUrlAsEndpoint: false,
    // Safe here: nothing is added to the middleware of a command after its first call, no call brings options of its own, and
    // what calls share by it (endpoint, credentials) is the same for all of them.
    cacheMiddleware: true,
    retryMode: "standard",
    maxAttempts: options.retry ? MAX_ATTEMPTS : 1,
    // The SDK refuses a whole answer when one body's checksum differs, which XML's line ends are enough for. Checked in
    // `message.ts` instead.
    md5: false,
    logger: silent,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      socketTimeout: REQUEST_TIMEOUT_MS,
      ...(await agentsFor({ keepAlive: true, maxSockets: options.maxSockets })),
      logger: silent,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(options.protocol === "query" ? { protocol: await queryProtocol() } : {}),
  };
  const client = new SqsClient(config, options.requests);
  nameCredentialFaults(client);
  return client;
}

/** The endpoint that the AWS configuration file or the environment names, if any. */
export async function configuredEndpoint(): Promise<string | undefined> {
  silenceNodeVersionWarning();
  const client = new SQSClient({ logger: silent });
  try {
    return await client.config.serviceConfiguredEndpoint?.();
  } finally {
    client.destroy();
  }
}

/** Imported when it is needed: its XML parser takes longer to load than many a run has to do. */
async function queryProtocol(): Promise<typeof AwsQueryProtocol> {
  return (await import("@aws-sdk/core/protocols")).AwsQueryProtocol;
}

function kindOf(commandName: string): keyof RequestCounts {
  if (commandName === "ReceiveMessageCommand") return "receive";
  return commandName === "DeleteMessageBatchCommand" ? "delete" : "other";
}

/** The SDK's own switch for its warning about the running Node version; it would end in every cron mail. */
function silenceNodeVersionWarning(): void {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
}

function ignore(): void {
  // Nothing: see `silent`.
}
