// SQS as it is documented, at its worst.
import { Failure } from "../../src/failure.ts";
import {
  Throttled,
  type FailedEntry,
  type QueueDepth,
  type ReceivedMessage,
  type ReceiveRequest,
} from "../../src/drain/ports.ts";
import type { Life } from "./schedule.ts";
import type { Sent } from "./sent.ts";
import { identityOf, type World } from "./world.ts";

const AWAY = new Failure("unavailable", "SQS is away.");
/** The longest latency of a request, milliseconds. */
const SLOWEST_MS = 400;
/** How long a client waits for an answer. */
const CLIENT_TIMEOUT_MS = 60_000;

/** A message in the queue. */
interface Stored {
  readonly sent: Sent;
  visibleAt: number;
  receives: number;
  /** The newest receipt handle. */
  handle: string;
  lease: Lease | undefined;
}

/** Who holds a message by its newest handle. */
export interface Lease {
  readonly life: Life;
  /** Until when it believes that the message is hidden, by its own clock; undefined before the answer has arrived. */
  until: number | undefined;
  /** Whether a delete is under way, its answer was lost, or it failed for so long that the process may have given it up. */
  isDeleting: boolean;
  /** Whether the process believes in an older handle. */
  isOvertaken: boolean;
  /** Whether the message becomes visible earlier than the process believes. */
  isDisturbed: boolean;
  /** Whether the process has asked to make it visible. */
  isReleased: boolean;
  /** When an extension failed, unless a later one succeeded; Infinity while one is under way. */
  failedAt: number;
  /** Whether the process keeps hidden what it has not finished. */
  readonly isKept: boolean;
}

export interface QueueOptions {
  readonly name: string;
  readonly isFifo: boolean;
  /** Seconds. */
  readonly visibilityTimeout: number;
  readonly maxReceiveCount?: number;
  readonly deadLetters?: SimulatedQueue;
}

export class SimulatedQueue {
  readonly name: string;
  readonly id: string;
  readonly options: QueueOptions;
  readonly #world: World;
  /** By the newest handle of each delivery; deleted messages stay. */
  readonly #byHandle = new Map<string, Stored>();
  readonly #stored = new Set<Stored>();
  /** Long polls that wait for a message. */
  readonly #waiting = new Set<() => void>();
  /** Whether it is a server that returns more messages than it was asked for. */
  readonly #sendsMore: boolean;
  /** Until when it refuses every request. */
  #awayUntil = 0;
  #handles = 0;
  #sends = 0;

  constructor(world: World, options: QueueOptions) {
    this.#world = world;
    this.options = options;
    this.#sendsMore = world.faults.play("more than asked");
    this.name = options.name;
    this.id = `arn:aws:sqs:eu-west-1:000000000000:${options.name}`;
  }

  get size(): number {
    return this.#stored.size;
  }

