// The same two calls over node:http, not signed and not checked: the limit that the server and Node set.
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { BATCH, setting, WAIT_SECONDS, WORKERS } from "./settings.ts";

const endpoint = setting("AWS_ENDPOINT_URL_SQS");
const QueueUrl = setting("BENCH_QUEUE_URL");
const agent = new Agent({ keepAlive: true, maxSockets: WORKERS });

/** Resolves to the text of the answer. */
function call(action: string, input: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ QueueUrl, ...input });
    const headers = {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${action}`,
      "content-length": Buffer.byteLength(body),
    };
    request(endpoint, { agent, method: "POST", headers }, (response) => {
      text(response).then(resolve, reject);
    })
      .on("error", reject)
      .end(body);
  });
}

/** Resolves to the receipt handles, which are all that a delete needs. */
async function receive(): Promise<string[]> {
  const answer = await call("ReceiveMessage", {
    MaxNumberOfMessages: BATCH,
    WaitTimeSeconds: WAIT_SECONDS,
    MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
  });
  return [...answer.matchAll(/"ReceiptHandle":"([^"]+)"/g)].map(([, handle = ""]) => handle);
}

async function work(): Promise<void> {
  for (let handles = await receive(); handles.length > 0; handles = await receive()) {
    const Entries = handles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
    await call("DeleteMessageBatch", { Entries });
  }
}

await Promise.all(Array.from({ length: WORKERS }, work));
agent.destroy();
