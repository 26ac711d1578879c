// Messages with several records in the drain: each record is loaded once, and its message deleted when all records have an outcome.
import { describe, expect, it, vi } from "vitest";
import { faultOfDefault, compile, type Plan } from "../../src/mapping/compile.ts";
import { readMapping } from "../../src/mapping/file.ts";
import type { RecordReading } from "../../src/mapping/mapping.ts";
import { BatchBuffer } from "../../src/drain/buffer.ts";
import { createEntryMaker, type EntryMaker } from "../../src/drain/entry.ts";
import { drain } from "../../src/drain/loop.ts";
import { keyOf, recordsOf, WHOLE_MESSAGE } from "../../src/drain/ports.ts";
import { RejectedRecords } from "../../src/drain/rejected-records.ts";
import type { DrainReport } from "../../src/drain/report.ts";
import type { DrainSettings } from "../../src/drain/settings.ts";
import { newCounts, unitOf } from "../../src/drain/counts.ts";
import { Failure } from "../../src/failure.ts";
import { KEYS } from "../support/login-entries.ts";
import { MemoryLoader, refused } from "../support/memory-loader.ts";
import { MemoryQueue } from "../support/memory-queue.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

// Time is not real here: a test that takes long does not end.
vi.setConfig({ testTimeout: 10_000 });

const MAPPING = `
version: 1
table: public.items
records: items
when: { kind: item }
unmatched: skip
columns:
  id: { type: integer }
  note: { type: integer, invalid: set_null, required: false }
`;
const DEDUPE = "dedupe: [id]";

function planOf(text: string): Plan {
  const read = readMapping(text, faultOfDefault);
  if ("mistakes" in read) throw new Error(read.mistakes.map(({ sentence }) => sentence).join("\n"));
  return compile(read.mapping, KEYS);
}

function entriesOf(plan: Plan): EntryMaker {
  return createEntryMaker({
    ...{ plan, keys: KEYS, queueId: "q", queueName: "q", now: 0 },
    randomBytes: (length) => new Uint8Array(length),
  });
}

interface Given {
  readonly mapping?: string;
  readonly entries?: EntryMaker;
  readonly settings?: Partial<DrainSettings>;
  readonly dryRun?: boolean;
  readonly queue?: ConstructorParameters<typeof MemoryQueue>[1];
}

function draining({ mapping = MAPPING, entries, settings = {}, dryRun = false, queue: options }: Given = {}) {
  const clock = new VirtualClock();
  const queue = new MemoryQueue(clock, options);
  const loader = new MemoryLoader();
  const stop = new AbortController();
  const counts = newCounts();
  queue.before = () => clock.wait(5);
  loader.before = () => clock.wait(20);
  const run = (signal = stop.signal): Promise<DrainReport> =>
    drain(
      { concurrency: 8, batchSize: 50, retryForSeconds: 30, onReject: "quarantine", ...settings },
      {
        ...{ queue, loader: dryRun ? undefined : loader, entries: entries ?? entriesOf(planOf(mapping)) },
        ...{ clock, random: () => 1, stop: signal, counts },
      },
    );
  /** The ids of the loaded records. */
  const ids = (): number[] =>
    loader.loaded.map(({ cells }) => Number(cells[0])).toSorted((one, other) => one - other);
  return { clock, queue, loader, stop, counts, run, ids };
}

const item = (id: unknown, more: object = {}): object => ({ kind: "item", id, ...more });
const bodyOf = (...items: readonly unknown[]): string => JSON.stringify({ items });
const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

