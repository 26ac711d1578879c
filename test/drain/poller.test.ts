import { describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { Signal } from "../../src/drain/signal.ts";
import { Backoff } from "../../src/drain/backoff.ts";
import { poll, type PollerOptions } from "../../src/drain/poller.ts";
import { Throttled } from "../../src/drain/ports.ts";
import { Failure } from "../../src/failure.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

// Time is not real here: a test that takes long does not end.
vi.setConfig({ testTimeout: 10_000 });

/** A poller that deletes what it accepts, on a queue whose calls take 5 ms. */
function polling(
  messages: number,
  { retryForMs = 30_000, ...given }: Partial<PollerOptions> & { retryForMs?: number } = {},
) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, { visibilityTimeout: 3600 });
  const signal = new Signal();
  const stop = new AbortController();
  const accepted: string[] = [];
  const released: string[] = [];
  const underWay = { now: 0, most: 0 };
  for (let index = 0; index < messages; index += 1) queue.send(`m${index}`, "{}");
  queue.before = () => clock.wait(5);
  const receive = queue.receive.bind(queue);
  queue.receive = async (request) => {
    underWay.now += 1;
    underWay.most = Math.max(underWay.most, underWay.now);
    return receive(request).finally(() => (underWay.now -= 1));
  };
  const end = () =>
    poll({
      queue,
      clock,
      signal: signal,
      concurrency: 8,
      batch: 10,
      maxMessages: Infinity,
      deadline: Infinity,
      backoff: () => new Backoff({ clock, retryForMs, random: () => 1 }),
      stop: stop.signal,
      room: () => ({ messages: Infinity, bytes: Infinity }),
      read: () => ({ admit: () => Promise.resolve(), end: () => undefined }),
      idle: () => true,
      depth: () => queue.depth(),
      accept: (received) => accepted.push(...received.map(({ messageId }) => messageId)) > 0,
      release: (received) => {
        if (received.length === 0) throw new Error("there is nothing to release");
        released.push(...received.map(({ messageId }) => messageId));
        return Promise.resolve();
      },
      ...given,
    });
  const asked = (): number[] => queue.callsOf("receive").map(({ amount }) => amount);
  return { clock, queue, bell: signal, stop, accepted, released, underWay, end, asked };
}

