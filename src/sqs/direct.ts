// Makes the frequent calls past the SDK, whose middleware and HTTP client take most of the CPU time of a drain. The SDK has the
// configuration: credentials, region, endpoint and the server's clock. It also makes every call that does not succeed at once, because it
// knows errors and retries.
import type { Connections } from "../aws/connections.ts";
import { createSigner, type Sign } from "../aws/signature.ts";
import type { Admit, SqsClient } from "./client.ts";
import { answerLength } from "./message.ts";

/** How many calls the SDK makes first: they take less CPU time than loading another HTTP client. */
const SDK_CALLS_FIRST = 20;
/** Maximum number of calls that the SDK makes between two failed direct calls. */
const MOST_SDK_CALLS = 1_024;
/** The SDK renews credentials five minutes before they expire. */
const RENEWAL_MS = 6 * 60_000;

type Credentials = Awaited<ReturnType<SqsClient["config"]["credentials"]>>;

interface Endpoint {
  readonly connections: Connections;
  readonly host: string;
  readonly sign: Sign;
}

/** A call of the JSON protocol. */
export interface DirectCall<T> {
  /** SQS's name for it, such as `ReceiveMessage`. */
  readonly action: string;
  readonly input: object;
  /** Extracts the result from the answer's JSON; undefined if it is invalid. */
  readonly read: (json: unknown) => T | undefined;
  /** Awaited before the answer is read. */
  readonly admit?: Admit | undefined;
}

/** Direct calls of one client that uses the JSON protocol. */
export class DirectCalls {
  readonly #client: SqsClient;
  readonly #customEndpoint: string | undefined;
  readonly #maxSockets: number;
  #endpoint: Promise<Endpoint> | undefined;
  #credentials: Credentials | undefined;
  /** How many calls the SDK has to make before the next direct one. */
  #sdkCalls = SDK_CALLS_FIRST;
  /** The same, after the next failure. */
  #penalty = 1;

  /** @param customEndpoint undefined for AWS's endpoint of the region */
  constructor(client: SqsClient, customEndpoint: string | undefined, maxSockets: number) {
    this.#client = client;
    this.#customEndpoint = customEndpoint;
    this.#maxSockets = maxSockets;
  }

  /** Makes one attempt at a call. Resolves to undefined if the SDK has to make it. */
  async attempt<T>(call: DirectCall<T>): Promise<T | undefined> {
    if (this.#sdkCalls > 0 || this.#client.closed) return undefined;
    const result = await this.#send(call).catch(() => undefined);
    if (result !== undefined) this.#penalty = 1;
    // Concurrent calls that fail together count once.
    else if (this.#sdkCalls === 0) {
      this.#credentials = undefined;
      this.#sdkCalls = this.#penalty;
      this.#penalty = Math.min(2 * this.#penalty, MOST_SDK_CALLS);
    }
    return result;
  }

  /** To be called after each successful call of the SDK. */
  sdkSucceeded(): void {
    if (this.#sdkCalls > 0) this.#sdkCalls -= 1;
  }

  /** Ends the calls in flight. */
  close(): void {
    this.#endpoint?.then(({ connections }) => connections.close()).catch(() => undefined);
  }

  async #send<T>({ action, input, read, admit }: DirectCall<T>): Promise<T | undefined> {
    const { connections, host, sign } = await (this.#endpoint ??= this.#open());
    const credentials = await this.#currentCredentials();
    const body = JSON.stringify(input);
    const now = Date.now() + this.#client.config.systemClockOffset;
    const fixed = {
      host,
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${action}`,
    };
    const headers = sign({ headers: fixed, body }, credentials, now);
    // The client may have been closed while the credentials were read.
    if (this.#client.closed) return undefined;
    this.#client.count(action);
    const answer = await connections.post({
      // Not signed, because proxies may change it.
      headers: { ...headers, "user-agent": "fetch-etl" },
      body,
      admit: admit && ((response) => admit(answerLength(response))),
    });
    return answer === undefined ? undefined : read(JSON.parse(answer) as unknown);
  }

  async #open(): Promise<Endpoint> {
    const { region, useFipsEndpoint, useDualstackEndpoint, endpointProvider } = this.#client.config;
    const Region = await region();
    const { url } = endpointProvider({
      ...{ Region, Endpoint: this.#customEndpoint },
      ...{ UseFIPS: await useFipsEndpoint(), UseDualStack: await useDualstackEndpoint() },
    });
    if (url.pathname !== "/") throw new Error("the endpoint has a path");
    const { openConnections } = await import("../aws/connections.ts");
    return {
      connections: await openConnections(url.origin, this.#maxSockets),
      host: url.host,
      sign: createSigner({ region: Region, service: "sqs" }),
    };
  }

  /** Asks the SDK only for credentials that may have to be renewed, because each question takes CPU time. */
  async #currentCredentials(): Promise<Credentials> {
    const { expiration } = this.#credentials ?? {};
    const isLasting = expiration === undefined || expiration.getTime() - Date.now() > RENEWAL_MS;
    if (this.#credentials === undefined || !isLasting) {
      this.#credentials = await this.#client.config.credentials();
    }
    return this.#credentials;
  }
}
