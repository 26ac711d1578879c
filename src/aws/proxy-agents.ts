// HTTP agents that use a proxy, except for the hosts in NO_PROXY.
import type { ClientRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";
import { getProxyForUrl } from "proxy-from-env";

type ConnectOptions = Parameters<HttpsProxyAgent<string>["connect"]>[1];
type HttpRequest = Parameters<HttpProxyAgent<string>["connect"]>[0];

function isDirect(protocol: "http" | "https", { host = "", port }: ConnectOptions): boolean {
  const name = host.includes(":") ? `[${host}]` : host;
  return getProxyForUrl(`${protocol}://${name}:${String(port)}`) === "";
}

export class HttpsAgent extends HttpsProxyAgent<string> {
  /** The base class guesses differently when a connection is freed than when it was opened, so none would be reused. */
  override isSecureEndpoint(): boolean {
    return true;
  }

  override connect(request: ClientRequest, options: ConnectOptions): Promise<Socket> {
    if (!isDirect("https", options)) return super.connect(request, options);
    return Promise.resolve(connectTls(options));
  }
}

export class HttpAgent extends HttpProxyAgent<string> {
  override isSecureEndpoint(): boolean {
    return false;
  }

  override setRequestProps(request: HttpRequest, options: ConnectOptions): void {
    if (!isDirect("http", options)) super.setRequestProps(request, options);
  }

  override connect(request: HttpRequest, options: ConnectOptions): Promise<Socket> {
    return isDirect("http", options) ? Promise.resolve(connect(options)) : super.connect(request, options);
  }
}
