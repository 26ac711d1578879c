// A proxy between the command line and SQS, to make it misbehave on purpose.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export interface Proxy {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Answers in place of the server; undefined lets the request through. */
export type Answer = (action: string, body: string) => { status: number; body: string } | undefined;

/** Starts a proxy on a free port of the loopback address. */
export async function startProxy(target: string, answer: Answer): Promise<Proxy> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += String(part);
    const action = String(request.headers["x-amz-target"]).replace("AmazonSQS.", "");
    const own = answer(action, body);
    const headers = { "content-type": "application/x-amz-json-1.0" };
    if (own !== undefined) {
      response.writeHead(own.status, headers).end(own.body);
      return;
    }
    const passed = await fetch(target, {
      method: "POST",
      headers: { ...headers, "x-amz-target": String(request.headers["x-amz-target"]) },
      body,
    });
    response.writeHead(passed.status, headers).end(await passed.text());
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A server that refuses every delete as the sender's fault. */
export function refusingDeletes(target: string): Promise<Proxy> {
  return startProxy(target, (action, body) => {
    if (action !== "DeleteMessageBatch") return undefined;
    const { Entries: entries } = JSON.parse(body) as { Entries: { Id: string }[] };
    const failed = entries.map(({ Id }) => ({ Id, Code: "ReceiptHandleIsInvalid", SenderFault: true }));
    return { status: 200, body: JSON.stringify({ Successful: [], Failed: failed }) };
  });
}
