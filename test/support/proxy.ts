// A proxy between the command line and SQS, to make it misbehave on purpose.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import type { Identity } from "./authority.ts";

/** A call on its way: what SQS is asked to do, the how-many-eth of its kind (from 1), and the request's JSON. */
export interface Call {
  readonly action: string;
  readonly nth: number;
  readonly body: string;
  /** Whether the SDK's middleware made it: it numbers its attempts. */
  readonly bySdk: boolean;
}

/** What happens to a call in place of an answer from SQS, or to that answer. */
export type Fault =
  /** Answers so many milliseconds late. */
  | { readonly kind: "late"; readonly ms: number }
  /** Closes the connection; SQS never hears of the call. */
  | { readonly kind: "dropped" }
  /** SQS carries the call out; its answer is lost. */
  | { readonly kind: "answer lost" }
  /** SQS carries the call out; half of its answer arrives. */
  | { readonly kind: "answer cut" }
  /** Never answers. */
  | { readonly kind: "silent" }
  /** Answers with an error of SQS's, or with whatever is given. */
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly body: string;
      /** AWS tells the older protocol's code beside the newer one's (`x-amzn-query-error`). */
      readonly olderCode?: string;
    }
  /** Changes SQS's answer. */
  | { readonly kind: "changed"; readonly change: (answer: Record<string, unknown>) => unknown };

export interface Proxy {
  readonly endpoint: string;
  /** From now on; without an argument the calls pass as they are. */
  misbehave(fault?: (call: Call) => Fault | undefined): void;
  stop(): Promise<void>;
}

/** An error answer in SQS's own form. */
export function sqsError(type: string, status = 400): Fault {
  return {
    kind: "answered",
    status,
    body: JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message: "" }),
  };
}

/** Starts a proxy to `target` on a free port of the loopback address; over TLS, and as `localhost`, with an identity. */
export async function startProxy(
  target: string,
  first: (call: Call) => Fault | undefined = () => undefined,
  identity?: Identity,
): Promise<Proxy> {
  let faultOf = first;
  const counts = new Map<string, number>();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const header = String(request.headers["x-amz-target"]);
    const action = header.replace("AmazonSQS.", "");
    const nth = (counts.get(action) ?? 0) + 1;
    counts.set(action, nth);
    const fault = faultOf({ action, nth, body, bySdk: "amz-sdk-request" in request.headers });
    if (fault?.kind === "dropped") {
      response.destroy();
      return;
    }
    if (fault?.kind === "silent") return;
    const headers = { "content-type": "application/x-amz-json-1.0" };
    if (fault?.kind === "answered") {
      const older =
        fault.olderCode === undefined ? {} : { "x-amzn-query-error": `${fault.olderCode};Sender` };
      response.writeHead(fault.status, { ...headers, ...older }).end(fault.body);
      return;
    }
    if (fault?.kind === "late") await setTimeout(fault.ms);
    const passed = await fetch(target, {
      method: "POST",
      headers: { ...headers, "x-amz-target": header },
      body,
    });
    const answer = await passed.text();
    if (fault?.kind === "answer lost") {
      response.destroy();
    } else if (fault?.kind === "answer cut") {
      response.writeHead(passed.status, { ...headers, "content-length": Buffer.byteLength(answer) });
      response.write(answer.slice(0, answer.length / 2), () => response.destroy());
    } else if (fault?.kind === "changed") {
      const changed = fault.change(JSON.parse(answer === "" ? "{}" : answer) as Record<string, unknown>);
      response.writeHead(passed.status, headers).end(JSON.stringify(changed));
    } else {
      response.writeHead(passed.status, headers).end(answer);
    }
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy());
  };
  const server =
    identity === undefined
      ? createServer(listener)
      : createTlsServer({ cert: identity.certificate, key: identity.key }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: identity === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    misbehave: (fault = () => undefined) => {
      faultOf = fault;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** SQS's answer to a delete batch that it did not carry out. */
export function failedDeletes({ body }: Call, code: string, senderFault: boolean): Fault {
  const { Entries: entries } = JSON.parse(body) as { Entries: { Id: string }[] };
  const failed = entries.map(({ Id }) => ({ Id, Code: code, SenderFault: senderFault }));
  return { kind: "answered", status: 200, body: JSON.stringify({ Successful: [], Failed: failed }) };
}
