// A queue in memory.
import type { Clock } from "../../src/drain/clock.ts";
import type { FailedEntry, Queue, QueueDepth, ReceivedMessage } from "../../src/drain/ports.ts";

export interface Call {
  readonly action: "receive" | "delete" | "changeVisibility" | "depth";
  /** Clock time. */
  readonly at: number;
  /** Of a receive what it asked for, of a change of visibility the seconds. */
  readonly amount: number;
  readonly handles: readonly string[];
}

interface Stored {
  readonly messageId: string;
  readonly body: string;
  readonly sentAt: number;
  readonly group: string | undefined;
  visibleAt: number;
  receiveCount: number;
}

const LOOK_AGAIN_MS = 50;

/**
 * Messages are handed out in the order in which they were sent. A delivery's handle is `<message id>#<receive count>`; an older
 * one than the newest deletes nothing, and says that it did.
 */
export class MemoryQueue implements Queue {
  readonly name = "logins";
  readonly id = "arn:aws:sqs:us-east-1:000000000000:logins";
  readonly visibilityTimeout: number;
  readonly maxReceiveCount: number | undefined;
  readonly isFifo: boolean;
  readonly requests = { receive: 0, delete: 0, other: 0 };
  visibleAtOpen: number | undefined;
  /** Every call, when it was made. */
  readonly calls: Call[] = [];
  /** So many receives to come find nothing, whatever there is. */
  falseEmpties = 0;
  /** Whatever was asked for, a receive returns up to so many. */
  perReceive: number | undefined;
  /** How often one receive hands out each message. */
  deliveries = 1;
  /** The ids of what the redrive policy has moved away, which happens when a message would be received once too often. */
  readonly deadLetters: string[] = [];
  /** What the next entries of delete calls fail for, one after the other. */
  readonly deleteFailures: Omit<FailedEntry, "index">[] = [];
  /** Awaited before a call is carried out: may take time, throw, or change something. */
  before: (call: Call) => Promise<void> | void = () => undefined;
  readonly #clock: Clock;
  readonly #stored = new Map<string, Stored>();

  constructor(
    clock: Clock,
    options: { visibilityTimeout?: number; maxReceiveCount?: number; isFifo?: boolean } = {},
  ) {
    this.#clock = clock;
    this.visibilityTimeout = options.visibilityTimeout ?? 30;
    this.maxReceiveCount = options.maxReceiveCount;
    this.isFifo = options.isFifo ?? false;
  }

  /** @param group of a FIFO queue: while one of it is in flight, no other of it is handed out; one receive may bring several */
  send(messageId: string, body: string, sentAt = 0, group?: string): void {
    this.#stored.set(messageId, { messageId, body, sentAt, group, visibleAt: 0, receiveCount: 0 });
  }

  /** Delivers a message once more, as SQS may, although somebody holds it. */
  deliverAgain(messageId: string): void {
    const message = this.#stored.get(messageId);
    if (message !== undefined) message.visibleAt = 0;
  }

  /** The ids of what was not deleted, and of these the ones that others can see. */
  get left(): string[] {
    return [...this.#stored.keys()];
  }

  get visible(): string[] {
    return [...this.#stored.values()].filter((message) => this.#isVisible(message)).map((m) => m.messageId);
  }

  callsOf(action: Call["action"]): Call[] {
    return this.calls.filter((call) => call.action === action);
  }

  async receive(request: {
    max: number;
    waitSeconds: number;
    visibilityTimeout: number;
    admit?: (bytes: number) => Promise<void>;
  }): Promise<ReceivedMessage[]> {
    this.requests.receive += 1;
    await this.#begin("receive", request.max, []);
    const until = this.#clock.now() + request.waitSeconds * 1000;
    const hidden = this.falseEmpties > 0;
    if (hidden) this.falseEmpties -= 1;
    for (;;) {
      const found = hidden ? [] : this.#take(this.perReceive ?? request.max, request.visibilityTimeout);
      if (found.length > 0 || this.#clock.now() >= until) {
        await request.admit?.(found.reduce((bytes, { body }) => bytes + body.length, 0));
        return found;
      }
      await this.#clock.wait(Math.min(LOOK_AGAIN_MS, until - this.#clock.now()));
    }
  }

  async delete(handles: readonly string[]): Promise<FailedEntry[]> {
    this.requests.delete += 1;
    await this.#begin("delete", handles.length, handles);
    return handles.flatMap((handle, index) => {
      const failure = this.deleteFailures.shift();
      if (failure !== undefined) return [{ ...failure, index }];
      const message = this.#byHandle(handle);
      if (message !== undefined) this.#stored.delete(message.messageId);
      return [];
    });
  }

  async changeVisibility(handles: readonly string[], seconds: number): Promise<FailedEntry[]> {
    this.requests.other += 1;
    await this.#begin("changeVisibility", seconds, handles);
    return handles.flatMap((handle, index) => {
      const message = this.#byHandle(handle);
      if (message === undefined || this.#isVisible(message)) {
        return [{ index, code: "InvalidParameterValue", senderFault: true }];
      }
      message.visibleAt = this.#clock.now() + seconds * 1000;
      return [];
    });
  }

  async depth(): Promise<QueueDepth> {
    this.requests.other += 1;
    await this.#begin("depth", 0, []);
    const visible = this.visible.length;
    return { visible, inFlight: this.#stored.size - visible, delayed: 0 };
  }

  close(): void {
    this.#stored.clear();
  }

  async #begin(action: Call["action"], amount: number, handles: readonly string[]): Promise<void> {
    const call = { action, at: this.#clock.now(), amount, handles };
    this.calls.push(call);
    await this.before(call);
  }

  #take(most: number, seconds: number): ReceivedMessage[] {
    for (const message of this.#takeable()) {
      if (message.receiveCount < (this.maxReceiveCount ?? Infinity)) continue;
      this.#stored.delete(message.messageId);
      this.deadLetters.push(message.messageId);
    }
    const taken = this.#takeable().slice(0, most);
    return Array.from({ length: this.deliveries }, () => taken)
      .flat()
      .map((message) => {
        message.visibleAt = this.#clock.now() + seconds * 1000;
        message.receiveCount += 1;
        const { messageId, body, sentAt, receiveCount } = message;
        return { messageId, body, sentAt, receiveCount, receiptHandle: `${messageId}#${receiveCount}` };
      });
  }

  #takeable(): Stored[] {
    const all = [...this.#stored.values()];
    const locked = new Set(all.filter((each) => !this.#isVisible(each)).map(({ group }) => group));
    return all.filter(
      (each) => this.#isVisible(each) && (each.group === undefined || !locked.has(each.group)),
    );
  }

  #isVisible({ visibleAt }: Stored): boolean {
    return visibleAt <= this.#clock.now();
  }

  #byHandle(handle: string): Stored | undefined {
    const [messageId = "", receiveCount] = handle.split("#");
    const message = this.#stored.get(messageId);
    return message !== undefined && String(message.receiveCount) === receiveCount ? message : undefined;
  }
}
