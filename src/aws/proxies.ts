// Connects to AWS through the proxy in HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in upper or
// lower case. The SDK ignores these variables. It does not use these agents for link-local services, such as EC2's instance metadata or
// a container's credentials.
import type http from "node:http";
import type https from "node:https";
import { Failure } from "../failure.ts";

export interface Agents {
  readonly httpAgent: http.Agent | http.AgentOptions;
  readonly httpsAgent: https.Agent | http.AgentOptions;
}

const VARIABLES = ["https_proxy", "http_proxy", "all_proxy"];

/** Checked first, because the module that reads them takes long to load. */
function areSet(env: NodeJS.ProcessEnv): boolean {
  return VARIABLES.some((name) => (env[name] ?? "") !== "" || (env[name.toUpperCase()] ?? "") !== "");
}

/**
 * The agents for the SDK's request handler: plain ones, or ones that use the proxy for the hosts that need it.
 *
 * @throws {Failure} `configuration` if the proxy is not a URL
 */
export async function agentsFor(options: http.AgentOptions): Promise<Agents> {
  if (!areSet(process.env)) return { httpAgent: options, httpsAgent: options };
  const { HttpAgent, HttpsAgent } = await import("./proxy-agents.ts");
  const forHttp = await proxyFor("http://proxied.invalid");
  const forHttps = await proxyFor("https://proxied.invalid");
  return {
    httpAgent: forHttp === undefined ? options : new HttpAgent(forHttp, options),
    httpsAgent: forHttps === undefined ? options : new HttpsAgent(forHttps, options),
  };
}

/** Where an AWS service is. */
export interface Place {
  /** Undefined for AWS's endpoint of the region. */
  readonly endpoint: string | undefined;
  /** Undefined to let the SDK determine it. */
  readonly region: string | undefined;
  /** The proxy, without user and password; undefined for a direct connection, and before it was determined. */
  readonly proxy?: string | undefined;
}

/**
 * The proxy for a service, without user and password; undefined for a direct connection.
 *
 * @param service as in its host name, such as `sqs`
 * @throws {Failure} `configuration` if the proxy is not a URL
 */
export async function proxyOf({ endpoint, region }: Place, service: string): Promise<string | undefined> {
  const host = `${service}.${region ?? process.env["AWS_REGION"] ?? "us-east-1"}.amazonaws.com`;
  return (await proxyFor(endpoint ?? `https://${host}`))?.origin;
}

/**
 * The proxy for a URL, with user and password; undefined for a direct connection.
 *
 * @throws {Failure} `configuration` if the proxy is not a URL
 */
export async function proxyFor(url: string): Promise<URL | undefined> {
  if (!areSet(process.env)) return undefined;
  const { getProxyForUrl } = await import("proxy-from-env");
  const proxy = getProxyForUrl(url);
  if (proxy === "") return undefined;
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol)) {
    throw new Failure(
      "configuration",
      "The proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is not a URL. Write it as http://proxy.example.com:3128.",
    );
  }
  return new URL(proxy);
}