  /** When the last hidden message becomes visible. */
  get quietAt(): number {
    return [...this.#stored].reduce((latest, { visibleAt }) => Math.max(latest, visibleAt), 0);
  }

  /** The ids of the messages that the process holds, by what it knows, and does not try to delete. */
  heldBy(life: Life): string[] {
    const { now } = this.#world.schedule;
    return [...this.#stored].flatMap(({ lease, visibleAt, sent }) =>
      lease?.life === life &&
      visibleAt > now &&
      lease.until !== undefined &&
      lease.until > life.now() &&
      !lease.isDeleting &&
      !lease.isOvertaken &&
      // An extension that arrives after its end, of a message that the process has let go, hides it again.
      !lease.isDisturbed
        ? [sent.id]
        : [],
    );
  }

  /** @param receives how often another queue delivered it, before it moved here: `ApproximateReceiveCount` counts these too */
  send(sent: Sent, receives = 0): void {
    // The place in a FIFO queue.
    sent.sequence = this.#sends += 1;
    sent.identity = identityOf(this.id, { messageId: sent.id, sentAt: sent.sentAt });
    this.#world.sent.set(sent.identity, sent);
    this.#stored.add({ sent, visibleAt: this.#world.schedule.now, receives, handle: "", lease: undefined });
    this.#wake();
  }

  /** Refuses every request for `ms` milliseconds. */
  goAway(ms: number): void {
    this.#world.note(this.name, () => `is away for ${Math.round(ms)} ms`);
    this.#awayUntil = Math.max(this.#awayUntil, this.#world.schedule.now + ms);
  }

  /** PurgeQueue. */
  purge(): void {
    this.#world.note(this.name, () => `is purged of ${this.size} messages`);
    for (const { sent } of this.#stored) sent.excused ??= "purged";
    this.#stored.clear();
  }

  /** StartMessageMoveTask: the messages are new ones of the other queue. */
  moveTo(other: SimulatedQueue, sentAt: number | undefined): void {
    const moved = [...this.#stored].filter((stored) => this.#isVisible(stored));
    this.#world.note(this.name, () => `moves ${moved.length} messages to ${other.name}, with new ids`);
    for (const stored of moved) {
      this.#stored.delete(stored);
      const { sent } = stored;
      sent.excused ??= "moved";
      other.send({ ...sent, id: `${sent.id}'`, sentAt, isDeleted: false, excused: undefined });
    }
  }

  /** One request, which may fail before it takes effect or after. */
  request<T>(life: Life, carryOut: (done: (answer: T) => void) => void): Promise<T> {
    const { schedule, faults, random } = this.#world;
    return new Promise((resolve, reject) => {
      const fail = (error: Error, ms: number): void => {
        life.after(ms, () => {
          this.#world.note(
            life.name,
            () => `was told by ${this.name}: ${error.name === "Throttled" ? "throttled" : error.message}`,
          );
          reject(error);
        });
      };
      schedule.in(this.#world.latency(), () => {
        if (schedule.now < this.#awayUntil) fail(AWAY, this.#world.latency());
        else if (faults.play("sqs unavailable")) fail(AWAY, random.between(1, 3000));
        else if (faults.play("sqs throttles")) fail(new Throttled("throttled"), random.between(1, 3000));
        else {
          const isSilent = faults.play("sqs silent");
          if (isSilent && random.chance(0.5)) fail(AWAY, CLIENT_TIMEOUT_MS);
          else {
            carryOut((answer) => {
              if (isSilent) fail(AWAY, CLIENT_TIMEOUT_MS);
              else if (faults.play("sqs answer lost")) fail(AWAY, random.between(1, 3000));
              else {
                life.after(this.#world.latency(), () => {
                  resolve(answer);
                });
              }
            });
          }
        }
      });
    });
  }

  /** ReceiveMessage. */
  receive(
    life: Life,
    request: ReceiveRequest,
    isKept: boolean,
    done: (deliveries: readonly Delivery[]) => void,
  ): void {
    const { schedule, faults } = this.#world;
    const deadline = schedule.now + request.waitSeconds * 1000;
    if (faults.play("empty receive")) {
      schedule.at(deadline, () => {
        done([]);
      });
      return;
    }
    const most = request.max + (this.#sendsMore ? this.#world.random.integer(0, 15) : 0);
    const attempt = (): void => {
      cancel();
      this.#waiting.delete(attempt);
      const deliveries = this.#take(life, most, request.visibilityTimeout, isKept);
      if (deliveries.length > 0 || schedule.now >= deadline) {
        done(deliveries);
        return;
      }
      let next = deadline;
      for (const { visibleAt } of this.#stored)
        if (visibleAt > schedule.now && visibleAt < next) next = visibleAt;
      cancel = schedule.at(next, attempt);
      this.#waiting.add(attempt);
    };
    let cancel = (): void => undefined;
    attempt();
  }

  #wake(): void {
    for (const attempt of [...this.#waiting]) {
      this.#waiting.delete(attempt);
      this.#world.schedule.in(0, attempt);
    }
  }

  #take(life: Life, most: number, seconds: number, isKept: boolean): Delivery[] {
    const { faults, random } = this.#world;
    const { isFifo, maxReceiveCount } = this.options;
    let visible: Stored[] = [];
    const hidden: Stored[] = [];
    for (const stored of this.#stored) (this.#isVisible(stored) ? visible : hidden).push(stored);
    if (isFifo) {
      const locked = new Set(hidden.map(({ sent }) => sent.group));
      visible = visible.filter(({ sent }) => !locked.has(sent.group));
      visible.sort((one, other) => one.sent.sequence - other.sent.sequence);
    }
    const ordered = isFifo ? visible : random.some(visible, most + 5);
    if (!isFifo && hidden.length > 0 && faults.play("delivered while hidden"))
      ordered.unshift(...random.some(hidden, 2));
    const deliveries: Delivery[] = [];
    for (const stored of ordered) {
      if (deliveries.length >= most) break;
      if (stored.receives >= (maxReceiveCount ?? Infinity)) this.#redrive(stored);
      else deliveries.push(this.#deliver(stored, life, seconds, isKept));
    }
    return deliveries;
  }

  #deliver(stored: Stored, life: Life, seconds: number, isKept: boolean): Delivery {
    const { sent } = stored;
    this.#requireKept(stored);
    stored.receives += 1;
    stored.handle = `${sent.id}~${(this.#handles += 1)}`;
    this.#hide(stored, seconds);
    const isDisturbed = stored.visibleAt < this.#world.schedule.now + seconds * 1000;
    const lease: Lease = {
      life,
      until: undefined,
      isDeleting: false,
      isOvertaken: false,
      isDisturbed,
      isReleased: false,
      failedAt: 0,
      isKept,
    };
    stored.lease = lease;
    this.#byHandle.set(stored.handle, stored);
    const { id: messageId, sentAt, body, attributes } = sent;
    const message = {
      ...{ messageId, sentAt, body, attributes },
      ...{ receiptHandle: stored.handle, receiveCount: stored.receives },
    };
    return { sent, message, lease };
  }

  /** A process that works does not let a message become visible that it holds: a check of each quarter finds it. */
  #requireKept({ lease, sent, visibleAt }: Stored): void {
    if (lease?.until === undefined || lease.isDeleting || lease.isOvertaken || lease.isDisturbed) return;
    const { isAlive, wasSuspended, isReleasing } = lease.life;
    if (!lease.isKept || !isAlive || wasSuspended || isReleasing) return;
    const toRepeat = (this.options.visibilityTimeout * 1000) / 4 + SLOWEST_MS;
    const end = Math.min(visibleAt, lease.until);
    if (visibleAt > this.#world.schedule.now || lease.failedAt > end - toRepeat) return;
    this.#world.breaks(`${lease.life.name} lets ${sent.id} become visible before it has finished with it`);
  }

  /** Undefined where the handle is not the newest, or the message is deleted. */
  leaseOf(handle: string): Lease | undefined {
    const stored = this.#byHandle.get(handle);
    return stored?.handle === handle ? stored.lease : undefined;
  }

  #hide(stored: Stored, seconds: number): void {
    const { faults, random, schedule } = this.#world;
    let factor = 1;
    if (seconds > 0 && !this.options.isFifo && faults.play("visibility ends early")) factor = random.next();
    else if (seconds > 0 && faults.play("visibility ends late")) factor = random.between(1, 2);
    stored.visibleAt = schedule.now + seconds * 1000 * factor;
    if (seconds === 0) this.#wake();
  }

  /** Moves a message to the dead-letter queue. One of a FIFO queue gets a new sent time. */
  #redrive(stored: Stored): void {
    const { deadLetters, isFifo } = this.options;
    if (deadLetters === undefined) return;
    this.#stored.delete(stored);
    const { sent, receives } = stored;
    this.#world.note(this.name, () => `moves ${sent.id} to ${deadLetters.name}`);
    if (sent.sentAt !== undefined && !isFifo) deadLetters.send(sent, receives);
    else {
      sent.excused ??= "moved";
      const sentAt = sent.sentAt === undefined ? undefined : Math.floor(this.#world.schedule.now) + 1;
      deadLetters.send({ ...sent, sentAt, isDeleted: false, excused: undefined }, receives);
    }
  }

  /** DeleteMessageBatch. */
  delete(handles: readonly string[]): readonly FailedEntry[] {
    return this.#each(handles, (handle) => this.#delete(handle));
  }

  /** ChangeMessageVisibilityBatch. */
  changeVisibility(handles: readonly string[], seconds: number): readonly FailedEntry[] {
    return this.#each(handles, (handle) => this.#changeVisibility(handle, seconds));
  }

  #each(
    handles: readonly string[],
    carryOut: (handle: string) => Omit<FailedEntry, "index"> | undefined,
  ): FailedEntry[] {
    const { faults } = this.#world;
    return handles.flatMap((handle, index) => {
      const broken = { index, code: "InternalError", senderFault: false };
      if (faults.play("entry fails")) return [broken];
      if (faults.play("entry fails for good")) {
        const stored = this.#byHandle.get(handle);
        if (stored?.handle === handle) stored.lease = undefined;
        return [{ index, code: "ReceiptHandleIsInvalid", senderFault: true }];
      }
      const failure = carryOut(handle);
      if (failure !== undefined) return [{ ...failure, index }];
      return faults.play("entry fails after its effect") ? [broken] : [];
    });
  }

  /** An earlier handle than the newest deletes nothing on a standard queue, and succeeds. */
  #delete(handle: string): Omit<FailedEntry, "index"> | undefined {
    const { faults, random, schedule } = this.#world;
    const stored = this.#byHandle.get(handle);
    if (stored === undefined) return { code: "ReceiptHandleIsInvalid", senderFault: true };
    if (!this.#stored.has(stored)) return undefined;
    if (this.options.isFifo && (stored.handle !== handle || this.#isVisible(stored)))
      return { code: "InvalidParameterValue", senderFault: true };
    if (stored.handle !== handle) return undefined;
    this.#requireInOrder(stored);
    this.onDelete(stored.sent);
    stored.sent.isDeleted = true;
    stored.lease = undefined;
    if (!this.options.isFifo && faults.play("delivered after delete"))
      stored.visibleAt = schedule.now + random.between(0, 60_000);
    else this.#stored.delete(stored);
    this.#wake();
    return undefined;
  }

  /** A message that a process leaves in a FIFO queue keeps the later ones of its group from this process. */
  #requireInOrder({ lease, sent }: Stored): void {
    if (!this.options.isFifo || this.#sendsMore || lease?.isKept !== false) return;
    for (const { sent: other } of this.#stored)
      if (other.group === sent.group && other.sequence < sent.sequence)
        this.#world.breaks(`${sent.id} is deleted from ${this.name} before ${other.id} of its group`);
  }

  /** Called with each message that is about to be deleted. */
  onDelete: (sent: Sent) => void = () => undefined;

  #changeVisibility(handle: string, seconds: number): Omit<FailedEntry, "index"> | undefined {
    const stored = this.#byHandle.get(handle);
    const isHeld = stored !== undefined && this.#stored.has(stored) && stored.handle === handle;
    if (!isHeld || this.#isVisible(stored)) return { code: "InvalidParameterValue", senderFault: true };
    this.#hide(stored, seconds);
    return undefined;
  }

  /** GetQueueAttributes. */
  count(): QueueDepth {
    const visible = [...this.#stored].filter((stored) => this.#isVisible(stored)).length;
    const { faults, random } = this.#world;
    if (faults.play("counts lag"))
      return { visible: random.integer(0, this.size + 5), inFlight: 0, delayed: 0 };
    return { visible, inFlight: this.size - visible, delayed: 0 };
  }

  /** The lease of the newest delivery, if that is not the one of this handle. */
  newerLease(handle: string): Lease | undefined {
    const stored = this.#byHandle.get(handle);
    return stored?.handle === handle ? undefined : stored?.lease;
  }

  visibleAt(handle: string): number {
    return this.#byHandle.get(handle)?.visibleAt ?? 0;
  }

  #isVisible({ visibleAt }: Stored): boolean {
    return visibleAt <= this.#world.schedule.now;
  }
}

export interface Delivery {
  readonly sent: Sent;
  readonly message: ReceivedMessage;
  readonly lease: Lease;
}