describe("polling ends when the queue is empty", () => {
  it.each([0, 1, 9, 10, 11, 100, 1234])("of %i messages it accepts each once", async (messages) => {
    const { end, queue, accepted } = polling(messages);
    expect(await end()).toBe("empty");
    expect(accepted.toSorted()).toEqual(queue.left.toSorted());
    expect(accepted).toHaveLength(messages);
  });

  it.each([
    [8, [0, 0, 1005]],
    [1, [0, 1005, 2010]],
  ])(
    "after two empty long polls of a second and one look at the counts, at a concurrency of %i at %j ms",
    async (concurrency, times) => {
      const { end, queue } = polling(0, { concurrency });
      await end();
      expect(queue.calls.map(({ action }) => action)).toEqual(["receive", "receive", "depth"]);
      expect(queue.calls.map(({ at }) => at)).toEqual(times);
    },
  );

  it.each([1, 9, 100])("in one long poll's time after the last of %i messages", async (messages) => {
    const { end, clock } = polling(messages);
    let last = 0;
    const ended = end().then(() => clock.now() - last);
    await clock.wait(500);
    last = clock.now();
    expect(await ended).toBeLessThanOrEqual(1010);
  });

  it("not before both long polls have answered, whichever was the first", async () => {
    const { end, queue, clock, accepted } = polling(1);
    let receives = 0;
    queue.before = async ({ action }) => {
      receives += action === "receive" ? 1 : 0;
      // The answer of the first is late; the message came to it.
      if (receives > 1) queue.falseEmpties = 1;
      else await clock.wait(5000);
    };
    expect(await end()).toBe("empty");
    expect(accepted).toEqual(["m0"]);
  });

  it("asks for messages one after the other, at 0.11 receives a message or less", async () => {
    const { end, queue } = polling(1000);
    await end();
    expect(queue.requests.receive).toBeLessThanOrEqual(110);
  });

  it.each([1, 2, 3, 7])(
    "not because of %i long polls that were empty although messages are there",
    async (falseEmpties) => {
      const { end, queue, accepted } = polling(25);
      queue.falseEmpties = falseEmpties;
      expect(await end()).toBe("empty");
      expect(accepted).toHaveLength(25);
    },
  );

  it("not while a message is under way, which may come back", async () => {
    let idle = false;
    const { end, queue, clock, bell: signal, accepted } = polling(1, { idle: () => idle });
    const ended = end();
    await clock.wait(60_000);
    expect([queue.callsOf("depth"), queue.requests.receive]).toEqual([[], 3]);
    queue.deliverAgain("m0");
    idle = true;
    signal.ring();
    expect(await ended).toBe("empty");
    expect(accepted).toEqual(["m0", "m0"]);
  });

  it("takes in what comes while it asks whether the queue is empty", async () => {
    const { end, queue, clock, accepted } = polling(1);
    let late = true;
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action !== "depth" || !late) return;
      late = false;
      queue.send("late", "{}");
    };
    expect(await end()).toBe("empty");
    expect(accepted).toEqual(["m0", "late"]);
  });

  it("takes the queue at its deeds when for a minute it counts messages that it does not hand out", async () => {
    const { end, queue, clock, accepted } = polling(3);
    queue.falseEmpties = Infinity;
    expect(await end()).toBe("still-visible");
    expect(accepted).toEqual([]);
    expect(clock.now()).toBeGreaterThanOrEqual(60_000);
    expect(clock.now()).toBeLessThan(61_000);
  });

  it("counts that minute from the last message that was handed out", async () => {
    const accepted: string[] = [];
    const { end, queue, clock } = polling(2, {
      accept: (received) => {
        accepted.push(...received.map(({ messageId }) => messageId));
        if (accepted.length === 1) queue.falseEmpties = 80;
        return true;
      },
    });
    queue.falseEmpties = 80;
    queue.perReceive = 1;
    expect(await end()).toBe("empty");
    expect(accepted).toEqual(["m0", "m1"]);
    expect(clock.now()).toBeGreaterThan(80_000);
  });
});

it("messages that come again and again, and are nothing new, keep no run from its end", async () => {
  const known = new Set<string>();
  const { end, queue, clock } = polling(3, {
    accept: (received) => {
      const news = received.filter(({ messageId }) => !known.has(messageId));
      for (const { messageId } of news) known.add(messageId);
      // Visible again at once.
      for (const { messageId } of received) queue.deliverAgain(messageId);
      return news.length > 0;
    },
  });
  expect(await end()).toBe("still-visible");
  expect(known.size).toBe(3);
  expect(clock.now()).toBeLessThan(60_000);
});

describe("the number of receives under way", () => {
  it("grows by one with each full receive, and not beyond the concurrency", async () => {
    const { end, underWay } = polling(1000);
    await end();
    expect(underWay.most).toBe(8);
  });

  it("is two for a queue that fills no receive", async () => {
    const { end, underWay, queue, accepted } = polling(100);
    queue.perReceive = 9;
    await end();
    expect([underWay.most, accepted.length]).toEqual([2, 100]);
  });

  it("is halved by each receive that comes back empty, so that an empty queue is asked by two", async () => {
    const { end, queue, clock, underWay, accepted } = polling(1000);
    let most = 0;
    queue.before = async ({ action }) => {
      await clock.wait(5);
      if (action !== "depth" || most > 0) return;
      most = underWay.most;
      underWay.most = 0;
      queue.send("late", "{}");
    };
    expect(await end()).toBe("empty");
    expect([most, underWay.most, accepted.length]).toEqual([8, 2, 1001]);
  });

  it.each([
    ["all of them", 1000, 104],
    ["fewer than there are", 500, 108],
    ["more than there are", 2000, 108],
    ["none", undefined, 108],
  ])("is small after what the queue counted: %s", async (_which, visibleAtOpen, most) => {
    const { end, queue, accepted } = polling(1000);
    queue.visibleAtOpen = visibleAtOpen;
    expect(await end()).toBe("empty");
    expect(accepted).toHaveLength(1000);
    expect(queue.requests.receive).toBeLessThanOrEqual(most);
  });

  it("is one when concurrency is one", async () => {
    const { end, underWay, accepted } = polling(100, { concurrency: 1 });
    await end();
    expect([underWay.most, accepted.length]).toEqual([1, 100]);
  });
});

