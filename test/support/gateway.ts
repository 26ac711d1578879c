// A server that stores metrics as a Pushgateway does: one text per group, and it returns all of them.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Gateway {
  readonly url: string;
  /** Host and port. */
  readonly host: string;
  /** `PUT /metrics/job/…`, in order. */
  readonly asked: string[];
  /** The text of each group, by the path of its PUT. */
  readonly groups: Map<string, string>;
  /** The credentials of the last request. */
  readonly authorization: () => string | undefined;
}

/**
 * @param answers the status, and the header `location`, of an answer in place of the usual one, by method
 * @param more lines of other groups
 */
export async function withGateway<T>(
  use: (gateway: Gateway) => Promise<T>,
  answers: Readonly<Record<string, number>> = {},
  more = "",
): Promise<T> {
  const asked: string[] = [];
  const groups = new Map<string, string>();
  let authorization: string | undefined;
  const server = createServer((request, response) => {
    const { method = "", url = "" } = request;
    asked.push(`${method} ${url}`);
    authorization = request.headers.authorization;
    void text(request).then((body) => {
      const status = answers[method];
      if (status !== undefined) {
        response.writeHead(status, { location: "/elsewhere" }).end("The server's own words: pa55word");
      } else if (method === "PUT") {
        groups.set(url, body);
        response.writeHead(200).end();
      } else {
        response.end(more + [...groups].map(([path, own]) => asReturned(path, own)).join(""));
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    return await use({ url: `http://${host}`, host, asked, groups, authorization: () => authorization });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** With the grouping key and an empty instance as labels, in alphabetical order, as a Pushgateway returns them. */
function asReturned(path: string, own: string): string {
  const [, job = "", queue = ""] = /\/metrics\/job\/([^/]+)\/queue\/([^/?]+)/.exec(path) ?? [];
  return own.replace(/^(\w+)\{(.*)\} (.*)$/gm, (_line, name: string, labels: string, value: string) => {
    const others = labels.split(",").filter((label) => !label.startsWith("queue="));
    const all = [...others, `instance=""`, `job="${job}"`, `queue="${queue}"`].filter(Boolean).toSorted();
    return `${name}{${all.join(",")}} ${value}`;
  });
}
