// The quarantine's statements: what is counted, found, read for a replay, loaded and purged.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PassedRecord, ReplayedMessage, ReplayStore } from "../../src/quarantine/replay.ts";
import { initialise } from "../../src/postgres/init.ts";
import { openQuarantine, type Quarantine } from "../../src/postgres/quarantine.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { outcome, rowWithIp } from "./entries.ts";

const FIRST = "arn:aws:sqs:us-east-1:000000000000:logins";
const OTHER = "arn:aws:sqs:us-east-1:000000000000:other-logins";
const PATH = "/000000000000/logins";
const DATA_KEY = { id: "00000000-0000-4000-8000-000000000000", sealed: Buffer.from("a data key") };

let databases: Databases;
let database: Database;
let quarantine: Quarantine;

beforeAll(async () => {
  databases = await openDatabases();
  database = await databases.make();
  await initialise(database.settings);
  quarantine = await openQuarantine(database.settings);
});
afterAll(async () => {
  await quarantine.close();
  await databases.dispose();
});
beforeEach(async () => {
  await database.sql`truncate public.user_logins, fetch_etl.ledger, fetch_etl.quarantine, fetch_etl.vault, fetch_etl.vault_keys`;
});

interface Held {
  readonly id: string;
  readonly queue?: string;
  readonly sentAt?: string;
  readonly reasons?: readonly (string | null)[];
  readonly keyId?: string;
  readonly sealed?: string;
  /** As an interval. */
  readonly age?: string;
  readonly replayed?: boolean;
}

async function hold(...all: readonly Held[]): Promise<void> {
  for (const {
    id,
    queue = FIRST,
    sentAt = "2026-07-03",
    reasons = ["ip: missing"],
    keyId = "AAAAAAAA",
    sealed = "",
    age = "0",
    replayed = false,
  } of all) {
    await database.sql`
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed, quarantined_at, replayed_at)
      values (${queue}, ${sentAt}::text::timestamptz, ${id}, (select array_agg(value) from jsonb_array_elements_text(${JSON.stringify(reasons)}::text::jsonb)),
        ${keyId}, ${Buffer.from(sealed)}, now() - ${age}::text::interval, case when ${replayed} then now() end)`;
  }
}

describe("a summary counts", () => {
  it.each<
    [
      what: string,
      held: readonly Held[],
      total: number,
      reasons: Readonly<Record<string, number>>,
      keys: Readonly<Record<string, number>>,
    ]
  >([
    ["nothing", [], 0, {}, {}],
    ["a message", [{ id: "a" }], 1, { "ip: missing": 1 }, { AAAAAAAA: 1 }],
    [
      "a message for each of its reasons",
      [{ id: "a", reasons: ["ip: missing", "locale: missing"] }, { id: "b" }],
      2,
      { "ip: missing": 2, "locale: missing": 1 },
      { AAAAAAAA: 2 },
    ],
    [
      "messages by key",
      [{ id: "a" }, { id: "b", keyId: "BBBBBBBB" }, { id: "c", keyId: "BBBBBBBB" }],
      3,
      { "ip: missing": 3 },
      { BBBBBBBB: 2, AAAAAAAA: 1 },
    ],
    [
      "one id in two queues twice",
      [{ id: "a" }, { id: "a", queue: OTHER }],
      2,
      { "ip: missing": 2 },
      { AAAAAAAA: 2 },
    ],
    [
      "no message that was replayed",
      [
        { id: "a", replayed: true },
        { id: "b", keyId: "BBBBBBBB", reasons: ["x"] },
      ],
      1,
      { x: 1 },
      { BBBBBBBB: 1 },
    ],
    ["a reason that is NULL as an empty one", [{ id: "a", reasons: [null] }], 1, { "": 1 }, { AAAAAAAA: 1 }],
  ])("%s", async (_what, held, total, reasons, keys) => {
    await hold(...held);
    const summary = await quarantine.summary();
    expect(summary).toMatchObject({ total, cut: false });
    expect(Object.fromEntries(summary.reasons.map(({ reason, count }) => [reason, count]))).toEqual(reasons);
    expect(Object.fromEntries(summary.keys.map(({ keyId, count }) => [keyId, count]))).toEqual(keys);
  });

  it("and tells when the first was quarantined, and the id of the last", async () => {
    await hold({ id: "old", age: "3 days" }, { id: "new", age: "1 hour" }, { id: "middle", age: "2 days" });
    const [{ oldest, example } = { oldest: "", example: "" }] = (await quarantine.summary()).reasons;
    expect(example).toBe("new");
    expect(Math.round((Date.now() - Date.parse(oldest)) / 3_600_000)).toBe(72);
  });
});