describe("a message with several records", () => {
  it("becomes a row for each that is valid, and is kept once with the reasons of the others", async () => {
    const { run, queue, loader, ids } = draining();
    queue.send(
      "m",
      bodyOf(item(0), item("x"), { kind: "other" }, item(3), item(4, { note: "y" }), item(null)),
    );
    loader.refused.add("m 3");
    expect(await run()).toMatchObject({
      ...{ received: 1, deleted: 1, left: 0, released: 0 },
      ...{ loaded: 3, quarantined: 2, skipped: 1, duplicates: 0 },
      invalid: new Map([["note", 1]]),
    });
    expect(ids()).toEqual([0, 0, 4]);
    expect(loader.quarantine.get("m")).toMatchObject({
      records: [1, 3],
      reasons: [
        "record 1: id: not a number",
        "record 3: row: refused by Postgres, SQLSTATE 22021, column locale",
      ],
    });
    expect(queue.left).toEqual([]);
  });

  it.each([1, 2, 3, 7, 50, 500])("is written in statements of at most %i rows", async (batchSize) => {
    const { run, queue, loader, ids } = draining({ settings: { batchSize } });
    for (let m = 0; m < 20; m += 1) {
      queue.send(`m${m}`, bodyOf(...numbers(m * 10, 10).map((id) => item(id === m * 10 + 7 ? "x" : id))));
    }
    expect(await run()).toMatchObject({
      received: 20,
      loaded: 180,
      quarantined: 20,
      deleted: 20,
      duplicates: 0,
    });
    expect(ids()).toEqual(numbers(0, 200).filter((id) => id % 10 !== 7));
    expect(Math.max(...loader.calls)).toBeLessThanOrEqual(batchSize);
    expect([...loader.quarantine.values()].map(({ records }) => records)).toEqual(Array(20).fill([7]));
  });

  it("is deleted only after the commits of all its records", async () => {
    const { run, queue, loader, clock } = draining({ settings: { batchSize: 3 } });
    queue.send("m", bodyOf(...numbers(0, 10).map((id) => item(id)), item("x")));
    queue.before = async ({ action }) => {
      if (action === "delete") expect([loader.loaded.length, loader.quarantine.size]).toEqual([10, 1]);
      await clock.wait(5);
    };
    expect(await run()).toMatchObject({ deleted: 1 });
  });

  it("does not wait between its statements for more messages", async () => {
    const { run, queue, clock, loader } = draining({ settings: { batchSize: 10 } });
    queue.send("m", bodyOf(...numbers(0, 1000).map((id) => item(id))));
    const times: number[] = [];
    loader.before = () => void times.push(clock.now());
    await run();
    expect(times).toHaveLength(100);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBe(0);
  });

  it("that is delivered again while its records are written is loaded once, and deleted by its newest handle", async () => {
    const { run, queue, loader, clock, ids } = draining({ settings: { batchSize: 10 } });
    queue.send("m", bodyOf(...numbers(0, 100).map((id) => item(id))));
    loader.before = async () => {
      if (loader.calls.length === 1) queue.deliverAgain("m");
      await clock.wait(1000);
    };
    expect(await run()).toMatchObject({ received: 2, loaded: 100, duplicates: 1, deleted: 1 });
    expect(ids()).toEqual(numbers(0, 100));
    expect(queue.left).toEqual([]);
  });

  it("is kept hidden for as long as its records take", async () => {
    const { run, queue, loader, clock } = draining({
      settings: { batchSize: 10 },
      queue: { visibilityTimeout: 30 },
    });
    queue.send("m", bodyOf(...numbers(0, 100).map((id) => item(id))));
    loader.before = () => clock.wait(20_000);
    expect(await run()).toMatchObject({ received: 1, loaded: 100, duplicates: 0, deleted: 1 });
  });

  it("that another run has loaded in part counts what it has as duplicates, reasons included", async () => {
    const { run, queue, ids } = draining();
    const body = bodyOf(item(0), item("x"), item(2), item("y"));
    queue.send("m", body);
    await run();
    queue.send("m", body);
    expect(await run()).toMatchObject({ duplicates: 4, loaded: 2, quarantined: 2, deleted: 2 });
    expect(ids()).toEqual([0, 2]);
  });

  it.each([0, 1, 3, 5])(
    "stopped by a signal after %i statements is given back, and loaded once by the next run",
    async (calls) => {
      const { run, queue, loader, stop, clock, ids } = draining({ settings: { batchSize: 10 } });
      queue.send("m", bodyOf(...numbers(0, 50).map((id) => item(id)), item("x")));
      loader.before = async () => {
        if (loader.calls.length > calls) stop.abort("SIGTERM");
        await clock.wait(20);
      };
      const report = await run();
      const isWhole = loader.quarantine.size === 1;
      expect(report).toMatchObject({
        stoppedBy: "signal",
        deleted: isWhole ? 1 : 0,
        released: isWhole ? 0 : 1,
      });
      expect(queue.visible).toEqual(isWhole ? [] : ["m"]);
      loader.before = () => undefined;
      await run(new AbortController().signal);
      expect(ids()).toEqual(numbers(0, 50));
      expect(loader.quarantine.get("m")?.records).toEqual([50]);
      expect(queue.left).toEqual([]);
    },
  );

  it("whose database is lost in the middle is loaded once", async () => {
    const { run, queue, loader, ids } = draining({ settings: { batchSize: 10 } });
    queue.send("m", bodyOf(...numbers(0, 50).map((id) => item(id)), item("x")));
    loader.faults.push("lost after", "lost before", "lost after", "lost after");
    await run();
    expect(ids()).toEqual(numbers(0, 50));
    expect(loader.quarantine.get("m")?.records).toEqual([50]);
  });

  it("is left as a whole where one record cannot be loaded; the others are loaded", async () => {
    const given = {
      settings: { batchSize: 3, onReject: "leave" },
      queue: { visibilityTimeout: 300, maxReceiveCount: 3 },
    } as const;
    const { run, queue, loader, ids } = draining(given);
    queue.send("rejected", bodyOf(item(0), item("x"), item("y"), ...numbers(1, 5).map((id) => item(id))));
    queue.send("refused", bodyOf(...numbers(6, 5).map((id) => item(id))));
    queue.send("whole", "no JSON");
    queue.send("good", bodyOf(item(11)));
    loader.refused.add("refused 1");
    expect(await run()).toMatchObject({
      received: 4,
      loaded: 11,
      left: 3,
      quarantined: 0,
      deleted: 1,
      released: 0,
    });
    expect(ids()).toEqual(numbers(0, 12).filter((id) => id !== 7));
    expect(queue.left.toSorted()).toEqual(["refused", "rejected", "whole"]);
    expect(loader.quarantine.size).toBe(0);
  });

  it.each(["quarantine", "leave"] as const)(
    "counts the same in a dry run as in a drain, with --on-reject %s",
    async (onReject) => {
      const given = { settings: { onReject }, queue: { visibilityTimeout: 300, maxReceiveCount: 5 } };
      const reports: DrainReport[] = [];
      for (const dryRun of [true, false]) {
        const { run, queue, loader } = draining({ ...given, dryRun });
        queue.send(
          "m",
          bodyOf(item(0), item("x"), item("y", { note: "z" }), { kind: "other" }, item(1, { note: "z" })),
        );
        queue.send("whole", "no JSON");
        queue.send("empty", bodyOf());
        const report = await run();
        reports.push(report);
        expect(loader.calls.length === 0).toBe(dryRun);
      }
      const counted = reports.map(({ received, loaded, quarantined, skipped, left, invalid }) => ({
        ...{ received, loaded, quarantined, skipped, left, invalid },
      }));
      const rejected = onReject === "leave" ? { left: 2, quarantined: 0 } : { left: 0, quarantined: 3 };
      expect(counted[0]).toEqual({
        received: 3,
        loaded: 2,
        skipped: 2,
        invalid: new Map([["note", 1]]),
        ...rejected,
      });
      expect(counted[1]).toEqual(counted[0]);
    },
  );

  it("without records, or whose records are all skipped, is counted and deleted", async () => {
    const { run, queue, loader } = draining();
    queue.send("empty", bodyOf());
    queue.send("skipped", bodyOf({ kind: "other" }, { kind: "other" }));
    expect(await run()).toMatchObject({
      ...{ received: 2, skipped: 3, loaded: 0, quarantined: 0, deleted: 2 },
      invalid: new Map(),
    });
    expect(loader.calls).toEqual([]);
    expect(queue.left).toEqual([]);
  });

  it("that has no list, or none of its own, is quarantined as a whole", async () => {
    const { run, queue, loader } = draining();
    queue.send("none", "{}");
    queue.send("other", JSON.stringify({ items: 1 }));
    expect(await run()).toMatchObject({ received: 2, quarantined: 2, deleted: 2 });
    expect(loader.quarantine.get("none")).toMatchObject({ reasons: ["records: missing"] });
    expect(loader.quarantine.get("none")).not.toHaveProperty("records");
    expect(loader.quarantine.get("other")).toMatchObject({ reasons: ["records: not a list"] });
  });

  it("counts no value as stored as NULL of a record that Postgres refuses", async () => {
    const { run, queue, loader } = draining();
    queue.send("m", bodyOf(item(0, { note: "x" }), item(1, { note: "x" })));
    loader.refused.add("m 0");
    expect(await run()).toMatchObject({ loaded: 1, quarantined: 1, invalid: new Map([["note", 1]]) });
  });

  it("counts the records that it skips also where Postgres refuses its last one", async () => {
    const { run, queue, loader } = draining();
    queue.send("m", bodyOf(item(0), { kind: "other" }, item(1), { kind: "other" }));
    loader.refused.add("m 2");
    expect(await run()).toMatchObject({ loaded: 1, quarantined: 1, skipped: 2, deleted: 1 });
  });

  it("counts values that are stored as NULL in columns of any name", async () => {
    const names = ["constructor", "toString", "valueOf"];
    const columns = names.map((name) => `${name}: { from: note, type: integer, invalid: set_null }`);
    const { run, queue } = draining({
      mapping: `{ version: 1, table: public.items, columns: { ${columns.join(", ")} } }`,
    });
    queue.send("m", '{"note": "x"}');
    const { invalid } = await run();
    expect([...invalid]).toEqual(names.map((name) => [name, 1]));
  });

  it("keeps as many reasons as can be shown, and all records", async () => {
    const { run, queue, loader } = draining();
    queue.send("m", bodyOf(...numbers(0, 10_000).map(() => item("x"))));
    expect(await run()).toMatchObject({ quarantined: 10_000, deleted: 1 });
    const { reasons = [], records = [] } = loader.quarantine.get("m") ?? {};
    expect(records).toEqual(numbers(0, 10_000));
    expect(reasons.at(0)).toBe("record 0: id: not a number");
    expect(reasons.at(-1)).toBe(`${(10_001 - reasons.length).toLocaleString("en-US")} other reasons`);
    expect(Buffer.byteLength(reasons.join(""))).toBeLessThan(65_536);
    expect(reasons.length).toBeGreaterThan(1000);
  });
});

