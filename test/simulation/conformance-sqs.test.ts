// The simulated queue against fauxqs, by the product's own adapter: the same random calls have the same answers, but for the listed differences.
import { startFauxqs, type FauxqsServer } from "fauxqs";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { FailedEntry, Queue, ReceivedMessage } from "../../src/drain/ports.ts";
import { openQueue } from "../../src/sqs/open.ts";
import { FULL } from "../chaos/invariant.ts";
import { MODEL_SEED as SEED } from "../chaos/random.ts";
import { deaf, settings, stubAwsEnvironment } from "../sqs/servers.ts";
import { connect } from "./queue-port.ts";
import { SimulatedQueue } from "./queue.ts";
import { QuietWorld } from "./quiet-world.ts";
import { Random } from "./random.ts";
import { Life } from "./schedule.ts";

const SEQUENCES = FULL ? 500 : 8;
const MAX_RECEIVES = 3;
/** Most messages per queue, so that one receive returns all. */
const MOST = 10;
/** Visibility time-outs, and between them how much time passes at once, seconds: the latencies of a sequence change no order of these. */
const [SHORT, LONG, PASSING] = [100, 1000, 150];
const KINDS = ["standard", "fifo"] as const;
const ROLES = ["main", "dead"] as const;

type Kind = (typeof KINDS)[number];
type Role = (typeof ROLES)[number];

let server: FauxqsServer;
const urls = new Map<string, string>();
const adapters = new Map<string, Queue>();

beforeAll(async () => {
  stubAwsEnvironment();
  server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  for (const kind of KINDS) {
    const fifo = kind === "fifo" ? { FifoQueue: "true", ContentBasedDeduplication: "true" } : {};
    const deadLetters = server.createQueue(nameOf(kind, "dead"), { attributes: { ...fifo } });
    const policy = { deadLetterTargetArn: deadLetters.queueArn, maxReceiveCount: MAX_RECEIVES };
    const attributes = { ...fifo, RedrivePolicy: JSON.stringify(policy) };
    const main = server.createQueue(nameOf(kind, "main"), { attributes });
    urls.set(deadLetters.queueName, deadLetters.queueUrl).set(main.queueName, main.queueUrl);
    for (const role of ROLES) {
      const queue = nameOf(kind, role);
      const endpointUrl = `http://127.0.0.1:${server.port}`;
      adapters.set(queue, await openQueue(settings({ queue, endpointUrl, protocol: "json" }), deaf));
    }
  }
});

beforeEach(() => {
  server.reset();
  vi.useFakeTimers({ toFake: ["Date"] });
  return () => vi.useRealTimers();
});

afterAll(async () => {
  for (const adapter of adapters.values()) adapter.close();
  await server.stop();
});

/** A difference, each with what shows it. */
interface Difference {
  readonly what: string;
  readonly source: string;
  readonly kind: Kind;
  readonly play: (side: Side) => Promise<unknown>;
  readonly model: unknown;
  readonly fauxqs: unknown;
}

const GUIDE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide";
const HANDLES = "https://repost.aws/knowledge-center/sqs-receipt-handle-error";

