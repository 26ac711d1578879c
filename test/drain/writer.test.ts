import { describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../support/virtual-clock.ts";
import type { OnReject } from "../../src/drain/settings.ts";
import type { Item } from "../../src/drain/entry.ts";
import { StatementCancelled } from "../../src/drain/ports.ts";
import { Backoff } from "../../src/drain/backoff.ts";
import { newCounts } from "../../src/drain/counts.ts";
import { Writer } from "../../src/drain/writer.ts";
import { Failure } from "../../src/failure.ts";
import { loginEntries } from "../support/login-entries.ts";
import { LOST, MemoryLoader, refused, REFUSED } from "../support/memory-loader.ts";

vi.setConfig({ testTimeout: 10_000 });

const entries = loginEntries();

const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };

function item(messageId: string, body: string = JSON.stringify({ user_id: messageId, ...nothing })): Item {
  const [first] = entries.items({ messageId, body, sentAt: 0 });
  if (first === undefined) throw new Error("a message has an item");
  return first;
}

const items = (count: number): Item[] => Array.from({ length: count }, (_, index) => item(`m${index}`));

/** Pauses are the longest that chance allows, unless told otherwise. */
function writing(retryForMs = 30_000, chance = 1, onReject: OnReject = "quarantine") {
  const clock = new VirtualClock();
  const loader = new MemoryLoader();
  const counts = newCounts();
  const hurry = new AbortController();
  const backoff = (): Backoff => new Backoff({ clock, retryForMs, random: () => chance });
  const warned: string[] = [];
  const warn = (line: string): void => void warned.push(line);
  const options = { loader, entries, counts, onReject, backoff, hurry: hurry.signal, warn };
  const users = (): unknown[] => loader.rows.map((row) => row["user_id"]);
  return { clock, loader, counts, hurry, users, warned, writer: new Writer(options) };
}

it("refused rows with large bodies go into the quarantine in statements of about 2 MiB", async () => {
  const { writer, loader } = writing();
  const large = items(6).map((each) => ({
    ...each,
    message: { ...each.message, body: "x".repeat(1024 * 1024) },
  }));
  for (const { message } of large) loader.refused.add(message.messageId);
  await writer.write(large);
  expect(loader.quarantine.size).toBe(6);
  expect(loader.calls.slice(-3)).toEqual([2, 2, 2]);
});

describe("a batch", () => {
  it("is written in one call and counted by what became of it", async () => {
    const { writer, loader, counts, users } = writing();
    await writer.write([item("a"), item("b"), item("c", "no JSON")]);
    await writer.write([item("b"), item("d")]);
    expect([loader.calls, users(), [...loader.quarantine.keys()]]).toEqual([[3, 2], ["a", "b", "d"], ["c"]]);
    expect(counts).toMatchObject({ loaded: 3, duplicates: 1, quarantined: 1 });
  });
});

describe("a row that Postgres refuses, where it is to be left", () => {
  it("is neither written nor quarantined; the others are written, and it is told which it is", async () => {
    const { writer, loader, counts, users } = writing(30_000, 1, "leave");
    const batch = items(20);
    loader.refused.add("m3").add("m12");
    const left = await writer.write(batch);
    expect([...left]).toEqual(["m3", "m12"]);
    const ids = batch.map(({ message }) => message.messageId);
    expect(users()).toEqual(ids.filter((id) => !left.has(id)));
    expect(counts).toMatchObject({ loaded: 18, quarantined: 0, left: 2 });
    expect(loader.quarantine.size).toBe(0);
  });

  it("is reported once for each reason", async () => {
    const { writer, loader, warned } = writing(30_000, 1, "leave");
    loader.refused.add("m1").add("m2").add("m5");
    await writer.write(items(4));
    loader.faults.push(refused("23514", { constraint: "is_short" }));
    await writer.write([item("m4")]);
    await writer.write([item("m5"), item("m6")]);
    expect(warned).toEqual(
      [
        ["m1", "SQLSTATE 22021, column locale"],
        ["m4", "SQLSTATE 23514, constraint is_short"],
      ].map(
        ([id, reason]) =>
          `Postgres refuses the row of message ${id} (${reason}). This message, and others with the same error, stay in the queue.`,
      ),
    );
  });

  it("is taken for the table's fault where every row of a batch is, as ever", async () => {
    const { writer, loader, counts } = writing(30_000, 1, "leave");
    for (let index = 0; index < 10; index += 1) loader.refused.add(`m${index}`);
    await expect(writer.write(items(10))).rejects.toMatchObject({ kind: "configuration" });
    expect(counts.left).toBe(0);
  });
});

