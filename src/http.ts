// Sends an HTTP request, through the proxy in HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { agentsFor } from "./aws/proxies.ts";
import type { HttpAnswer, HttpRequest } from "./cli/context.ts";

/** Maximum size of an answer's body, bytes. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * Follows no redirect. The answer's body is at most 16 MiB.
 *
 * @throws {Failure} `configuration` if the proxy is not a URL
 * @throws the system's error; its `code` is `ETIMEDOUT` after the time limit, `EMSGSIZE` for a longer answer
 */
export async function sendHttp({ method, url, body, timeoutMs }: HttpRequest): Promise<HttpAnswer> {
  const { httpAgent, httpsAgent } = await agentsFor({});
  const isSecure = url.protocol === "https:";
  const agent = isSecure ? httpsAgent : httpAgent;
  const signal = AbortSignal.timeout(Math.max(0, Math.ceil(timeoutMs)));
  const request = (isSecure ? https : http).request(url, {
    ...{ method, signal },
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    ...(agent instanceof http.Agent ? { agent } : {}),
  });
  // Otherwise an error that occurs while nothing awaits the request would end the process.
  request.on("error", () => undefined);
  // Node closes a connection without an error where a server changes the protocol, with status 101.
  const closed = new AbortController();
  request.once("close", () => {
    closed.abort();
  });
  try {
    request.end(body);
    const [response] = (await once(request, "response", { signal: closed.signal })) as [http.IncomingMessage];
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of response as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > MOST_BYTES) throw withCode("EMSGSIZE");
      parts.push(part);
    }
    return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() };
  } catch (error) {
    throw signal.aborted ? withCode("ETIMEDOUT") : error;
  } finally {
    request.destroy();
  }
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}
