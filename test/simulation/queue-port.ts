// The port of a queue, for one process, and what that process was told.
import type { FailedEntry, Queue, QueueDepth } from "../../src/drain/ports.ts";
import type { Delivery, SimulatedQueue } from "./queue.ts";
import type { Life } from "./schedule.ts";
import type { World } from "./world.ts";

/** What a process was told. */
export interface Told {
  /** Deliveries. */
  received: number;
  /** How many of the last receives, in a row, returned no message for the first time. */
  nothingNew: number;
  /** Deletes that succeeded, and of these the ones where a newer delivery was on its way. */
  deleted: number;
  outdated: number;
  released: number;
  /** Messages that could not be released. */
  unreleased: number;
  /** How many messages SQS counted as visible, each time. */
  readonly visible: number[];
  /** When the first request failed, virtual milliseconds. */
  failedAt: number;
}

/**
 * The port of a process.
 *
 * @param isKept whether the process keeps messages hidden until they are deleted or released
 */
export function connect(
  world: World,
  server: SimulatedQueue,
  life: Life,
  isKept: boolean,
): { readonly queue: Queue; readonly told: Told } {
  const { name, id, options } = server;
  const told: Told = {
    ...{ received: 0, nothingNew: 0, deleted: 0, outdated: 0, released: 0, unreleased: 0 },
    ...{ visible: [], failedAt: Infinity },
  };
  const request = <T>(carryOut: (done: (answer: T) => void) => void): Promise<T> =>
    server.request(life, carryOut).catch((error: unknown) => {
      told.failedAt = Math.min(told.failedAt, world.schedule.now);
      throw error;
    });
  /** The receipt handle of each message that SQS sent to this process last, also where the answer has not arrived. */
  const newest = new Map<string, string>();
  const seen = new Set<string>();
  const requests = { receive: 0, delete: 0, other: 0 };
  const queue: Queue = {
    ...{ name, id, requests, isFifo: options.isFifo, visibilityTimeout: options.visibilityTimeout },
    maxReceiveCount: options.maxReceiveCount,
    visibleAtOpen: server.count().visible,
    receive: async (wanted) => {
      requests.receive += 1;
      const asked = life.now();
      const deliveries = await request<readonly Delivery[]>((done) => {
        server.receive(life, wanted, isKept, (sent) => {
          for (const { message } of sent) newest.set(message.messageId, message.receiptHandle);
          done(sent);
        });
      });
      await wanted.admit?.(deliveries.reduce((bytes, { message }) => bytes + message.body.length, 0));
      for (const { lease, message } of deliveries) {
        lease.until = asked + wanted.visibilityTimeout * 1000;
        // The answer with the older handle came last, so that the process believes in it.
        const newer = server.newerLease(message.receiptHandle);
        if (newer?.life === life) newer.isOvertaken = true;
      }
      told.received += deliveries.length;
      told.nothingNew += 1;
      for (const { message } of deliveries) {
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
        const lease = server.leaseOf(handle);
        if (lease?.life === life) lease.isDeleting = true;
      }
      const failed = await request<readonly FailedEntry[]>((done) => {
        done(server.delete(handles));
      });
      const failures = new Set(failed.map(({ index }) => index));
      if (failures.size > 0) told.failedAt = Math.min(told.failedAt, world.schedule.now);
      for (const [index, handle] of handles.entries()) {
        if (failures.has(index)) continue;
        told.deleted += 1;
        if (newest.get(handle.slice(0, handle.lastIndexOf("~"))) !== handle) told.outdated += 1;
      }
      world.note(life.name, () => `was told: deleted ${handles.length - failed.length} of ${handles.length}`);
      return [...failed];
    },
    changeVisibility: async (handles, seconds) => {
      requests.other += 1;
      const asked = life.now();
      world.note(life.name, () => `changes the visibility of ${handles.join(" ")} to ${seconds} s`);
      const leases = handles.map((handle) => server.leaseOf(handle));
      // Until the answer is there.
      for (const lease of leases) if (lease !== undefined) lease.failedAt = Infinity;
      if (seconds === 0) {
        told.unreleased += handles.length;
        life.isReleasing = true;
      }
      const failed = await request<readonly FailedEntry[]>((done) => {
        done(server.changeVisibility(handles, seconds));
      }).finally(() => {
        for (const lease of leases) if (lease !== undefined) lease.failedAt = world.schedule.now;
      });
      if (seconds === 0) {
        told.unreleased -= handles.length - failed.length;
        told.released += handles.length - failed.length;
      }
      const failures = new Set(failed.map(({ index }) => index));
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
      const depth = await request<QueueDepth>((done) => {
        done(server.count());
      });
      told.visible.push(depth.visible);
      return depth;
    },
    close: () => undefined,
  };
  return { queue, told };
}