it("a message of one record that the mapping skips is counted and deleted", async () => {
  const { run, queue, loader } = draining({ mapping: MAPPING.replace("records: items\n", "") });
  queue.send("skipped", JSON.stringify({ kind: "other" }));
  queue.send("loaded", JSON.stringify(item(1)));
  expect(await run()).toMatchObject({ received: 2, skipped: 1, loaded: 1, deleted: 2 });
  expect([loader.loaded.length, loader.quarantine.size, queue.left]).toEqual([1, 0, []]);
});

describe("records that Postgres refuses for the same reason", () => {
  it("are those of one message: the run goes on", async () => {
    const { run, queue, loader, ids } = draining();
    queue.send("bad", bodyOf(...numbers(100, 60).map((id) => item(id))));
    loader.refused.add("bad");
    for (const m of [0, 1]) queue.send(`m${m}`, bodyOf(item(m)));
    expect(await run()).toMatchObject({ loaded: 2, quarantined: 60, deleted: 3 });
    expect(ids()).toEqual([0, 1]);
  });

  it("are those of ten messages: the table is at fault", async () => {
    const { run, queue, loader } = draining();
    for (const m of numbers(0, 10)) {
      queue.send(`m${m}`, bodyOf(item(m), item(m)));
      loader.refused.add(`m${m}`);
    }
    await expect(run()).rejects.toBeInstanceOf(Failure);
    expect([queue.visible.length, loader.quarantine.size]).toEqual([10, 0]);
  });

  it("are those of one message, and about the table: the run ends", async () => {
    const { run, queue, loader } = draining();
    queue.send("m", bodyOf(item(0)));
    loader.faults.push(refused("42501", { of: "table" }));
    await expect(run()).rejects.toBeInstanceOf(Failure);
    expect(queue.visible).toEqual(["m"]);
  });
});