describe("a message is found", () => {
  it.each<[what: string, held: readonly Held[], total: number]>([
    ["by its id", [{ id: "a" }, { id: "b" }], 1],
    ["in each queue that has it", [{ id: "a" }, { id: "a", queue: OTHER }], 2],
    ["at each time at which it was sent", [{ id: "a" }, { id: "a", sentAt: "2026-07-04" }], 2],
    ["whether it was replayed or not", [{ id: "a", replayed: true }], 1],
    ["by no other spelling of its id", [{ id: "A" }, { id: "a " }, { id: " a" }], 0],
  ])("%s", async (_what, held, total) => {
    await hold(...held);
    const found = await quarantine.find("a");
    expect(found.total).toBe(total);
    expect(found.messages.map(({ messageId }) => messageId)).toEqual(
      Array.from({ length: total }, () => "a"),
    );
  });

  it.each<[what: string, sentAt: string, read: number | undefined]>([
    ["with its time", "2026-07-03 01:02:03.456Z", Date.UTC(2026, 6, 3, 1, 2, 3, 456)],
    ["without a time where the server told none", "1970-01-01Z", undefined],
    ["without a time where it is endless", "infinity", undefined],
    ["without a time where it is before all years of JavaScript's text", "4713-01-01 BC", undefined],
    ["with a time before 1970", "1969-12-31 23:59:59.999Z", -1],
  ])("%s", async (_what, sentAt, read) => {
    await hold({ id: "a", sentAt, sealed: "body" });
    const { messages } = await quarantine.find("a");
    expect(messages).toMatchObject([
      {
        queue: FIRST,
        messageId: "a",
        sentAt: read,
        replayedAt: undefined,
        sealedBytes: 4,
        reasons: ["ip: missing"],
      },
    ]);
    expect(messages[0]?.body).toEqual({ keyId: "AAAAAAAA", bytes: Buffer.from("body") });
  });
});

async function pages(store: ReplayStore): Promise<string[]> {
  const ids: string[] = [];
  for (let page = await store.page(undefined); page.length > 0; page = await store.page(page.at(-1)))
    ids.push(...page.map(({ messageId }) => messageId));
  return ids;
}

describe("a replay reads", () => {
  const HELD: readonly Held[] = [
    { id: "a" },
    { id: "b", queue: OTHER },
    { id: "c", queue: PATH },
    { id: "d", replayed: true },
    { id: "e", queue: "logins" },
  ];

  it.each<[what: string, queue: string | undefined, ids: readonly string[]]>([
    ["every queue", undefined, ["c", "a", "b", "e"]],
    ["one queue by its name, whatever it is stored as", "logins", ["c", "a", "e"]],
    ["one queue by its ARN", FIRST, ["a"]],
    ["one queue by its path", PATH, ["c"]],
    ["another queue by its name", "other-logins", ["b"]],
    ["nothing of a queue by the end of its name", "ogins", []],
    ["nothing of a queue that is not there", "nowhere", []],
    ["nothing of a queue by a pattern", ".*", []],
    ["nothing of a queue without a name", "", []],
  ])("%s", async (_what, queue, ids) => {
    await hold(...HELD);
    expect((await pages(await quarantine.openReplay(undefined, { queue }))).toSorted()).toEqual(
      ids.toSorted(),
    );
  });

  it.each<[what: string, held: readonly Held[], ids: readonly string[]]>([
    [
      "earlier times first",
      [
        { id: "a", sentAt: "2026-07-05" },
        { id: "b", sentAt: "-infinity" },
        { id: "c", sentAt: "2026-07-04" },
        { id: "d", sentAt: "infinity" },
      ],
      ["b", "c", "a", "d"],
    ],
    [
      "of one time, queues in order",
      [
        { id: "a", queue: "q2" },
        { id: "b", queue: "q1" },
      ],
      ["b", "a"],
    ],
    ["of one queue, ids in order", [{ id: "c" }, { id: "a" }, { id: "b" }], ["a", "b", "c"]],
    [
      "times that differ by a microsecond",
      [
        { id: "a", sentAt: "2026-07-03 00:00:00.000002Z" },
        { id: "b", sentAt: "2026-07-03 00:00:00.000001Z" },
      ],
      ["b", "a"],
    ],
  ])("%s", async (_what, held, ids) => {
    await hold(...held);
    expect(await pages(await quarantine.openReplay(undefined, undefined))).toEqual(ids);
  });

  it("every message once where they fill several pages", async () => {
    await database.sql`
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
      select 'q' || n % 3, timestamptz '2026-07-03' + n % 7 * interval '1 microsecond', 'm' || n, '{}', 'AAAAAAAA', '' from generate_series(1, 1200) n`;
    const ids = await pages(await quarantine.openReplay(undefined, undefined));
    expect([ids.length, new Set(ids).size]).toEqual([1200, 1200]);
  });

  it("few bodies at a time where they are long", async () => {
    await database.sql`
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
      select 'q', '2026-07-03', 'm' || n, '{}', 'AAAAAAAA', convert_to(repeat('x', 3000000), 'UTF8') from generate_series(1, 4) n`;
    const store = await quarantine.openReplay(undefined, undefined);
    expect((await store.page(undefined)).map(({ messageId }) => messageId)).toEqual(["m1", "m2", "m3"]);
  });
});

