// The SQS server in its own process. It fills its queues itself and counts the requests it gets.
import { generateLogins, WRONG_TYPE } from "../../sandbox/messages.ts";
import { startSqs } from "../../sandbox/sqs.ts";
import { startRequestLog, type RequestCounts } from "./request-log.ts";
import { offer } from "./service.ts";

/** What to put into a queue. */
interface Filling {
  readonly queue: string;
  readonly messages: number;
  /** How many of the messages are of the wrong type, spread evenly. */
  readonly invalid: number;
  /** Bytes of a body. Undefined: the length of a login. */
  readonly bodyBytes?: number | undefined;
}

const sqs = await startSqs();
const log = startRequestLog();

const service = {
  endpoint: () => sqs.endpoint,
  /** Creates and fills the queue. Resolves to its URL and resets the request counts. */
  fill: async ({ queue, messages, invalid, bodyBytes }: Filling): Promise<string> => {
    const queueUrl = await sqs.createQueue(queue);
    const every = invalid === 0 ? Infinity : Math.floor(messages / invalid);
    const bodies = generateLogins(messages).map((login, index) =>
      padded((index + 1) % every === 0 ? WRONG_TYPE : JSON.stringify(login), bodyBytes),
    );
    await sqs.send(queueUrl, bodies);
    log.reset();
    return queueUrl;
  },
  requests: (): RequestCounts => log.counts(),
  /** The number of messages left, in any state. */
  left: async (queue: string): Promise<number> => {
    const { ready, inflight, delayed } = await sqs.inspect(queue);
    return ready + inflight + delayed;
  },
};

export type SqsService = typeof service;
offer(service);

/** An ASCII JSON object, padded to the given length with a key that no program reads. */
function padded(json: string, bytes: number | undefined): string {
  if (bytes === undefined) return json;
  const [start, end] = [`${json.slice(0, -1)},"padding":"`, '"}'];
  return start + "x".repeat(bytes - start.length - end.length) + end;
}