describe("with a largest number of messages", () => {
  it.each([
    [1, 1],
    [5, 1],
    [10, 8],
    [25, 8],
    [99, 8],
    [100, 8],
  ])(
    "%i it accepts exactly as many, at a concurrency of %i, and never asks for more",
    async (maxMessages, concurrency) => {
      const { end, accepted, released, queue, asked } = polling(200, { maxMessages, concurrency });
      expect(await end()).toBe("max-messages");
      expect(Math.min(...asked())).toBeGreaterThan(0);
      expect([accepted.length, released.length]).toEqual([maxMessages, 0]);
      expect(queue.visible).toHaveLength(200 - maxMessages);
    },
  );

  it("it asks for the rest when a receive brings fewer than it might have", async () => {
    const { end, accepted, queue, asked } = polling(200, { maxMessages: 12, concurrency: 1 });
    queue.perReceive = 4;
    expect(await end()).toBe("max-messages");
    expect([accepted.length, asked()]).toEqual([12, [10, 8, 4]]);
  });

  it("it gives back what a server hands out beyond", async () => {
    const { end, accepted, released, queue } = polling(200, { maxMessages: 25 });
    queue.perReceive = 100;
    expect(await end()).toBe("max-messages");
    expect(accepted).toHaveLength(25);
    expect(released).toHaveLength(200 - 25 - queue.visible.length);
    expect(new Set([...accepted, ...released]).size).toBe(200 - queue.visible.length);
  });

  it("that the queue does not have it ends when the queue is empty", async () => {
    const { end, accepted } = polling(20, { maxMessages: 21 });
    expect(await end()).toBe("empty");
    expect(accepted).toHaveLength(20);
  });
});

describe("the room for messages", () => {
  it("bounds what is asked for at once", async () => {
    let room = 20;
    const {
      end,
      bell: signal,
      clock,
      asked,
      accepted,
    } = polling(100, {
      room: () => ({ messages: room - accepted.length, bytes: Infinity }),
      idle: () => room === 1000,
    });
    const ended = end();
    await clock.wait(10_000);
    expect(asked()).toEqual([10, 10]);
    room = 1000;
    signal.ring();
    expect(await ended).toBe("empty");
    expect(accepted).toHaveLength(100);
  });
});

it("however little room there is, one receive at a time is made while nothing is held", async () => {
  const { end, accepted, underWay } = polling(100, { room: () => ({ messages: 5, bytes: 5 }) });
  expect(await end()).toBe("empty");
  expect([underWay.most, accepted.length]).toEqual([1, 100]);
});

describe("large messages", () => {
  const bytes = 1_000_000;
  const body = "x".repeat(bytes);

  it("are asked for four at a time once one came, so that one answer brings about 4 MiB", async () => {
    const { end, queue, asked } = polling(0, { concurrency: 1 });
    for (let index = 0; index < 18; index += 1) queue.send(`m${index}`, body);
    expect(await end()).toBe("empty");
    expect(asked().slice(0, 3)).toEqual([10, 4, 4]);
  });

  it.each([24, 25])("are not asked for beyond the room for bytes: for %i of them", async (room) => {
    let used = 0;
    const {
      end,
      queue,
      bell: signal,
      clock,
      accepted,
    } = polling(0, {
      room: () => ({ messages: Infinity, bytes: room * bytes - used }),
      idle: () => used === 0,
      accept: (messages) => {
        used += messages.length * bytes;
        accepted.push(...messages.map(({ messageId }) => messageId));
        return true;
      },
    });
    for (let index = 0; index < 30; index += 1) queue.send(`m${index}`, body);
    const ended = end();
    await clock.wait(10_000);
    expect(accepted).toHaveLength(24);
    used = 0;
    signal.ring();
    await clock.wait(10_000);
    used = 0;
    signal.ring();
    expect(await ended).toBe("empty");
    expect(accepted).toHaveLength(30);
  });

  it("do not slow down what comes after one of them for long", async () => {
    const { end, queue, asked } = polling(100, { concurrency: 1 });
    queue.send("large", body);
    for (let index = 0; index < 100; index += 1) queue.send(`after${index}`, "{}");
    await end();
    expect(asked().filter((amount) => amount < 10)).toEqual([4, 8]);
  });

  it("of more than all the room are received all the same, while nothing is held", async () => {
    let held = 0;
    const {
      end,
      queue,
      accepted,
      bell: signal,
      clock,
    } = polling(0, {
      room: () => ({ messages: Infinity, bytes: 1000 - held }),
      idle: () => held === 0,
      accept: (messages) => {
        held += messages.length * bytes;
        accepted.push(...messages.map(({ messageId }) => messageId));
        void clock.wait(10).then(() => {
          held = 0;
          signal.ring();
        });
        return true;
      },
    });
    for (let index = 0; index < 30; index += 1) queue.send(`m${index}`, body);
    expect(await end()).toBe("empty");
    expect(accepted).toHaveLength(30);
  });
});