describe("an idempotency key", () => {
  const mapping = MAPPING + DEDUPE;

  it("lets a record of another message be a duplicate, in one batch and in later ones", async () => {
    const { run, queue, ids } = draining({ mapping });
    queue.send("a", bodyOf(item(1), item(2), item(1)));
    queue.send("b", bodyOf(item(2), item(3)));
    expect(await run()).toMatchObject({ loaded: 3, duplicates: 2, deleted: 2 });
    queue.send("c", bodyOf(item(3), item(4)));
    expect(await run()).toMatchObject({ loaded: 4, duplicates: 3, deleted: 3 });
    expect(ids()).toEqual([1, 2, 3, 4]);
  });

  it("is not claimed by a record that is rejected or refused: it can be sent again", async () => {
    const { run, queue, loader, ids } = draining({
      mapping: `${mapping}\n`.replace("invalid: set_null, ", ""),
    });
    queue.send("a", bodyOf(item(1, { note: "x" }), item(2)));
    loader.refused.add("a 1");
    expect(await run()).toMatchObject({ loaded: 0, quarantined: 2 });
    queue.send("b", bodyOf(item(1, { note: 5 }), item(2)));
    expect(await run()).toMatchObject({ loaded: 2, duplicates: 0 });
    expect(ids()).toEqual([1, 2]);
  });

  it("with a missing part is a reason", async () => {
    const { run, queue, loader } = draining({ mapping: `${MAPPING}dedupe: [key]` });
    queue.send("a", bodyOf(item(1), item(2, { key: null }), item(3, { key: "k" })));
    expect(await run()).toMatchObject({ loaded: 1, quarantined: 2 });
    expect(loader.quarantine.get("a")?.reasons).toEqual([
      "record 0: dedupe part key: missing",
      "record 1: dedupe part key: missing",
    ]);
  });
});

