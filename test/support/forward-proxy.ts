// A proxy as companies have them: it passes plain requests on, and opens tunnels (CONNECT).
import { once } from "node:events";
import { createServer, request as ask } from "node:http";
import { connect, type Socket } from "node:net";

export interface ForwardProxy {
  readonly url: string;
  /** What it was asked for: `POST http://…`, `CONNECT host:port`. */
  readonly asked: string[];
  /** The `Proxy-Authorization` of the last request. */
  readonly authorization: () => string | undefined;
}

/** Runs `use` beside a proxy on 127.0.0.1, which answers with `refusal` in place of passing anything on. */
export async function withForwardProxy<T>(
  refusal: number | undefined,
  use: (proxy: ForwardProxy) => Promise<T>,
): Promise<T> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let authorization: string | undefined;
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    authorization = request.headers["proxy-authorization"];
    if (refusal !== undefined) {
      response.writeHead(refusal, { "content-type": "text/html" }).end("<html>the proxy's own page</html>");
      return;
    }
    const { method, headers } = request;
    const passed = ask(request.url ?? "", { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
  });
  server.on("connect", (request, socket: Socket) => {
    asked.push(`CONNECT ${request.url ?? ""}`);
    authorization = request.headers["proxy-authorization"];
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} No\r\nContent-Length: 2\r\n\r\nno`);
      return;
    }
    const [host = "", port] = (request.url ?? "").split(":");
    const target = connect({ host, port: Number(port) }, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.pipe(socket).pipe(target);
    });
    sockets.add(target);
    target.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  try {
    return await use({ url: `http://127.0.0.1:${address.port}`, asked, authorization: () => authorization });
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
}