describe("a database that is away", () => {
  it("is waited for, twice as long each time up to 5 s", async () => {
    const { writer, loader, clock, users, counts } = writing(60_000);
    const calledAt: number[] = [];
    loader.before = () => void calledAt.push(clock.now());
    loader.faults.push(...Array.from({ length: 8 }, () => "lost before" as const));
    await writer.write([item("a")]);
    const pauses = calledAt.slice(1).map((at, index) => at - (calledAt[index] ?? 0));
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect([users(), counts.loaded]).toEqual([["a"], 1]);
  });

  it("is asked at other times by other drains: chance makes a pause up to half shorter", async () => {
    const { writer, loader, clock } = writing(30_000, 0);
    loader.faults.push("lost before", "lost before");
    await writer.write([item("a")]);
    expect(clock.now()).toBe(50 + 100);
  });

  it("gets the rows once when it had committed them before it went", async () => {
    const { writer, loader, users, counts } = writing();
    loader.faults.push("lost after", "lost before", "lost after");
    await writer.write(items(3));
    expect(users()).toEqual(["m0", "m1", "m2"]);
    expect(counts.loaded + counts.duplicates).toBe(3);
  });

  it.each([0, 1000, 30_000])(
    "for longer than %i ms is a failure, told in its own words",
    async (retryForMs) => {
      const { writer, loader, clock, counts } = writing(retryForMs);
      loader.faults.push(...Array.from({ length: 100 }, () => "lost before" as const));
      await expect(writer.write([item("a")])).rejects.toBe(LOST);
      expect(clock.now()).toBeLessThanOrEqual(retryForMs);
      expect(clock.now()).toBeGreaterThanOrEqual(retryForMs / 2);
      expect(counts.loaded).toBe(0);
    },
  );

  it("gets its whole time again at the next batch", async () => {
    const { writer, loader, users } = writing(1000);
    for (const messageId of ["a", "b", "c"]) {
      loader.faults.push("lost before", "lost before", "lost before");
      await writer.write([item(messageId)]);
    }
    expect(users()).toEqual(["a", "b", "c"]);
  });

  it("is not waited for any more when there is a hurry, not even to the end of a pause", async () => {
    const { writer, loader, clock, hurry } = writing(30_000);
    loader.faults.push(...Array.from({ length: 100 }, () => "lost before" as const));
    const written = writer.write([item("a")]);
    void clock.wait(2000).then(() => {
      hurry.abort();
    });
    await expect(written).rejects.toBe(LOST);
    expect(clock.now()).toBe(2000);
  });
});