describe("with a deadline", () => {
  it("no receive is begun that would end after it", async () => {
    const { end, clock, asked } = polling(0, { deadline: 2500, concurrency: 1 });
    expect(await end()).toBe("max-seconds");
    expect([clock.now(), asked()]).toEqual([2010, [10, 10]]);
  });

  it("a long poll may last until then", async () => {
    const { end, queue, clock, asked } = polling(0, { deadline: 1000 });
    queue.before = () => undefined;
    expect(await end()).toBe("max-seconds");
    expect([clock.now(), asked()]).toEqual([1000, [10, 10]]);
  });

  it("messages are taken to the end, without waiting in the last second", async () => {
    const { end, clock, accepted, queue } = polling(10_000, { deadline: 1000, concurrency: 1 });
    expect(await end()).toBe("max-seconds");
    expect(clock.now()).toBeGreaterThanOrEqual(1000);
    expect(clock.now()).toBeLessThanOrEqual(1005);
    expect(accepted).toHaveLength(10 * queue.requests.receive);
  });

  it("that has passed nothing is received", async () => {
    const { end, asked } = polling(10, { deadline: 0 });
    expect(await end()).toBe("max-seconds");
    expect(asked()).toEqual([]);
  });
});

describe("when it is to stop", () => {
  it("receives nothing when that was before", async () => {
    const { end, stop, asked } = polling(10);
    stop.abort();
    expect(await end()).toBe("stopped");
    expect(asked()).toEqual([]);
  });

  it("lets the receives under way finish and accepts what they bring, and begins none", async () => {
    const { end, stop, bell: signal, clock, queue, accepted, underWay } = polling(1000);
    queue.before = () => clock.wait(100);
    const ended = end();
    await clock.wait(350);
    stop.abort();
    signal.ring();
    const begun = queue.requests.receive;
    expect(underWay.now).toBeGreaterThan(1);
    expect(await ended).toBe("stopped");
    expect([queue.requests.receive, underWay.now]).toEqual([begun, 0]);
    expect(accepted).toHaveLength(10 * begun);
  });

  it("does not wait out a pause that SQS asked for", async () => {
    const { end, stop, bell: signal, clock, queue } = polling(10);
    queue.before = () => {
      throw new Throttled();
    };
    const ended = end();
    await clock.wait(5000);
    stop.abort();
    signal.ring();
    expect(await ended).toBe("stopped");
    expect(clock.now()).toBe(5000);
  });
});

