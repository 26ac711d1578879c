// HTTP connections to one endpoint of AWS, for frequent calls: the SDK's HTTP client takes twice the CPU time.
import { Pool, ProxyAgent, type Dispatcher } from "undici";
import { CONNECTION_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from "./client.ts";
import { proxyFor } from "./proxies.ts";

interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Awaited before the body of the answer is read. */
  readonly admit?: ((answer: { readonly headers: unknown }) => Promise<void>) | undefined;
}

export interface Connections {
  /**
   * Sends a POST to "/" once, and follows no redirect.
   *
   * @returns the text of an answer with status 200; undefined for any other status
   * @throws the error of the connection; also if the answer takes longer than {@link REQUEST_TIMEOUT_MS}, without the time in `admit`
   */
  post(request: Post): Promise<string | undefined>;
  /** Ends the requests in flight with an error. */
  close(): Promise<void>;
}

/**
 * Opens no connection before the first request. Uses the proxy in the environment, and Node's certificate authorities.
 *
 * @param origin such as `https://sqs.us-east-1.amazonaws.com`
 * @param most maximum concurrent connections; more requests wait
 * @throws {Failure} `configuration` if the proxy is not a URL
 */
export async function openConnections(origin: string, most: number): Promise<Connections> {
  const options = {
    connections: most,
    headersTimeout: REQUEST_TIMEOUT_MS,
    bodyTimeout: REQUEST_TIMEOUT_MS,
    connect: { timeout: CONNECTION_TIMEOUT_MS },
  };
  const proxy = await proxyFor(origin);
  const dispatcher =
    proxy === undefined
      ? new Pool(origin, options)
      : new ProxyAgent({
          ...options,
          uri: proxy.href,
          // Proxies may refuse to open a tunnel to a port that is not for TLS.
          proxyTunnel: origin.startsWith("https:"),
          proxyTls: { timeout: CONNECTION_TIMEOUT_MS },
        });
  return {
    post: (request) => post(dispatcher, origin, request),
    close: () => dispatcher.destroy(),
  };
}

/** Uses `dispatch`, because undici's `request` makes a stream for each answer, for a quarter more CPU time. */
async function post(
  dispatcher: Dispatcher,
  origin: string,
  { headers, body, admit }: Post,
): Promise<string | undefined> {
  let admission = Promise.resolve();
  try {
    return await new Promise((resolve, reject) => {
      let status = 0;
      let deadline = Infinity;
      const parts: Buffer[] = [];
      const startClock = (): void => {
        deadline = performance.now() + REQUEST_TIMEOUT_MS;
      };
      dispatcher.dispatch(
        { origin, path: "/", method: "POST", headers, body },
        {
          onRequestStart: () => undefined,
          onResponseStart: (controller, statusCode, answerHeaders) => {
            status = statusCode;
            startClock();
            if (status < 200 || admit === undefined) return;
            controller.pause();
            admission = admit({ headers: answerHeaders }).then(
              () => {
                startClock();
                controller.resume();
              },
              (error: unknown) => {
                controller.abort(error instanceof Error ? error : new Error("not admitted"));
              },
            );
          },
          onResponseData: (controller, part) => {
            // Undici limits only the time between two parts.
            if (performance.now() > deadline) controller.abort(new Error("the answer takes too long"));
            if (status === 200) parts.push(part);
          },
          onResponseEnd: () => {
            resolve(status === 200 ? Buffer.concat(parts).toString() : undefined);
          },
          onResponseError: (_controller, error) => {
            reject(error);
          },
        },
      );
    });
  } finally {
    // The connection may break earlier, and the next attempt must not ask for a second admission at the same time.
    await admission;
  }
}
