// The SQS server in a process of its own. It fills its queues itself, and counts what it is asked.
import { generateLogins, WRONG_TYPE } from "../../sandbox/messages.ts";
import { startSqs } from "../../sandbox/sqs.ts";
import { startRequestLog, type RequestCounts } from "./request-log.ts";
import { offer } from "./service.ts";

/** What a queue is to hold. */
export interface Filling {
  readonly queue: string;
  readonly messages: number;
  /** How many of the messages are of the wrong type, spread evenly. */
  readonly invalid: number;
  /** Bytes of a body; undefined: as long as a login is. */
  readonly bodyBytes?: number | undefined;
}

/** What identifies a message to fetch-etl's ledger. */
export interface MessageIdentity {
  readonly messageId: string;
  /** Epoch milliseconds. */
  readonly sentAt: number;
}

const sqs = await startSqs();
const log = startRequestLog();

const service = {
  endpoint: () => sqs.endpoint,
  /** Makes the queue and fills it. Resolves to its URL; the requests are counted anew. */
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
  /** How many messages are left, in whichever state. */
  left: async (queue: string): Promise<number> => {
    const { ready, inflight, delayed } = await sqs.inspect(queue);
    return ready + inflight + delayed;
  },
  /** The first messages of a queue. */
  first: async ({ queue, count }: { queue: string; count: number }): Promise<MessageIdentity[]> => {
    const { messages } = await sqs.inspect(queue);
    return messages.slice(0, count).map(({ messageId, sentAt }) => ({ messageId, sentAt }));
  },
};

export type SqsService = typeof service;
offer(service);

/** An object as JSON, as long as it has to be by a key that nobody reads. All is ASCII. */
function padded(json: string, bytes: number | undefined): string {
  if (bytes === undefined) return json;
  const [start, end] = [`${json.slice(0, -1)},"padding":"`, '"}'];
  return start + "x".repeat(bytes - start.length - end.length) + end;
}