describe("when SQS asks for fewer calls", () => {
  it("pauses, twice as long each time up to 5 s, and goes on", async () => {
    const { end, queue, accepted } = polling(5, { retryForMs: 60_000, concurrency: 1 });
    let throttles = 8;
    queue.before = ({ action }) => {
      if (action === "receive" && throttles > 0) {
        throttles -= 1;
        throw new Throttled();
      }
    };
    expect(await end()).toBe("empty");
    expect(accepted).toHaveLength(5);
    const starts = queue.callsOf("receive").map(({ at }) => at);
    const pauses = starts.slice(1, 9).map((at, index) => at - (starts[index] ?? 0));
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it("pauses once for all that are refused at once", async () => {
    const { end, queue, clock, underWay } = polling(5000);
    const refusedAt: number[] = [];
    queue.before = async ({ action, at }) => {
      await clock.wait(5);
      if (action !== "receive" || (underWay.now < 8 && refusedAt.length === 0) || refusedAt.length >= 8)
        return;
      refusedAt.push(at);
      throw new Throttled();
    };
    expect(await end()).toBe("empty");
    const next = queue.callsOf("receive").find(({ at }) => at > Math.max(...refusedAt));
    expect((next?.at ?? 0) - Math.max(...refusedAt)).toBeLessThanOrEqual(5 + 100);
  });

  it("asks with half as many at once", async () => {
    const { end, queue, clock, underWay } = polling(5000);
    let throttledAt = Infinity;
    let most = 0;
    queue.before = async ({ action, at }) => {
      await clock.wait(5);
      if (at > throttledAt + 200) most = Math.max(most, underWay.now);
      if (action !== "receive" || underWay.now < 8 || throttledAt < Infinity) return;
      throttledAt = at;
      // From now on no receive is full, so that their number does not grow again.
      queue.perReceive = 9;
      throw new Throttled();
    };
    expect(await end()).toBe("empty");
    expect([underWay.most, most]).toEqual([8, 4]);
  });

  it("gives up when it asks for nothing else for as long as is waited", async () => {
    const { end, queue, clock } = polling(10, { retryForMs: 10_000 });
    queue.before = () => {
      throw new Throttled();
    };
    await expect(end()).rejects.toThrow(Throttled);
    expect(clock.now()).toBeGreaterThan(5_000);
    expect(clock.now()).toBeLessThanOrEqual(10_000);
  });

  it("does not give up while some calls go through", async () => {
    const { end, queue, clock, accepted } = polling(500, { retryForMs: 1000, concurrency: 1 });
    queue.before = async ({ action }) => {
      await clock.wait(100);
      if (action === "receive" && queue.requests.receive % 2 === 0) throw new Throttled();
    };
    expect(await end()).toBe("empty");
    expect(accepted).toHaveLength(500);
    expect(clock.now()).toBeGreaterThan(10_000);
  });

  it("asks for the counts again, after a pause", async () => {
    const { end, queue, clock } = polling(0);
    let throttles = 1;
    queue.before = ({ action }) => {
      if (action === "depth" && (throttles -= 1) >= 0) throw new Throttled();
    };
    expect(await end()).toBe("empty");
    expect(clock.now()).toBe(3100);
  });

  it("does not give up while the counts can be read now and then", async () => {
    const { end, queue, clock } = polling(1, { retryForMs: 5000 });
    queue.falseEmpties = Infinity;
    let depths = 0;
    queue.before = ({ action }) => {
      if (action === "depth" && (depths += 1) % 2 === 0) throw new Throttled();
    };
    expect(await end()).toBe("still-visible");
    expect(clock.now()).toBeGreaterThan(60_000);
  });
});

describe("when the queue fails", () => {
  it("asks again after a pause, when it was only away for a moment", async () => {
    const { end, queue, accepted } = polling(100);
    queue.before = ({ action }) => {
      if (action === "receive" && queue.requests.receive % 3 === 0)
        throw new Failure("unavailable", "SQS is away.");
    };
    expect(await end()).toBe("empty");
    expect(accepted).toHaveLength(100);
  });

  it("throws, after the other receives under way have finished and were accepted", async () => {
    const { end, queue, clock, accepted, underWay } = polling(2000);
    let failed = 0;
    queue.before = async ({ action, at }) => {
      await clock.wait(5);
      if (action === "receive" && at > 60 && failed === 0) {
        failed = queue.requests.receive;
        throw new Failure("configuration", "No such queue.");
      }
    };
    await expect(end()).rejects.toThrow("No such queue.");
    expect(underWay.now).toBe(0);
    expect(accepted).toHaveLength(10 * (queue.requests.receive - 1));
  });

  it("throws what accepting throws", async () => {
    const { end } = polling(10, {
      accept: () => {
        throw new Failure("configuration", "Too near to the dead-letter queue.");
      },
    });
    await expect(end()).rejects.toThrow("Too near");
  });

  it("throws when the counts cannot be read", async () => {
    const { end, queue } = polling(0);
    queue.before = ({ action }) => {
      if (action === "depth") throw new Failure("configuration", "sqs:GetQueueAttributes is not allowed.");
    };
    await expect(end()).rejects.toThrow("sqs:GetQueueAttributes");
  });
});
