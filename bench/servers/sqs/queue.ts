// One standard SQS queue in memory, made to be cheap: the benchmark measures its clients, not the server. Messages are made into JSON
// when they are sent, and an index finds a message from its receipt handle.
import { createHash, randomUUID } from "node:crypto";

/** As in SQS's own responses; a shorter one would make the clients look faster. */
const HANDLE_LENGTH = 176;

const SYSTEM_ATTRIBUTES = ["SentTimestamp", "ApproximateReceiveCount"] as const;
type SystemAttribute = (typeof SYSTEM_ATTRIBUTES)[number];

interface Message {
  readonly index: number;
  /** The JSON members that never change. */
  readonly members: string;
  /** Epoch milliseconds. */
  readonly sentAt: number;
  receiveCount: number;
  /** When it becomes visible again, while it is in flight: epoch milliseconds. */
  visibleAt: number;
}

export interface ReceiveOptions {
  readonly most: number;
  readonly waitMs: number;
  readonly visibilityMs: number;
  readonly attributes: readonly string[];
}

interface Waiting {
  readonly options: ReceiveOptions;
  readonly timer: NodeJS.Timeout;
  readonly answer: (messages: string) => void;
}

/** How many messages are visible, and how many are in flight. */
export interface Depth {
  readonly visible: number;
  readonly inFlight: number;
}

export class Queue {
  readonly visibilityMs: number;
  readonly #clock: () => number;
  readonly #messages: Message[] = [];
  /** Visible messages, in their order; those before `#next` are taken. */
  #visible: Message[] = [];
  #next = 0;
  readonly #inFlight = new Map<number, Message>();
  readonly #waiting = new Set<Waiting>();

  /** @param clock epoch milliseconds */
  constructor(visibilityMs: number, clock: () => number = Date.now) {
    this.visibilityMs = visibilityMs;
    this.#clock = clock;
  }

  send(bodies: readonly string[]): void {
    const sentAt = this.#clock();
    for (const body of bodies) {
      const md5 = createHash("md5").update(body).digest("hex");
      const members = `"MessageId":"${randomUUID()}","MD5OfBody":"${md5}","Body":${JSON.stringify(body)}`;
      const message = { index: this.#messages.length, members, sentAt, receiveCount: 0, visibleAt: 0 };
      this.#messages.push(message);
      this.#visible.push(message);
    }
    this.#serve();
  }

  /**
   * Resolves to a JSON list. It is empty if no message becomes visible in time, or if the client goes.
   *
   * @param onGone takes what to call when the client has closed its connection
   */
  receive(options: ReceiveOptions, onGone: (then: () => void) => void): string | Promise<string> {
    if (this.depth().visible > 0) return this.#take(options);
    if (options.waitMs === 0) return "[]";
    return new Promise((resolve) => {
      const answer = (messages: string): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        resolve(messages);
      };
      const timer = setTimeout(answer, options.waitMs, "[]");
      const waiting = { options, timer, answer };
      this.#waiting.add(waiting);
      onGone(() => {
        answer("[]");
      });
    });
  }

  /** True also for an earlier handle of the message, or for a message that is deleted; false if the handle is none. */
  delete(handle: string): boolean {
    const found = this.#find(handle);
    if (found?.current === true) this.#inFlight.delete(found.message.index);
    return found !== undefined;
  }

  /** Undefined if the handle is none. False if the message is not in flight, or has a newer handle. */
  changeVisibility(handle: string, ms: number): boolean | undefined {
    const found = this.#find(handle);
    if (found?.current !== true) return found && false;
    found.message.visibleAt = this.#clock() + ms;
    if (ms === 0) this.expire();
    return true;
  }

  /** Makes the messages visible whose visibility timeout has passed; with `all`, every message in flight. */
  expire(all = false): void {
    const now = this.#clock();
    for (const message of this.#inFlight.values()) {
      if (!all && message.visibleAt > now) continue;
      this.#inFlight.delete(message.index);
      this.#visible.push(message);
    }
    this.#serve();
  }

  /** The number of receives that wait for a message. */
  get waiting(): number {
    return this.#waiting.size;
  }

  depth(): Depth {
    return { visible: this.#visible.length - this.#next, inFlight: this.#inFlight.size };
  }

  #serve(): void {
    for (const { options, answer } of this.#waiting) {
      if (this.depth().visible === 0) return;
      answer(this.#take(options));
    }
  }

  #take({ most, visibilityMs, attributes }: ReceiveOptions): string {
    const taken = this.#visible.slice(this.#next, this.#next + most);
    this.#next += taken.length;
    if (this.#next > 10_000) {
      this.#visible = this.#visible.slice(this.#next);
      this.#next = 0;
    }
    const visibleAt = this.#clock() + visibilityMs;
    const wanted = SYSTEM_ATTRIBUTES.filter(
      (name) => attributes.includes(name) || attributes.includes("All"),
    );
    return `[${taken
      .map((message) => {
        message.receiveCount += 1;
        message.visibleAt = visibleAt;
        this.#inFlight.set(message.index, message);
        return `{${message.members},"ReceiptHandle":"${handleOf(message)}"${attributesOf(message, wanted)}}`;
      })
      .join(",")}]`;
  }

  #find(handle: string): { message: Message; current: boolean } | undefined {
    const message = this.#messages[Number.parseInt(handle, 36)];
    if (message === undefined || handle.length !== HANDLE_LENGTH) return undefined;
    return { message, current: this.#inFlight.has(message.index) && handle === handleOf(message) };
  }
}

/** Padded with characters of base64 that end a number in base 36. */
function handleOf({ index, receiveCount }: Message): string {
  return `${index.toString(36)}/${receiveCount}+`.padEnd(HANDLE_LENGTH, "AbCdEfGhIjKlMnOp0123456789");
}

function attributesOf(message: Message, wanted: readonly SystemAttribute[]): string {
  if (wanted.length === 0) return "";
  const value = { SentTimestamp: message.sentAt, ApproximateReceiveCount: message.receiveCount };
  return `,"Attributes":{${wanted.map((name) => `"${name}":"${value[name]}"`).join(",")}}`;
}
