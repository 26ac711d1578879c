// The port of a queue, for one process, and what that process was told.
import { Failure } from "../../src/failure.ts";
import type { FailedEntry, Queue, QueueDepth } from "../../src/drain/ports.ts";
import { LEAST_PATIENCE, Outages } from "./outages.ts";
import type { Delivery, SimulatedQueue } from "./queue.ts";
import type { Life } from "./schedule.ts";
import type { Sent } from "./sent.ts";
import type { World } from "./world.ts";

/** What a process was told. */
export interface Told {
  /** Deliveries. */
  received: number;
  /** How often each message was delivered. */
  readonly deliveries: Map<Sent, number>;
  /** How many of the last receives, in a row, returned no message for the first time. */
  nothingNew: number;
  /** Deletes that succeeded, of these the ones where a newer delivery was on its way, and where it had arrived. */
  deleted: number;
  outdated: number;
  overtaken: number;
  released: number;
  /** Messages that could not be released. */
  unreleased: number;
  /** Calls that release messages and have no answer yet. */
  releasing: number;
  /** Answers of receives that wait for memory. */
  waiting: number;
  /** What SQS counted last. */
  depth: QueueDepth | undefined;
  readonly outages: Outages;
}

/**
 * The port of a process.
 *
 * @param options.isKept whether the process keeps messages hidden until they are deleted or released
 */
