// The SQS server in its own process. It fills its queues itself, counts the requests it gets, and tells how busy it was.
import { cpus } from "node:os";
import { epochMs } from "../clock.ts";
import { generateLogins, WRONG_TYPE } from "../../sandbox/messages.ts";
import { Queue, type Depth } from "./sqs/queue.ts";
import { SqsServer, type Listening } from "./sqs/server.ts";
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

/** The requests since the last filling. Times are epoch milliseconds, 0 if there was no such request. */
export interface RequestCounts {
  readonly receive: number;
  readonly delete: number;
  readonly other: number;
  /** When the first receive came. */
  readonly firstReceiveAt: number;
  /** When the last response to a delete was sent. */
  readonly lastDeleteAt: number;
  /** From the first receive until the queue was empty, from 0 to 1: how busy the server's event loop was, and all cores of the machine. */
  readonly serverBusy: number | null;
  readonly machineBusy: number | null;
}

const VISIBILITY_MS = 30_000;

const queues = new Map<string, Queue>();
let counts: RequestCounts;
let atStart: { readonly loop: ReturnType<typeof performance.eventLoopUtilization>; readonly cores: Cores };
reset();

const server = new SqsServer(queues, {
  started: (action) => {
    const kind = kindOf(action);
    if (kind === "receive" && counts.receive === 0) {
      atStart = { loop: performance.eventLoopUtilization(), cores: coreTimes() };
      counts = { ...counts, firstReceiveAt: epochMs() };
    }
    counts = { ...counts, [kind]: counts[kind] + 1 };
  },
  sent: (action, name) => {
    if (kindOf(action) !== "delete") return;
    counts = { ...counts, lastDeleteAt: epochMs() };
    if (counts.serverBusy !== null || !isEmpty(queues.get(name)?.depth())) return;
    counts = {
      ...counts,
      serverBusy: performance.eventLoopUtilization(atStart.loop).utilization,
      machineBusy: busyShare(atStart.cores, coreTimes()),
    };
  },
});

const service = {
  /** Resolves to the endpoint of another port. */
  listen: (listening: Listening): Promise<string> => server.listen(listening),
  /** Creates and fills the queue, and resets the request counts. */
  fill: ({ queue: name, messages, invalid, bodyBytes }: Filling): void => {
    const every = invalid === 0 ? Infinity : Math.floor(messages / invalid);
    const queue = new Queue(VISIBILITY_MS);
    queue.send(
      generateLogins(messages).map((login, index) =>
        padded((index + 1) % every === 0 ? WRONG_TYPE : JSON.stringify(login), bodyBytes),
      ),
    );
    queues.clear();
    queues.set(name, queue);
    reset();
  },
  requests: (): RequestCounts => counts,
  depth: (name: string): Depth => queues.get(name)?.depth() ?? { visible: 0, inFlight: 0 },
  /** Makes all messages in flight visible, as if their visibility timeout had passed. */
  expire: (name: string): void => queues.get(name)?.expire(true),
};

export type SqsService = typeof service;
offer(service);

function reset(): void {
  counts = {
    ...{ receive: 0, delete: 0, other: 0, firstReceiveAt: 0, lastDeleteAt: 0 },
    ...{ serverBusy: null, machineBusy: null },
  };
  atStart = { loop: performance.eventLoopUtilization(), cores: coreTimes() };
}

function kindOf(action: string): "receive" | "delete" | "other" {
  if (action === "ReceiveMessage") return "receive";
  return action === "DeleteMessageBatch" ? "delete" : "other";
}

function isEmpty(depth: Depth | undefined): boolean {
  return depth !== undefined && depth.visible + depth.inFlight === 0;
}

/** Milliseconds of all cores since the machine started. */
interface Cores {
  readonly busy: number;
  readonly idle: number;
}

function coreTimes(): Cores {
  const times = cpus().map((core) => core.times);
  return {
    busy: times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, 0),
    idle: times.reduce((sum, each) => sum + each.idle, 0),
  };
}

function busyShare(from: Cores, to: Cores): number | null {
  const [busy, idle] = [to.busy - from.busy, to.idle - from.idle];
  return busy + idle === 0 ? null : busy / (busy + idle);
}

/** An ASCII JSON object, padded to the given length with a key that no program reads. */
function padded(json: string, bytes: number | undefined): string {
  if (bytes === undefined) return json;
  const [start, end] = [`${json.slice(0, -1)},"padding":"`, '"}'];
  return start + "x".repeat(bytes - start.length - end.length) + end;
}