describe("memory", () => {
  const TEXT = "x".repeat(1024);

  /** A plan whose messages have so many records of 1 KiB; notes how many were read. */
  function counting(records: number) {
    const plan = planOf(MAPPING);
    const read = { records: 0 };
    function* all(): Generator<RecordReading> {
      for (let index = 0; index < records; index += 1) {
        read.records += 1;
        yield {
          kind: "row",
          index,
          cells: [String(index), TEXT],
          masked: [],
          setNull: [],
          idempotencyKey: undefined,
        };
      }
    }
    return { read, entries: entriesOf({ ...plan, read: () => ({ kind: "records", records: all() }) }) };
  }

  it("holds the records of one statement, and not those of a whole message", async () => {
    const { read, entries } = counting(10_000);
    const { run, queue, loader, clock } = draining({ entries, settings: { batchSize: 500 } });
    queue.send("m", "{}");
    const ahead: number[] = [];
    loader.before = (batch) => {
      ahead.push(read.records - loader.loaded.length - batch.length);
      return clock.wait(1);
    };
    expect(await run()).toMatchObject({ loaded: 10_000, deleted: 1 });
    expect(loader.calls).toHaveLength(20);
    expect(Math.max(...ahead)).toBeLessThanOrEqual(1);
  });

  it("reads no more messages of one record than their rows have room, however small their bodies are", async () => {
    const MIB = 2 ** 20;
    const read: string[] = [];
    const entries = entriesOf({
      ...planOf("{ version: 1, table: public.items, columns: { data: {} } }"),
      read: ({ messageId }) => {
        read.push(messageId);
        const cells = ["x".repeat(4 * MIB)];
        const row = {
          kind: "row",
          index: 0,
          cells,
          masked: [],
          setNull: [],
          idempotencyKey: undefined,
        } as const;
        return { kind: "records", records: [row] };
      },
    });
    const { run, queue, loader, clock } = draining({ entries });
    for (let m = 0; m < 100; m += 1) queue.send(`m${m}`, "{}");
    const ahead: number[] = [];
    loader.before = (batch) => {
      ahead.push(read.length - loader.loaded.length - batch.length);
      return clock.wait(20);
    };
    expect(await run()).toMatchObject({ loaded: 100, deleted: 100 });
    expect(Math.max(...loader.calls)).toBe(1);
    expect(Math.max(...ahead)).toBeLessThanOrEqual(3);
  });

  it("ends a statement with the record that brings it to 2 MiB", async () => {
    const { entries } = counting(10_000);
    const { run, queue, loader } = draining({ entries, settings: { batchSize: 10_000 } });
    queue.send("m", "{}");
    await run();
    expect(Math.max(...loader.calls)).toBeGreaterThan(2000);
    expect(Math.max(...loader.calls)).toBeLessThanOrEqual(2048);
  });

  it("counts a message until its last record is written, with its attributes", async () => {
    const { entries } = counting(5);
    const buffer = new BatchBuffer(new VirtualClock(), 2, 100);
    const whole = buffer.room;
    const message = { messageId: "m", sentAt: 0, body: "x".repeat(1000), attributes: { a: "y".repeat(500) } };
    buffer.pushUnread(message, () => entries.items(message));
    const room = { messages: whole.messages - 1, bytes: whole.bytes - 1500 };
    for (const size of [2, 2, 1]) {
      expect(buffer.room).toEqual(room);
      const batch = await buffer.next(true);
      if (batch === undefined) throw new Error("the buffer has a batch");
      expect(batch.items).toHaveLength(size);
      expect(buffer.room).toEqual(room);
      buffer.done(batch);
    }
    expect(buffer.room).toEqual(whole);
  });

  it.each([0, 1, 2])(
    "is free again once a message is discarded of which %i statements were taken",
    async (taken) => {
      const { entries } = counting(5);
      const buffer = new BatchBuffer(new VirtualClock(), 2, 100);
      const whole = buffer.room;
      const message = { messageId: "m", sentAt: 0, body: "x".repeat(1000) };
      buffer.pushUnread(message, () => entries.items(message));
      buffer.pushUnread(message, () => entries.items(message));
      const batches = [];
      for (let count = 0; count < taken; count += 1) batches.push(await buffer.next(true));
      buffer.discard();
      for (const batch of batches) if (batch !== undefined) buffer.done(batch);
      expect(buffer.room).toEqual(whole);
      expect(await buffer.next(true)).toBeUndefined();
    },
  );
});