export function connect(
  world: World,
  server: SimulatedQueue,
  life: Life,
  { isKept, retryForSeconds }: { readonly isKept: boolean; readonly retryForSeconds: number },
): { readonly queue: Queue; readonly told: Told } {
  const { name, id, options } = server;
  const told: Told = {
    ...{
      received: 0,
      nothingNew: 0,
      deleted: 0,
      outdated: 0,
      overtaken: 0,
      released: 0,
      unreleased: 0,
      releasing: 0,
      waiting: 0,
    },
    ...{ depth: undefined, deliveries: new Map(), outages: new Outages(() => world.schedule.now) },
  };
  /** A request of these, each of which is retried by itself. */
  const request = async <T>(
    of: readonly string[],
    carryOut: (done: (answer: T) => void) => void,
    /** What failed of them; resolves when the process has read the answer. */
    failures: (answer: T) => ReadonlySet<number> | Promise<ReadonlySet<number>> = () => new Set(),
  ): Promise<T> => {
    const { outages } = told;
    try {
      const answer = await server.request(life, carryOut);
      const failed = await failures(answer);
      for (const [index, what] of of.entries()) {
        if (failed.has(index)) outages.failed(what);
        else outages.answered(what);
      }
      return answer;
    } catch (error) {
      for (const what of of) outages.failed(what);
      throw error;
    }
  };
  /** It uses no handle of a message that may be visible, by what it knows. */
  const requireHidden = (handle: string, doing: string): void => {
    const lease = server.leaseOf(handle);
    world.require(
      lease?.life !== life || lease.until === undefined || lease.until > life.now(),
      () => `${life.name} ${doing} ${handle}, which may be visible`,
    );
  };
  /** The receipt handle of each message that SQS sent to this process last, also where the answer has not arrived. */
  const newest = new Map<string, string>();
  /** The same, where it has arrived. */
  const arrived = new Map<string, string>();
  const seen = new Set<string>();
  const requests = { receive: 0, delete: 0, other: 0 };
  const queue: Queue = {
    ...{ name, id, requests, isFifo: options.isFifo, visibilityTimeout: options.visibilityTimeout },
    maxReceiveCount: options.maxReceiveCount,
    visibleAtOpen: server.count().visible,
    receive: async (wanted) => {
      requests.receive += 1;
      const asked = life.now();
      told.outages.requireEnd(world, life, "receive", retryForSeconds);
      const deliveries = await request<readonly Delivery[]>(
        ["receive"],
        (done) => {
          server.receive(life, wanted, isKept, (sent) => {
            for (const { message } of sent) newest.set(message.messageId, message.receiptHandle);
            done(sent);
          });
        },
        async (delivered) => {
          const texts = delivered.flatMap(({ sent }) => [sent.body, ...Object.values(sent.attributes)]);
          told.waiting += 1;
          await wanted.admit?.(texts.reduce((bytes, text) => bytes + text.length, 0));
          told.waiting -= 1;
          if (world.faults.play("sqs answer cut off")) {
            world.note(life.name, () => "is told half of an answer");
            throw new Failure("unavailable", "SQS cut its answer off.");
          }
          return new Set();
        },
      );
      for (const { lease, message } of deliveries) {
        lease.until = asked + wanted.visibilityTimeout * 1000;
        // It may have waited for memory, and come too late for an extension.
        lease.failedAt = world.schedule.now;
        // The answer with the older handle came last, so that the process believes in it.
        const newer = server.newerLease(message.receiptHandle);
        if (newer?.life === life) newer.isOvertaken = true;
      }
      told.received += deliveries.length;
      told.nothingNew += 1;
      for (const { sent, message } of deliveries) {
        told.deliveries.set(sent, (told.deliveries.get(sent) ?? 0) + 1);
        arrived.set(message.messageId, message.receiptHandle);
        if (!seen.has(message.messageId)) told.nothingNew = 0;
        seen.add(message.messageId);
      }
      world.note(
        life.name,
        () => `received ${deliveries.map(({ message }) => message.receiptHandle).join(" ")}`,
      );
      return deliveries.map(({ message }) => message);
    },
    delete: async (handles) => {
      requests.delete += 1;
      world.note(life.name, () => `deletes ${handles.join(" ")}`);
      for (const handle of handles) {
        requireHidden(handle, "deletes");
        const lease = server.leaseOf(handle);
        if (lease?.life === life) lease.isDeleting = true;
      }
      // A retry may have a newer handle.
      const failed = await request<readonly FailedEntry[]>(
        handles.map(messageIdOf),
        (done) => {
          done(server.delete(handles));
        },
        indicesOf,
      );
      const failures = indicesOf(failed);
      for (const [index, handle] of handles.entries()) {
        if (failures.has(index)) {
          const lease = server.leaseOf(handle);
          if (lease?.life === life)
            lease.isDeleting =
              told.outages.lasts(messageIdOf(handle)) >= LEAST_PATIENCE * retryForSeconds * 1000;
          continue;
        }
        told.deleted += 1;
        const messageId = messageIdOf(handle);
        const held = arrived.get(messageId) ?? handle;
        // The answer with an older handle may come last, because it waited for memory.
        if (newest.get(messageId) !== handle || held !== handle) told.outdated += 1;
        const isHidden = (server.leaseOf(held)?.until ?? 0) > life.now();
        if (held !== handle && isHidden) told.overtaken += 1;
      }
      world.note(life.name, () => `was told: deleted ${handles.length - failed.length} of ${handles.length}`);
      return [...failed];
    },
    changeVisibility: async (handles, seconds) => {
      requests.other += 1;
      const asked = life.now();
      world.note(life.name, () => `changes the visibility of ${handles.join(" ")} to ${seconds} s`);
      // A later one of several calls that release messages may be late.
      if (!life.isReleasing) for (const handle of handles) requireHidden(handle, "changes the visibility of");
      const leases = handles.map((handle) => server.leaseOf(handle));
      for (const [index, lease] of leases.entries()) {
        world.require(
          seconds === 0 || lease?.isReleased !== true,
          () => `${life.name} hides ${handles[index] ?? ""} again, which it has released`,
        );
        if (lease !== undefined && seconds === 0) lease.isReleased = true;
      }
      // Until the answer is there.
      for (const lease of leases) if (lease !== undefined) lease.failedAt = Infinity;
      if (seconds === 0) {
        told.unreleased += handles.length;
        told.releasing += 1;
        life.isReleasing = true;
      }
      const failed = await request<readonly FailedEntry[]>(["visibility"], (done) => {
        done(server.changeVisibility(handles, seconds));
      }).finally(() => {
        for (const lease of leases) if (lease !== undefined) lease.failedAt = world.schedule.now;
        if (seconds === 0) told.releasing -= 1;
      });
      if (seconds === 0) {
        told.unreleased -= handles.length - failed.length;
        told.released += handles.length - failed.length;
      }
      const failures = indicesOf(failed);
      for (const [index, lease] of leases.entries()) {
        if (failures.has(index) || lease === undefined) continue;
        // The process may have let the message go before the answer came.
        const hadLapsed = lease.until !== undefined && lease.until <= life.now();
        lease.until = asked + seconds * 1000;
        const visibleAt = server.visibleAt(handles[index] ?? "");
        lease.isDisturbed = visibleAt < asked + seconds * 1000 || seconds === 0 || hadLapsed;
        lease.failedAt = 0;
      }
      return [...failed];
    },
    depth: async () => {
      requests.other += 1;
      const depth = await request<QueueDepth>(["depth"], (done) => {
        done(server.count());
      });
      told.depth = depth;
      return depth;
    },
    close: () => undefined,
  };
  return { queue, told };
}

function messageIdOf(handle: string): string {
  return handle.slice(0, handle.lastIndexOf("~"));
}

function indicesOf(failed: readonly FailedEntry[]): ReadonlySet<number> {
  return new Set(failed.map(({ index }) => index));
}