describe("a replay loads", () => {
  const token = `h1.AAAAAAAA.${"A".repeat(43)}`;

  async function passed(store: ReplayStore): Promise<PassedRecord[]> {
    const held = await store.page(undefined);
    return held.map((each) => ({
      held: each,
      entry: { ...rowWithIp(each.messageId, token), sentAt: each.sentAt },
    }));
  }
  const counted = async (): Promise<unknown> => {
    const [counts] = await database.sql`
      select (select count(*)::int from public.user_logins) as rows, (select count(*)::int from fetch_etl.vault) as vault,
             (select count(*)::int from fetch_etl.quarantine where replayed_at is null) as held`;
    return { ...counts };
  };

  const done = (messages: readonly PassedRecord[]): ReplayedMessage[] =>
    messages.map(({ held }) => ({ held, rejected: undefined }));

  it.each<[what: string, keepsVault: boolean, held: readonly Held[], loaded: number]>([
    ["nothing", false, [], 0],
    ["a message", false, [{ id: "a" }], 1],
    ["a message, and keeps its value", true, [{ id: "a" }], 1],
    ["a message that moved to another queue, once", false, [{ id: "a" }, { id: "a", queue: OTHER }], 1],
    [
      "messages of one id without a sent time in two queues",
      false,
      [
        { id: "a", sentAt: "epoch" },
        { id: "a", sentAt: "epoch", queue: OTHER },
      ],
      2,
    ],
    [
      "messages of one id at two times",
      false,
      [{ id: "a" }, { id: "a", sentAt: "2026-07-03 00:00:00.001" }],
      2,
    ],
    ["a message without a sent time", false, [{ id: "a", sentAt: "epoch" }], 1],
    ["a message of an endless time", false, [{ id: "a", sentAt: "infinity" }], 1],
  ])("%s", async (_what, keepsVault, held, loaded) => {
    await hold(...held);
    const store = await quarantine.openReplay(keepsVault ? DATA_KEY : undefined, undefined);
    const messages = await passed(store);
    expect(messages).toHaveLength(held.length);
    expect(await store.load(messages)).toBe(loaded);
    const vault = keepsVault ? 1 : 0;
    expect(await counted()).toEqual({ rows: loaded, vault, held: held.length });
    // Another replay may have read them too, or one may have ended here.
    expect(await store.load(messages)).toBe(0);
    await store.mark(done(messages));
    expect(await store.load(messages)).toBe(0);
    expect(await counted()).toEqual({ rows: loaded, vault, held: 0 });
  });

  it("those that another replay has not loaded", async () => {
    await hold({ id: "a" }, { id: "b" }, { id: "c" });
    const stores = [
      await quarantine.openReplay(undefined, undefined),
      await quarantine.openReplay(undefined, undefined),
    ] as const;
    const messages = await passed(stores[0]);
    expect(await stores[0].load(messages.slice(0, 1))).toBe(1);
    await stores[0].mark(done(messages.slice(0, 1)));
    expect(await stores[1].load(messages)).toBe(2);
    await stores[1].mark(done(messages));
    expect(await counted()).toMatchObject({ rows: 3, held: 0 });
  });

  it("no message that was purged, and marks none", async () => {
    await hold({ id: "a" });
    const store = await quarantine.openReplay(undefined, undefined);
    const messages = await passed(store);
    await quarantine.purge({}, "any");
    expect(await store.load(messages)).toBe(0);
    await store.mark(done(messages));
    expect(await counted()).toEqual({ rows: 0, vault: 0, held: 0 });
  });

  it("some records of a message, and keeps what is left of it", async () => {
    await hold({ id: "a", reasons: ["record 1: ip: missing", "record 2: ip: missing"] });
    const store = await quarantine.openReplay(undefined, undefined);
    const [message] = await passed(store);
    if (message === undefined) throw new Error("nothing is held");
    const { held, entry } = message;
    expect(await store.load([1, 2].map((record) => ({ held, entry: { ...entry, record } })))).toBe(2);
    await store.mark([{ held, rejected: { records: [4, 3], reasons: ["record 4: x", "record 3: x"] } }]);
    expect(await counted()).toMatchObject({ rows: 2, held: 1 });
    expect(await store.page(undefined)).toMatchObject([
      { messageId: "a", records: [4, 3], reasons: ["record 4: x", "record 3: x"] },
    ]);
  });

  it.each<[what: string, change: string, undo: string, told: object]>([
    [
      "a value that the table refuses",
      "alter table public.user_logins add constraint short check (user_id <> 'a')",
      "alter table public.user_logins drop constraint short",
      { at: "row", code: "23514", constraint: "short" },
    ],
    [
      "a trigger that drops rows",
      `create function public.f() returns trigger language plpgsql as $$ begin return null; end $$;
       create trigger odd before insert on public.user_logins for each row execute procedure public.f()`,
      "drop function public.f() cascade",
      { at: "sentence", kind: "configuration" },
    ],
    [
      "a table that lacks a column",
      "alter table public.user_logins rename locale to gone",
      "alter table public.user_logins rename gone to locale",
      { at: "table", code: "42703" },
    ],
  ])("nothing, and marks nothing, for %s", async (_what, change, undo, told) => {
    await hold({ id: "a" }, { id: "b" });
    const store = await quarantine.openReplay(undefined, undefined);
    const messages = await passed(store);
    await database.sql.unsafe(change);
    const refused = await outcome(store.load(messages));
    await database.sql.unsafe(undo);
    expect(refused).toMatchObject(told);
    expect(await counted()).toEqual({ rows: 0, vault: 0, held: 2 });
  });

  it("a message, and tells that a rule of the quarantine keeps it from being marked", async () => {
    await hold({ id: "a" });
    const store = await quarantine.openReplay(undefined, undefined);
    const messages = await passed(store);
    await database.sql`create rule odd as on update to fetch_etl.quarantine do instead nothing`;
    expect(await store.load(messages)).toBe(1);
    const refused = await outcome(store.mark(done(messages)));
    await database.sql`drop rule odd on fetch_etl.quarantine`;
    expect(refused).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("while replaying the quarantine (SQLSTATE 0A000)"),
    });
    expect(await counted()).toMatchObject({ rows: 1, held: 1 });
  });
});

