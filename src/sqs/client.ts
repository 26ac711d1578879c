// The SDK's client, configured for a short-lived command: silent, with timeouts, counting its requests.
import { SQSClient, type SQSClientConfig } from "@aws-sdk/client-sqs";
import type { RequestCounts } from "../drain/ports.ts";
import { answerLength } from "./message.ts";
import { markCredentialsFaults } from "../aws/credentials.ts";
import { endpointOf, silenceNodeVersionWarning, silent, sharedConfig } from "../aws/client.ts";
import type { Protocol, Target } from "./target.ts";

/** A call was in flight when the client was closed. The SDK does not retry this error. */
class ClientClosed extends Error {
  override readonly name = "ClientClosed";
}

/** See `Queue.receive`. */
export type Admit = (bytes: number) => Promise<void>;

/** A client that counts its requests. Destroying it ends the calls in flight; the SDK's own client would retry them on new connections. */
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
          this.count(commandName.replace(/Command$/, ""));
          const result = await next(args);
          await this.#admissions.get(args.input)?.(answerLength(result.response));
          return result;
        },
      // The innermost step: runs once per attempt, and only if the request is sent.
      { step: "deserialize", priority: "low", name: "countRequests" },
    );
  }

  /** Awaits `admit` before an answer to the command with this input is read. */
  admitFor(input: object, admit: Admit): void {
    this.#admissions.set(input, admit);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Counts a request, by SQS's name for the action, such as `ReceiveMessage`. */
  count(action: string): void {
    this.#requests[kindOf(action)] += 1;
  }

  override destroy(): void {
    this.#closed = true;
    super.destroy();
  }
}

/**
 * A client for one queue.
 *
 * @param options `retry`: false for exactly one attempt per call; `requests` counts every HTTP request, retries included
 */
export async function createClient(options: {
  target: Pick<Target, "endpoint" | "region">;
  protocol: Protocol;
  maxSockets: number;
  retry: boolean;
  requests: RequestCounts;
}): Promise<SqsClient> {
  const { endpoint, region } = options.target;
  const config: SQSClientConfig = {
    ...(await sharedConfig(options)),
    // `target.ts` determines the endpoint. Otherwise the SDK would send to the queue URL's host unless `endpoint` is set.
    useQueueUrlAsEndpoint: false,
    // Safe here: no middleware is added after a command's first call, no call has options of its own, and all calls share endpoint
    // and credentials.
    cacheMiddleware: true,
    // The SDK rejects a whole answer if one body's checksum differs, and XML's line ends change checksums. `message.ts` checks
    // each body instead.
    md5: false,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
  };
  if (options.protocol === "query") {
    // Imported only when needed: its XML parser takes longer to load than a short run takes.
    config.protocol = (await import("@aws-sdk/core/protocols")).AwsQueryProtocol;
  }
  const client = new SqsClient(config, options.requests);
  markCredentialsFaults(client.config);
  return client;
}

/**
 * The endpoint in the AWS configuration file or the environment, if any.
 *
 * @throws {Failure} `configuration` if the file cannot be read
 */
export async function configuredEndpoint(): Promise<string | undefined> {
  silenceNodeVersionWarning();
  const client = new SQSClient({ logger: silent });
  try {
    return await endpointOf(client.config);
  } finally {
    client.destroy();
  }
}

function kindOf(action: string): keyof RequestCounts {
  if (action === "ReceiveMessage") return "receive";
  return action === "DeleteMessageBatch" ? "delete" : "other";
}
