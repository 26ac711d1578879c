// Finds the ceiling of the SQS server: receives and deletes with requests that are written once, over plain sockets. It signs nothing and
// parses nothing but receipt handles.
import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { BATCH, setting, WAIT_SECONDS, WORKERS } from "./settings.ts";

const QueueUrl = setting("QUEUE_URL");
const { protocol, hostname, port, host } = new URL(QueueUrl);
const where = { host: hostname, port: Number(port), noDelay: true };

const RECEIVE = request("ReceiveMessage", {
  QueueUrl,
  MaxNumberOfMessages: BATCH,
  WaitTimeSeconds: WAIT_SECONDS,
  MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
});
const HANDLE = '"ReceiptHandle":"';

async function work(): Promise<void> {
  const socket = protocol === "https:" ? connectTls({ ...where, servername: "" }) : connectPlain(where);
  socket.setEncoding("latin1");
  await once(socket, protocol === "https:" ? "secureConnect" : "connect");
  for (;;) {
    const Entries = handlesIn(await call(socket, RECEIVE)).map((ReceiptHandle, index) => ({
      Id: String(index),
      ReceiptHandle,
    }));
    if (Entries.length === 0) break;
    await call(socket, request("DeleteMessageBatch", { QueueUrl, Entries }));
  }
  socket.destroy();
}

function request(action: string, body: object): string {
  const json = JSON.stringify(body);
  return [
    "POST / HTTP/1.1",
    `host: ${host}`,
    "content-type: application/x-amz-json-1.0",
    `x-amz-target: AmazonSQS.${action}`,
    `content-length: ${json.length}`,
    "",
    json,
  ].join("\r\n");
}

/** Resolves to the response, all characters of which are one byte. */
function call(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let response = "";
    const onData = (part: string): void => {
      response += part;
      const head = response.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(response)?.[1]);
      if (head === -1 || response.length < head + 4 + length) return;
      socket.off("data", onData).off("error", reject);
      resolve(response);
    };
    socket.on("data", onData).on("error", reject);
    socket.write(text);
  });
}

function handlesIn(response: string): string[] {
  return response
    .split(HANDLE)
    .slice(1)
    .map((part) => part.slice(0, part.indexOf('"')));
}

await Promise.all(Array.from({ length: WORKERS }, work));
