import { describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import { peek } from "../../src/drain/peek.ts";
import { Failure } from "../../src/failure.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

vi.setConfig({ testTimeout: 10_000 });

function peeking(messages: number, options: ConstructorParameters<typeof MemoryQueue>[1] = {}) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, options);
  for (let index = 0; index < messages; index += 1) queue.send(`m${index}`, `body ${index}`);
  const stop = new AbortController();
  const look = async (count: number, force = false): Promise<readonly string[]> => {
    const parts = { queue, clock, stop: stop.signal };
    const { seen } = await peek({ count, force }, parts, ({ messageId }) => messageId);
    return seen;
  };
  const asked = (): number[] => queue.callsOf("receive").map(({ amount }) => amount);
  return { clock, queue, stop, look, asked };
}

const first = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);

describe("peek", () => {
  it.each([1, 5, 10, 11, 25])(
    "shows %i messages, and leaves all of them in the queue for others to see",
    async (count) => {
      const { look, queue } = peeking(30);
      expect(await look(count)).toEqual(first(count));
      expect(queue.visible).toEqual(first(30));
      expect(queue.callsOf("delete")).toEqual([]);
    },
  );

  it("asks for no more messages than it shows", async () => {
    const { look, asked } = peeking(30);
    await look(13);
    expect(asked()).toEqual([10, 3]);
  });

  it("shows what there is of fewer, after two empty long polls", async () => {
    const { look, queue, clock } = peeking(3);
    expect(await look(10)).toEqual(first(3));
    expect([queue.requests.receive, clock.now()]).toEqual([3, 2000]);
  });

  it("shows nothing of an empty queue", async () => {
    expect(await peeking(0).look(10)).toEqual([]);
  });

  it("goes on after one long poll that was empty although messages are there", async () => {
    const { look, queue } = peeking(3);
    queue.falseEmpties = 1;
    expect(await look(3)).toEqual(first(3));
  });

  it("shows a message once that is delivered twice, and gives it back by its newest receipt handle", async () => {
    const { look, queue } = peeking(3);
    queue.deliveries = 2;
    expect(await look(3)).toEqual(first(3));
    expect(queue.visible).toEqual(first(3));
  });

  it("does not show what a server hands out beyond the count, and gives it back", async () => {
    const { look, queue } = peeking(30);
    queue.perReceive = 20;
    expect(await look(5)).toEqual(first(5));
    expect(queue.visible).toEqual(first(30));
  });

  it.each([10, 3600])(
    "keeps messages hidden while it looks for more, so that it does not see them again, with a visibility timeout of %i s",
    async (visibilityTimeout) => {
      const { look, queue, clock } = peeking(5, { visibilityTimeout });
      queue.perReceive = 1;
      queue.before = ({ action }) => (action === "receive" ? clock.wait(9000) : undefined);
      expect(await look(5)).toEqual(first(5));
      expect(queue.visible).toEqual(first(5));
    },
  );

  it.each([
    [10, 10],
    [3600, 30],
  ])("hides messages for at most 30 s, in case it dies: of %i s %i", async (visibilityTimeout, hidden) => {
    const { look, queue } = peeking(1, { visibilityTimeout });
    const receive = vi.spyOn(queue, "receive");
    await look(1);
    expect(receive.mock.calls.map(([request]) => request.visibilityTimeout)).toEqual([hidden]);
  });

  it("shows no more than it was asked for where the server returns more", async () => {
    const { look, queue } = peeking(30);
    queue.perReceive = 4;
    expect(await look(6)).toEqual(first(6));
    expect(queue.visible).toEqual(first(30));
  });

  it.each([
    [0, undefined],
    [3, new Failure("unavailable", "SQS is away.")],
  ])("counts %i messages that it could not release", async (leftHidden, fault) => {
    const { queue, clock, stop } = peeking(3);
    queue.before = ({ action }) => {
      if (action === "changeVisibility" && fault !== undefined) throw fault;
    };
    const parts = { queue, clock, stop: stop.signal };
    expect(await peek({ count: 3, force: false }, parts, () => "seen")).toEqual({
      seen: ["seen", "seen", "seen"],
      leftHidden,
    });
  });

  it("stops at a signal after the receive under way, shows what it has and gives it back", async () => {
    const { look, queue, stop } = peeking(30);
    queue.before = ({ action }) => {
      if (action === "receive" && queue.requests.receive === 2) stop.abort();
    };
    expect(await look(30)).toEqual(first(20));
    expect(queue.visible).toEqual(first(30));
  });

  it("gives back what it has when a later receive fails", async () => {
    const { look, queue } = peeking(30);
    queue.before = ({ action }) => {
      if (action === "receive" && queue.requests.receive === 3)
        throw new Failure("unavailable", "SQS is away.");
    };
    await expect(look(30)).rejects.toThrow("SQS is away.");
    expect(queue.visible).toEqual(first(30));
  });
});

describe("peek at a queue with a dead-letter queue", () => {
  it("receives one message at a time", async () => {
    const { look, asked } = peeking(30, { maxReceiveCount: 5 });
    expect(await look(3)).toEqual(first(3));
    expect(asked()).toEqual([1, 1, 1]);
  });

  it("receives nothing when one receive moves a message there", async () => {
    const { look, queue, asked } = peeking(30, { maxReceiveCount: 1 });
    await expect(look(3)).rejects.toThrow(Failure);
    expect([asked(), queue.visible]).toEqual([[], first(30)]);
  });

  it("stops at the first message that has one receive left, and gives all back", async () => {
    const { look, queue, asked } = peeking(30, { maxReceiveCount: 4 });
    expect(await look(1)).toEqual(["m0"]);
    expect(await look(2)).toEqual(["m0", "m1"]);
    await expect(look(10)).rejects.toThrow(/Message m0 .* has been received 3 times/);
    expect(asked()).toEqual([1, 1, 1, 1]);
    expect(queue.visible).toEqual(first(30));
  });

  it.each([1, 2, 5])(
    "looks all the same when it is forced, with a maxReceiveCount of %i",
    async (maxReceiveCount) => {
      const { look, asked } = peeking(30, { maxReceiveCount });
      expect(await look(10, true)).toEqual(first(10));
      expect(asked()).toEqual([10]);
    },
  );
});