describe("a row that the database refuses", () => {
  it("is found and quarantined, with the SQLSTATE and the column for the reason; the others are loaded", async () => {
    const { writer, loader, users, counts } = writing();
    loader.refused.add("m321");
    await writer.write(items(500));
    expect(users()).toHaveLength(499);
    expect(users()).not.toContain("m321");
    expect([...loader.quarantine.entries()]).toMatchObject([
      ["m321", { reasons: ["row: refused by Postgres, SQLSTATE 22021, column locale"] }],
    ]);
    expect(counts).toMatchObject({ loaded: 499, quarantined: 1, duplicates: 0 });
  });

  it("costs about twenty calls among 500", async () => {
    for (const bad of ["m0", "m321", "m499"]) {
      const { writer, loader } = writing();
      loader.refused.add(bad);
      await writer.write(items(500));
      expect(loader.calls.length).toBeLessThanOrEqual(20);
    }
  });

  it("is to blame alone: where every row of a batch is refused, it is the table, and none is quarantined", async () => {
    const { writer, loader, users, counts } = writing();
    const batch = items(10);
    for (const { message } of batch) loader.refused.add(message.messageId);
    await expect(writer.write(batch)).rejects.toThrow(
      "Postgres refuses every row (SQLSTATE 22021, column locale). The cause is probably the table. Check its partitions, " +
        "constraints and triggers, then run again. These rows were not quarantined.",
    );
    expect([users(), [...loader.quarantine.keys()], counts.quarantined]).toEqual([[], [], 0]);
  });

  it.each([
    ["every row has the same fault but one", (id: string) => (id === "m11" ? "23514" : "22021"), 12],
    [
      "others were loaded by an earlier run",
      (id: string) => (Number(id.slice(1)) < 10 ? "22021" : undefined),
      10,
    ],
  ])("is to blame where %s", async (_when, sqlStateOf, quarantined) => {
    const { writer, loader } = writing();
    await loader.load(
      items(12)
        .slice(10)
        .flatMap(({ entry }) => entry ?? []),
    );
    loader.before = (batch) => {
      const [sqlState] = batch.flatMap(({ kind, messageId }) =>
        kind === "row" ? (sqlStateOf(messageId) ?? []) : [],
      );
      if (sqlState !== undefined) throw refused(sqlState);
    };
    await writer.write(items(12));
    expect(loader.quarantine.size).toBe(quarantined);
  });

  it("is to blame where there are too few to say more", async () => {
    const { writer, loader } = writing();
    const batch = items(9);
    for (const { message } of batch) loader.refused.add(message.messageId);
    await writer.write(batch);
    expect(loader.quarantine.size).toBe(9);
  });

  it.each([2, 3, 7])("may be one of many: all of every %i. are quarantined", async (every) => {
    const { writer, loader, users } = writing();
    const batch = items(20);
    const bad = batch.map(({ message }) => message.messageId).filter((_, index) => index % every === 0);
    for (const messageId of bad) loader.refused.add(messageId);
    await writer.write(batch);
    expect([...loader.quarantine.keys()]).toEqual(bad);
    expect(users()).toHaveLength(20 - bad.length);
  });

  it.each([
    ["nothing more", {}, ""],
    ["a constraint", { constraint: "is_short" }, ", constraint is_short"],
    ["a column", { column: "locale" }, ", column locale"],
  ])(
    "is quarantined with the SQLSTATE for the reason, and %s where Postgres names it",
    async (_what, of, named) => {
      const { writer, loader } = writing();
      loader.faults.push(refused("23514", of));
      await writer.write([item("a")]);
      expect(loader.quarantine.get("a")?.reasons).toEqual([
        `row: refused by Postgres, SQLSTATE 23514${named}`,
      ]);
    },
  );

  it("is found although the database goes away in between", async () => {
    const { writer, loader, users } = writing();
    loader.refused.add("m2");
    loader.faults.push(refused("22021", { column: "locale" }), "lost before", "lost after", "lost before");
    await writer.write(items(4));
    expect([users(), [...loader.quarantine.keys()]]).toEqual([["m0", "m1", "m3"], ["m2"]]);
  });

  it("and that it refuses to quarantine, too, is an error, not an endless loop", async () => {
    const { writer, loader } = writing();
    loader.faults.push(refused("22021"), refused("23514", { column: "reasons" }));
    await expect(writer.write([item("a")])).rejects.toBe(REFUSED);
    expect(loader.calls).toEqual([1, 1]);
  });
});

it("a failure that a repetition does not mend is thrown at once", async () => {
  const { writer, loader, clock } = writing();
  loader.faults.push(new Failure("configuration", "The role may not insert."));
  await expect(writer.write([item("a")])).rejects.toThrow("The role may not insert.");
  expect([loader.calls, clock.now()]).toEqual([[1], 0]);
});

it("every row of a batch may be refused after others passed: they are quarantined, and no table is blamed", async () => {
  const { writer, loader } = writing();
  await writer.write([item("good")]);
  const batch = items(20);
  for (const { message } of batch) loader.refused.add(message.messageId);
  await writer.write(batch);
  expect(loader.quarantine.size).toBe(20);
});