const DIFFERENCES: readonly Difference[] = [
  {
    what: "fauxqs deletes by a handle that it never gave, and says yes",
    source: `${HANDLES}: an incorrect handle`,
    kind: "standard",
    play: async ({ main }) => main.delete(["unknown"]),
    model: [{ index: 0, code: "ReceiptHandleIsInvalid", senderFault: true }],
    fauxqs: [],
  },
  {
    what: "fauxqs says yes to deleting a FIFO queue's message by an old handle",
    source: `${HANDLES}: an expired handle of a FIFO queue`,
    kind: "fifo",
    play: async (side) => {
      await side.send("released", "g");
      const [old] = await side.receive("main");
      await side.main.changeVisibility([handleOf(old)], 0);
      await side.receive("main");
      return side.main.delete([handleOf(old)]);
    },
    model: [{ index: 0, code: "InvalidParameterValue", senderFault: true }],
    fauxqs: [],
  },
  {
    what: "fauxqs forgets the newest handle of a message that was made visible, and keeps the message",
    source: `https://docs.aws.amazon.com/goto/WebAPI/sqs/DeleteMessage: the newest handle deletes; only those of FIFO queues expire: ${HANDLES}`,
    kind: "standard",
    play: async (side) => {
      await side.send("a");
      const [only] = await side.receive("main");
      await side.main.changeVisibility([handleOf(only)], 0);
      const failed = await side.main.delete([handleOf(only)]);
      return { failed, left: (await side.receive("main")).length };
    },
    model: { failed: [], left: 0 },
    fauxqs: { failed: [], left: 1 },
  },
  {
    what: "fauxqs counts a message whose visibility timeout has ended as in flight until the next receive",
    source: `${GUIDE}/sqs-resources-required-process-messages.html: in flight until the end of the visibility window`,
    kind: "standard",
    play: async (side) => {
      await side.send("a");
      await side.receive("main", SHORT);
      await side.pass(PASSING);
      return side.main.depth();
    },
    model: { visible: 1, inFlight: 0, delayed: 0 },
    fauxqs: { visible: 0, inFlight: 1, delayed: 0 },
  },
  {
    what: "fauxqs returns one message of a message group per receive",
    source: `${GUIDE}/FIFO-queues-understanding-logic.html: as many of one message group as possible`,
    kind: "fifo",
    play: async (side) => {
      for (const body of ["first", "second"]) await side.send(body, "g");
      return (await side.main.receive({ max: 10, waitSeconds: 0, visibilityTimeout: SHORT })).map(
        ({ body }) => body,
      );
    },
    model: ["first", "second"],
    fauxqs: ["first"],
  },
  {
    what: "fauxqs keeps the sent time of a message that moves to a FIFO dead-letter queue",
    source:
      "https://docs.amazonaws.cn/en_us/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html: resets",
    kind: "fifo",
    play: async (side) => {
      await side.send("moved", "g");
      const [first] = await side.receive("main");
      const [moved] = await moveOne(side);
      return moved?.messageId === first?.messageId && moved?.sentAt === first?.sentAt;
    },
    model: false,
    fauxqs: true,
  },
  {
    what: "fauxqs counts the receive that moves a message to the dead-letter queue",
    source:
      "https://github.com/aws/aws-sdk-js-v3/blob/main/clients/client-sqs/src/models/models_0.ts, ApproximateReceiveCount",
    kind: "standard",
    play: async (side) => {
      await side.send("a");
      await side.receive("main");
      const [moved] = await moveOne(side);
      return moved?.receiveCount;
    },
    model: MAX_RECEIVES + 1,
    fauxqs: MAX_RECEIVES + 2,
  },
  {
    what: "fauxqs has another code for changing the visibility of a message that is not in flight",
    source: "https://github.com/localstack/localstack/pull/6103: the code of a handle that AWS gave before",
    kind: "standard",
    play: async (side) => {
      await side.send("a");
      const [only] = await side.receive("main");
      await side.main.changeVisibility([handleOf(only)], 0);
      return side.main.changeVisibility([handleOf(only)], SHORT);
    },
    model: [{ index: 0, code: "InvalidParameterValue", senderFault: true }],
    fauxqs: [{ index: 0, code: "ReceiptHandleIsInvalid", senderFault: true }],
  },
];

/** Releases and receives the first message until it moves. */
async function moveOne(side: Side): Promise<readonly ReceivedMessage[]> {
  await side.pass(LONG * 2);
  for (let time = 0; time < MAX_RECEIVES; time += 1) {
    const [message] = await side.receive("main");
    if (message !== undefined) await side.main.changeVisibility([message.receiptHandle], 0);
  }
  return side.receive("dead");
}

describe("fauxqs differs from the simulated queue:", () => {
  it.each(DIFFERENCES)("$what", async ({ kind, play, model, fauxqs }) => {
    const sides = new Sides(0, kind);
    expect(await play(sides.model)).toEqual(model);
    expect(await play(sides.fauxqs)).toEqual(fauxqs);
  });
});

describe("the simulated queue", () => {
  it.each(KINDS)(`answers as fauxqs does otherwise (%s, CHAOS_SEED=${SEED})`, async (kind) => {
    for (let index = 0; index < SEQUENCES; index += 1) {
      server.reset();
      await new Sequence(SEED + index, kind).play();
    }
  });
});

/** One of the two servers. */
interface Side {
  readonly main: Queue;
  readonly dead: Queue;
  /** To the main queue. */
  send(body: string, group?: string): Promise<void>;
  /** What can be received now; of a FIFO queue, the first message of each group. */
  receive(role: Role, seconds?: number): Promise<readonly ReceivedMessage[]>;
  /** A long poll of 20 s, of which 15 s pass while it waits. */
  poll(role: Role): Promise<readonly ReceivedMessage[]>;
  purge(role: Role): Promise<void>;
  pass(seconds: number): Promise<void>;
}