describe("a purge deletes", () => {
  it.each<[what: string, held: readonly Held[], days: number, left: readonly string[]]>([
    ["nothing of nothing", [], 0, []],
    ["everything at 0 days", [{ id: "a" }, { id: "b", age: "1 year" }], 0, []],
    [
      "what is older",
      [
        { id: "a", age: "4 days" },
        { id: "b", age: "2 days" },
      ],
      3,
      ["b"],
    ],
    [
      "what is just as old",
      [
        { id: "a", age: "72 hours" },
        { id: "b", age: "71 hours" },
      ],
      3,
      ["b"],
    ],
    ["what was replayed, too", [{ id: "a", age: "4 days", replayed: true }], 3, []],
    [
      "by the time of quarantine, not that of sending",
      [
        { id: "a", sentAt: "2001-01-01" },
        { id: "b", sentAt: "infinity", age: "4 days" },
      ],
      3,
      ["a"],
    ],
    [
      "messages of each queue",
      [
        { id: "a", age: "4 days" },
        { id: "a", queue: OTHER, age: "4 days" },
      ],
      3,
      [],
    ],
  ])("%s", async (_what, held, days, left) => {
    await hold(...held);
    const selection = await quarantine.select({ olderThan: days * 86_400 });
    expect(await quarantine.purge(selection, "any")).toBe(held.length - left.length);
    const rows = await database.sql<
      { id: string }[]
    >`select message_id as id from fetch_etl.quarantine order by 1`;
    expect(rows.map(({ id }) => id)).toEqual(left);
  });

  it("all in several statements", async () => {
    await database.sql`
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
      select 'q' || n % 3, timestamptz '2026-07-03' + n % 7 * interval '1 microsecond', 'm' || n, '{}', 'AAAAAAAA', '' from generate_series(1, 2500) n`;
    expect(await quarantine.purge({}, "any")).toBe(2500);
  });
});