describe("what values do not explain", () => {
  const lacking = refused("42501", { of: "table" });

  it.each(["m0", "m7"])("is a row's own where others pass, and is quarantined: %s", async (bad) => {
    const { writer, loader, users } = writing();
    loader.before = (batch) => {
      if (batch.some((entry) => entry.kind === "row" && entry.messageId === bad)) throw lacking;
    };
    await writer.write(items(41));
    expect([users().length, [...loader.quarantine.keys()]]).toEqual([40, [bad]]);
  });

  it("is not a row's own where the first ten rows have it, whatever comes after", async () => {
    const { writer, loader, users } = writing();
    let bad = 9;
    loader.before = (batch) => {
      if (batch.some(({ kind, messageId }) => kind === "row" && Number(messageId.slice(1)) < bad))
        throw lacking;
    };
    await writer.write(items(20));
    expect([users().length, loader.quarantine.size]).toEqual([11, 9]);
    const next = writing();
    next.loader.before = loader.before;
    bad = 10;
    await expect(next.writer.write(items(20))).rejects.toBe(REFUSED);
    expect(next.loader.quarantine.size).toBe(0);
  });

  it("is told as it is where none passed, after few calls, and nothing is quarantined", async () => {
    const { writer, loader } = writing();
    loader.before = () => {
      throw lacking;
    };
    await expect(writer.write(items(500))).rejects.toBe(REFUSED);
    expect([loader.quarantine.size, loader.calls.length < 50]).toEqual([0, true]);
    await expect(writer.write(items(1))).rejects.toBe(REFUSED);
  });
});

it("a right that is missing since some rows were written is a failure, and nothing is quarantined", async () => {
  const { writer, loader } = writing();
  await writer.write([item("good")]);
  loader.before = (batch) => {
    if (batch.some(({ kind }) => kind === "row")) throw refused("42501", { of: "table" });
  };
  await expect(writer.write(items(10))).rejects.toBe(REFUSED);
  // Also if one of the rows has a fault of its own.
  loader.refused.add("m3");
  loader.before = (batch) => {
    const rows = batch.filter(({ kind }) => kind === "row");
    if (rows.some(({ messageId }) => messageId !== "m3")) throw refused("42501", { of: "table" });
  };
  await expect(writer.write(items(11))).rejects.toBe(REFUSED);
  expect([loader.rows.length, loader.quarantine.size]).toEqual([1, 0]);
});

describe("at the end of a run", () => {
  const same = "22021";

  it.each<[string, number, readonly (string | undefined)[]]>([
    ["warns that every row was refused for one reason", 1, [same, same]],
    ["is silent where there were two reasons", 0, [same, "23514"]],
    ["is silent where any row was written", 0, [same, undefined]],
    ["is silent where no row was refused", 0, []],
  ])("the writer %s", async (_what, warnings, sqlStates) => {
    const { writer, loader, warned } = writing();
    for (const [index, sqlState] of sqlStates.entries()) {
      if (sqlState !== undefined) loader.faults.push(refused(sqlState));
      await writer.write([item(`m${index}`)]);
    }
    writer.end();
    const line =
      "Postgres refused every row of this run for the same reason (SQLSTATE 22021). Check the table's constraints and triggers.";
    expect(warned).toEqual(Array.from({ length: warnings }, () => line));
  });
});

describe("what no table of the database can hold", () => {
  it("is quarantined where every row of a run has it, with no word against the table", async () => {
    const { writer, loader, warned } = writing();
    loader.before = (batch) => {
      if (batch.some((entry) => entry.kind === "row"))
        throw refused("22P05", { column: "locale", of: "value" });
    };
    await writer.write(items(12));
    writer.end();
    expect([loader.quarantine.size, warned]).toEqual([12, []]);
  });
});

describe("a batch that takes longer than the database allows", () => {
  const cancelled = new StatementCancelled(LOST);

  it("is halved until it passes, and later ones are as small", async () => {
    const { writer, loader, users } = writing();
    loader.before = (batch) => {
      if (batch.length > 150) throw cancelled;
    };
    await writer.write(items(500));
    const calls = loader.calls.length;
    await writer.write(Array.from({ length: 500 }, (_, index) => item(`n${index}`)));
    expect([users().length, Math.max(...loader.calls.slice(calls))]).toEqual([1000, 125]);
  });

  it("is a failure of its own where one row is too much, and nothing is quarantined", async () => {
    const { writer, loader } = writing();
    loader.before = () => {
      throw cancelled;
    };
    await expect(writer.write(items(20))).rejects.toBe(LOST);
    expect(loader.quarantine.size).toBe(0);
  });
});

it("every row of a batch may be refused beside a rejection: it is the table all the same", async () => {
  const { writer, loader } = writing();
  const batch = items(12);
  for (const { message } of batch) loader.refused.add(message.messageId);
  await expect(writer.write([...batch, item("r", "no JSON")])).rejects.toMatchObject({
    kind: "configuration",
  });
  expect([...loader.quarantine.keys()]).toEqual(["r"]);
});