/** Both servers, with the same messages at the same times. */
class Sides {
  readonly world: QuietWorld;
  readonly model: Side;
  readonly fauxqs: Side;
  readonly #kind: Kind;
  /** Ids and sent times by body, as fauxqs gave them. */
  readonly #sent = new Map<string, { readonly id: string; readonly sentAt: number }>();

  constructor(seed: number, kind: Kind) {
    this.#kind = kind;
    this.world = new QuietWorld(seed, Math.ceil(Date.now()));
    this.fauxqs = this.#openFauxqs();
    this.model = this.#openModel();
    this.#setDate();
  }

  /** Both have the time of the model, whose calls take some. */
  #setDate(): void {
    vi.setSystemTime(Math.ceil(this.world.schedule.now));
  }

  #openFauxqs(): Side {
    const [main, dead] = [adapterOf(this.#kind, "main"), adapterOf(this.#kind, "dead")];
    const receive: Side["receive"] = (role, seconds = LONG) =>
      (role === "main" ? main : dead).receive({ max: MOST, waitSeconds: 0, visibilityTimeout: seconds });
    return {
      main,
      dead,
      receive,
      send: async (body, group) => {
        const QueueUrl = urls.get(nameOf(this.#kind, "main"));
        const sentAt = Date.now();
        const to = { QueueUrl, MessageBody: body, ...(group === undefined ? {} : { MessageGroupId: group }) };
        const { MessageId: id } = await call<{ MessageId: string }>("SendMessage", to);
        this.#sent.set(body, { id, sentAt });
      },
      poll: async (role) => {
        const queue = role === "main" ? main : dead;
        const polled = queue.receive({ max: MOST, waitSeconds: 20, visibilityTimeout: LONG });
        vi.setSystemTime(Date.now() + 15_000);
        return polled;
      },
      purge: async (role) => {
        await call("PurgeQueue", { QueueUrl: urls.get(nameOf(this.#kind, role)) });
      },
      pass: (seconds) => {
        vi.setSystemTime(Date.now() + seconds * 1000);
        return Promise.resolve();
      },
    };
  }

  #openModel(): Side {
    const { world } = this;
    const common = { isFifo: this.#kind === "fifo", visibilityTimeout: LONG };
    const deadLetters = new SimulatedQueue(world, { name: "dead", ...common });
    const policy = { maxReceiveCount: MAX_RECEIVES, deadLetters };
    const servers = {
      main: new SimulatedQueue(world, { name: "main", ...common, ...policy }),
      dead: deadLetters,
    };
    // Whoever has a handle may use it, at any time: only the process that received it has promised more.
    const [receiver, other] = [new Life("receiver", world.schedule), new Life("other", world.schedule)];
    const driven = async <T>(work: Promise<T>): Promise<T> => {
      const result = await world.finish(work);
      this.#setDate();
      return result;
    };
    const port = (role: Role): Queue => {
      const by = (life: Life): Queue =>
        connect(world, servers[role], life, { isKept: false, retryForSeconds: 30 }).queue;
      const [queue, others] = [by(receiver), by(other)];
      return {
        ...queue,
        receive: (request) => driven(queue.receive(request)),
        delete: (handles) => driven(others.delete(handles)),
        changeVisibility: (handles, seconds) => driven(others.changeVisibility(handles, seconds)),
        depth: () => driven(queue.depth()),
      };
    };
    const [main, dead] = [port("main"), port("dead")];
    let count = 0;
    return {
      main,
      dead,
      send: (body, group = "") => {
        const { id, sentAt } = this.#sent.get(body) ?? { id: `m${(count += 1)}`, sentAt: world.schedule.now };
        servers.main.send({
          ...{ id, sentAt, body, attributes: {}, group, sequence: 0, records: [], whole: undefined },
          ...{ identity: "", isDeleted: false, excused: undefined },
        });
        return Promise.resolve();
      },
      receive: async (role, seconds = LONG) => {
        const queue = role === "main" ? main : dead;
        const receive = (max: number): Promise<readonly ReceivedMessage[]> =>
          queue.receive({ max, waitSeconds: 0, visibilityTimeout: seconds });
        if (!common.isFifo) return receive(MOST);
        const all: ReceivedMessage[] = [];
        for (;;) {
          const some = await receive(1);
          if (some.length === 0) return all;
          all.push(...some);
        }
      },
      poll: (role) =>
        (role === "main" ? main : dead).receive({ max: MOST, waitSeconds: 20, visibilityTimeout: LONG }),
      purge: (role) => {
        servers[role].purge();
        return Promise.resolve();
      },
      pass: (seconds) => driven(world.schedule.sleep(seconds * 1000)),
    };
  }
}

/** A delivery, by the handles of both servers. */
interface Handles {
  readonly messageId: string;
  readonly receives: number;
  readonly model: string;
  readonly fauxqs: string;
}

/** Random calls on both servers. */
class Sequence {
  readonly #random: Random;
  readonly #sides: Sides;
  readonly #kind: Kind;
  readonly #seed: number;
  readonly #history: string[] = [];
  /** The newest delivery of each message in flight, by queue. */
  readonly #inFlight: Readonly<Record<Role, Map<string, Handles>>> = { main: new Map(), dead: new Map() };
  /** That of each message that was made visible: until the next one, fauxqs does not know it. */
  readonly #visible: Readonly<Record<Role, Map<string, Handles>>> = { main: new Map(), dead: new Map() };
  /** Deliveries that were followed by another, and those of deleted messages. */
  readonly #old: Readonly<Record<Role, Handles[]>> = { main: [], dead: [] };
  #sends = 0;

  constructor(seed: number, kind: Kind) {
    this.#seed = seed;
    this.#kind = kind;
    this.#random = new Random(seed);
    this.#sides = new Sides(seed, kind);
  }

  async play(): Promise<void> {
    const random = this.#random;
    const steps = random.integer(10, 25);
    for (let step = 0; step < steps; step += 1) {
      const kind = random.next();
      const role = random.pick<Role>(["main", "main", "main", "dead"]);
      if (kind < 0.25) await this.#send();
      else if (kind < 0.5) await this.#receive(role);
      else if (kind < 0.65) await this.#delete(role);
      else if (kind < 0.85) await this.#changeVisibility(role);
      else if (kind < 0.92) await this.#pass();
      else if (kind < 0.97) await this.#poll(role);
      else await this.#purge(role);
      if (random.chance(0.4)) await this.#compareDepths();
    }
    await this.#compareDepths();
    expect(this.#sides.world.broken?.message, this.#context()).toBeUndefined();
  }

  async #send(): Promise<void> {
    const count = this.#random.integer(1, 3);
    for (let sent = 0; sent < count && this.#sends < MOST; sent += 1) {
      const body = `body ${this.#seed} ${(this.#sends += 1)}`;
      const group = this.#kind === "fifo" ? `g${this.#random.integer(1, 3)}` : undefined;
      this.#history.push(`send ${body} ${group ?? ""}`);
      await this.#sides.fauxqs.send(body, group);
      await this.#sides.model.send(body, group);
    }
  }

  async #receive(role: Role): Promise<void> {
    const seconds = this.#random.pick([SHORT, LONG]);
    this.#history.push(`receive from ${role}, ${seconds} s`);
    const model = await this.#sides.model.receive(role, seconds);
    this.#compareMessages(role, model, await this.#sides.fauxqs.receive(role, seconds));
  }

  /** In a standard queue, the order is open; in a FIFO queue, that of the groups. */
  #compareMessages(role: Role, model: readonly ReceivedMessage[], fauxqs: readonly ReceivedMessage[]): void {
    const isDead = role === "dead";
    const hasNewTime = isDead && this.#kind === "fifo";
    const shown = (message: ReceivedMessage, countedMoves: number): object => {
      const { messageId, body, sentAt, receiveCount = 0 } = message;
      return {
        messageId,
        body,
        receiveCount: receiveCount - countedMoves,
        ...(hasNewTime ? {} : { sentAt }),
      };
    };
    expect(fauxqs.map((message) => shown(message, isDead ? 1 : 0)).sort(byText), this.#context()).toEqual(
      model.map((message) => shown(message, 0)).sort(byText),
    );
    for (const { messageId, receiptHandle, receiveCount: receives = 0 } of model) {
      const other = fauxqs.find((message) => message.messageId === messageId);
      const before = this.#inFlight[role].get(messageId) ?? this.#visible[role].get(messageId);
      if (before !== undefined) this.#old[role].push(before);
      this.#visible[role].delete(messageId);
      this.#inFlight[role].set(messageId, {
        messageId,
        receives,
        model: receiptHandle,
        fauxqs: handleOf(other),
      });
    }
  }

  /** Handles of messages in flight, and others where the two agree on what becomes of them. */
  #pickHandles(role: Role, withOld: boolean): Handles[] {
    const random = this.#random;
    const inFlight = this.#inFlight[role];
    const handles = random.some([...inFlight.values()], random.integer(withOld ? 0 : 1, 4));
    if (!withOld) return handles;
    const stale = this.#old[role].filter(({ messageId }) => inFlight.has(messageId));
    const old = random.chance(0.5) ? stale : [...this.#old[role]];
    return [...handles, ...random.some(old, random.integer(0, 2))];
  }

  async #delete(role: Role): Promise<void> {
    const handles = this.#pickHandles(role, this.#kind === "standard");
    if (handles.length === 0) return;
    await this.#compareFailures("delete", role, handles, (queue, own) => queue.delete(own));
    for (const each of handles) {
      if (this.#inFlight[role].get(each.messageId) !== each) continue;
      this.#inFlight[role].delete(each.messageId);
      this.#old[role].push(each);
    }
  }

  async #changeVisibility(role: Role): Promise<void> {
    const seconds = this.#random.pick([0, 0, SHORT, LONG]);
    const handles = this.#pickHandles(role, true);
    if (handles.length === 0) return;
    const name = `change the visibility to ${seconds} s`;
    await this.#compareFailures(name, role, handles, (queue, own) => queue.changeVisibility(own, seconds));
    if (seconds > 0) return;
    for (const each of handles) {
      if (this.#inFlight[role].get(each.messageId) !== each) continue;
      this.#inFlight[role].delete(each.messageId);
      this.#visible[role].set(each.messageId, each);
    }
  }

  async #compareFailures(
    name: string,
    role: Role,
    handles: readonly Handles[],
    change: (queue: Queue, handles: readonly string[]) => Promise<FailedEntry[]>,
  ): Promise<FailedEntry[]> {
    this.#history.push(`${name} in ${role}: ${handles.map(({ model }) => model).join(" ")}`);
    const { model, fauxqs } = this.#sides;
    const expected = await change(
      model[role],
      handles.map((each) => each.model),
    );
    const failed = await change(
      fauxqs[role],
      handles.map((each) => each.fauxqs),
    );
    expect(failed.map(withoutCode), this.#context()).toEqual(expected.map(withoutCode));
    return failed;
  }

  /** Time passes, and all that is visible then is received: until then, fauxqs takes it for hidden. */
  async #pass(): Promise<void> {
    this.#history.push(`${PASSING} s pass`);
    // It moves both clocks.
    await this.#sides.model.pass(PASSING);
    for (const role of ROLES) await this.#receive(role);
  }

  async #poll(role: Role): Promise<void> {
    const { visible } = await this.#sides.model[role].depth();
    // One that would move to the dead-letter queue ends no poll.
    const staying = [...this.#inFlight[role].values()].filter(
      ({ receives }) => role === "dead" || receives < MAX_RECEIVES,
    );
    const [held] = this.#random.some(staying, 1);
    if (visible > 0 || held === undefined) return;
    const hide = (queue: Queue, own: readonly string[]): Promise<FailedEntry[]> =>
      queue.changeVisibility(own, 10);
    const failed = await this.#compareFailures("change the visibility to 10 s", role, [held], hide);
    if (failed.length > 0) return;
    this.#history.push(`poll ${role}`);
    const model = await this.#sides.model.poll(role);
    this.#compareMessages(role, model, await this.#sides.fauxqs.poll(role));
  }

  async #purge(role: Role): Promise<void> {
    this.#history.push(`purge ${role}`);
    await this.#sides.model.purge(role);
    await this.#sides.fauxqs.purge(role);
    this.#old[role].push(...this.#inFlight[role].values());
    this.#inFlight[role].clear();
  }

  async #compareDepths(): Promise<void> {
    for (const role of ROLES)
      expect(await this.#sides.fauxqs[role].depth(), this.#context()).toEqual(
        await this.#sides.model[role].depth(),
      );
  }

  #context(): string {
    return [`CHAOS_SEED=${this.#seed}, after:`, ...this.#history].join("\n");
  }
}

function withoutCode({ index, senderFault }: FailedEntry): object {
  return { index, senderFault };
}

function byText(one: object, other: object): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
}

function handleOf(message: ReceivedMessage | undefined): string {
  return message?.receiptHandle ?? "";
}

function nameOf(kind: Kind, role: Role): string {
  return `${kind}-${role}${kind === "fifo" ? ".fifo" : ""}`;
}

function adapterOf(kind: Kind, role: Role): Queue {
  const adapter = adapters.get(nameOf(kind, role));
  if (adapter === undefined) throw new Error("no such queue");
  return adapter;
}

async function call<T>(action: string, request: object): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${server.port}`, {
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
    body: JSON.stringify(request),
  });
  expect(answer.status, action).toBe(200);
  return (await answer.json()) as T;
}