describe("the rejected records of a message", () => {
  it("are listed in their order, with their reasons, in whatever order they were found", () => {
    const rejected = new RejectedRecords();
    for (const record of [4, 1, 12, 3]) rejected.add(record, ["a", "b"]);
    expect(rejected.records).toEqual([1, 3, 4, 12]);
    expect(rejected.reasons).toEqual(
      [1, 3, 4, 12].flatMap((record) => ["a", "b"].map((reason) => `record ${record}: ${reason}`)),
    );
  });

  it("have 60,000 bytes of reasons", () => {
    const rejected = new RejectedRecords();
    const prefix = "record 0: ";
    const reason = "é".repeat((60_000 - prefix.length) / 2);
    rejected.add(0, [reason]);
    expect(rejected.reasons).toEqual([prefix + reason]);
    rejected.add(1, ["b"]);
    expect(rejected.reasons).toEqual([prefix + reason, "1 other reasons"]);
  });
});

it("an entry counts as the records that it stands for", () => {
  const [row] = entriesOf(planOf(MAPPING)).items({ messageId: "m", sentAt: 0, body: bodyOf(item(1)) });
  const rejection = entriesOf(planOf(MAPPING)).reject({ messageId: "m", sentAt: 0, body: "" }, ["x"], [1, 4]);
  expect([row?.entry && recordsOf(row.entry), recordsOf(rejection)]).toEqual([1, 2]);
  expect(keyOf(rejection)).toBe(`m ${WHOLE_MESSAGE}`);
  expect(WHOLE_MESSAGE, "is not the index of a record").toBeLessThan(0);
});

it.each([
  ["message", { received: 3, loaded: 2, quarantined: 1 }],
  ["message", { received: 3, loaded: 1, left: 1, duplicates: 1 }],
  ["record", { received: 2, loaded: 3 }],
  ["record", { received: 2, loaded: 1, duplicates: 2 }],
  ["record", { received: 2, loaded: 1, quarantined: 2 }],
  ["record", { received: 2, loaded: 1, left: 2 }],
  ["record", { received: 1, skipped: 2 }],
] as const)("outcomes count a %s each: %j", (unit, counts) => {
  expect(unitOf({ ...newCounts(), ...counts })).toBe(unit);
});
