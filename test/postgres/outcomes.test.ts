// What a load does with each message: loaded, quarantined or a duplicate; and what it stores.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Entry, LoadResult } from "../../src/drain/ports.ts";
import { initialise } from "../../src/postgres/init.ts";
import { openLoader, type PostgresLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import type { SealedDataKey } from "../../src/recovery/recipients.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { loginRow } from "../support/login-entries.ts";
import { outcome, rejection, row, sealedValue, type LoginColumns } from "./entries.ts";

const TABLES =
  "public.user_logins, fetch_etl.ledger, fetch_etl.quarantine, fetch_etl.vault, fetch_etl.vault_keys";
const DATA_KEY: SealedDataKey = { id: randomUUID(), sealed: Buffer.from("a data key") };

let databases: Databases;
let database: Database;
/** Of two queues, and of one queue that keeps a vault. */
let loaders: Readonly<Record<"first" | "dead" | "vault" | "other vault", PostgresLoader>>;

beforeAll(async () => {
  databases = await openDatabases();
  database = await databases.make();
  const { settings } = database;
  await initialise(settings);
  loaders = {
    first: await openLoader(settings, "arn:first"),
    dead: await openLoader(settings, "arn:dead"),
    vault: await openLoader(settings, "arn:first", DATA_KEY),
    "other vault": await openLoader(settings, "arn:first", {
      id: randomUUID(),
      sealed: Buffer.from("another"),
    }),
  };
});
afterAll(async () => {
  for (const loader of Object.values(loaders)) await loader.close();
  await databases.dispose();
});
beforeEach(async () => {
  await database.sql.unsafe(`truncate ${TABLES}`);
});

type Load = readonly [queue: keyof typeof loaders, entries: readonly Entry[]];

/** As `[loaded, quarantined, duplicates]`. */
type Counts = readonly [number, number, number];

async function load([queue, entries]: Load): Promise<Counts> {
  const { loaded, quarantined, duplicates }: LoadResult = await loaders[queue].load(entries);
  return [loaded, quarantined, duplicates];
}

/** Rows in each table. */
async function counted(): Promise<Record<string, number>> {
  const [counts] = await database.sql<Record<string, number>[]>`
    select (select count(*)::int from public.user_logins) as rows, (select count(*)::int from fetch_etl.quarantine) as held,
           (select count(*)::int from fetch_etl.ledger) as noted`;
  return { ...counts };
}

const at = (sentAt: number | undefined): { sentAt: number | undefined } => ({ sentAt });
const T = Date.UTC(2026, 6, 3);

describe("a load", () => {
  it.each<
    [
      what: string,
      loads: readonly Load[],
      last: Counts,
      stored: readonly [rows: number, held: number, noted: number],
    ]
  >([
    ["of nothing does nothing", [["first", []]], [0, 0, 0], [0, 0, 0]],
    ["of a login stores a row", [["first", [row("a")]]], [1, 0, 0], [1, 0, 1]],
    ["of a rejection stores a message", [["first", [rejection("a")]]], [0, 1, 0], [0, 1, 1]],
    ["of both stores both", [["first", [row("a"), rejection("b"), row("c")]]], [2, 1, 0], [2, 1, 3]],
    [
      "of two logins of one user stores two rows",
      [["first", [row("a", { user_id: "u" }), row("b", { user_id: "u" })]]],
      [2, 0, 0],
      [2, 0, 2],
    ],
    [
      "of equal bodies stores both",
      [
        [
          "first",
          [
            row("a", { user_id: "u" }, { bodyMac: "01".repeat(16) }),
            row("b", { user_id: "u" }, { bodyMac: "01".repeat(16) }),
          ],
        ],
      ],
      [2, 0, 0],
      [2, 0, 2],
    ],
    [
      "finds a login of an earlier load",
      [
        ["first", [row("a")]],
        ["first", [row("a")]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "finds a rejection of an earlier load",
      [
        ["first", [rejection("a")]],
        ["first", [rejection("a")]],
      ],
      [0, 0, 1],
      [0, 1, 1],
    ],
    [
      "finds it among others",
      [
        ["first", [row("a"), rejection("b")]],
        ["first", [row("c"), row("a"), rejection("b"), rejection("d")]],
      ],
      [1, 1, 2],
      [2, 2, 4],
    ],
    [
      "keeps a login, and the message too, where it is rejected later",
      [
        ["first", [row("a")]],
        ["first", [rejection("a")]],
      ],
      [0, 1, 0],
      [1, 1, 2],
    ],
    [
      "keeps a rejection, and stores the row too, where its message is a login later",
      [
        ["first", [rejection("a")]],
        ["first", [row("a")]],
      ],
      [1, 0, 0],
      [1, 1, 2],
    ],
    [
      "stores each record of a message",
      [["first", [row("a"), row("a", {}, { record: 1 }), rejection("a")]]],
      [2, 1, 0],
      [2, 1, 3],
    ],
    [
      "finds the records of an earlier load, and stores the others",
      [
        ["first", [row("a"), row("a", {}, { record: 1 })]],
        ["first", [row("a", {}, { record: 1 }), row("a", {}, { record: 2 })]],
      ],
      [1, 0, 1],
      [3, 0, 3],
    ],
    [
      "keeps the first row where a message comes with another",
      [
        ["first", [row("a", { locale: "en" })]],
        ["first", [row("a", { locale: "de" })]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "finds a message that moved to another queue",
      [
        ["first", [row("a")]],
        ["dead", [row("a")]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "finds a rejection that moved to another queue",
      [
        ["first", [rejection("a")]],
        ["dead", [rejection("a")]],
      ],
      [0, 0, 1],
      [0, 1, 1],
    ],
    [
      "finds a message that moved there and back",
      [
        ["first", [row("a")]],
        ["dead", [row("a")]],
        ["first", [row("a")]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "finds a message that a drain with a vault loaded",
      [
        ["vault", [row("a")]],
        ["first", [row("a")]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "tells ids apart by case",
      [
        ["first", [row("a")]],
        ["first", [row("A")]],
      ],
      [1, 0, 0],
      [2, 0, 2],
    ],
    [
      "tells ids apart by a blank at the end",
      [
        ["first", [row("a")]],
        ["first", [row("a ")]],
      ],
      [1, 0, 0],
      [2, 0, 2],
    ],
    [
      "tells composed letters from decomposed ones",
      [
        ["first", [row("\u00e9")]],
        ["first", [row("e\u0301")]],
      ],
      [1, 0, 0],
      [2, 0, 2],
    ],
    [
      "takes one id at two times for two messages",
      [
        ["first", [row("a", {}, at(T))]],
        ["first", [row("a", {}, at(T + 1))]],
      ],
      [1, 0, 0],
      [2, 0, 2],
    ],
    [
      "takes one id at two times for two messages, also at once",
      [["first", [row("a", {}, at(T)), row("a", {}, at(T + 1))]]],
      [2, 0, 0],
      [2, 0, 2],
    ],
    [
      "takes two ids at one time for two messages",
      [["first", [row("a", {}, at(T)), row("b", {}, at(T))]]],
      [2, 0, 0],
      [2, 0, 2],
    ],
    [
      "finds a message without a sent time in its own queue",
      [
        ["first", [row("a", {}, at(undefined))]],
        ["first", [row("a", {}, at(undefined))]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "takes a message without a sent time in another queue for another one",
      [
        ["first", [row("a", {}, at(undefined))]],
        ["dead", [row("a", {}, at(undefined))]],
      ],
      [1, 0, 0],
      [2, 0, 2],
    ],
    [
      "takes a rejection without a sent time in another queue for another one",
      [
        ["first", [rejection("a", at(undefined))]],
        ["dead", [rejection("a", at(undefined))]],
      ],
      [0, 1, 0],
      [0, 2, 2],
    ],
    [
      "takes a message with a sent time for another one than that without",
      [
        ["first", [row("a", {}, at(undefined))]],
        ["first", [row("a", {}, at(T))]],
      ],
      [1, 0, 0],
      [2, 0, 2],
    ],
    [
      "takes a message sent in 1970 for one without a sent time",
      [
        ["first", [row("a", {}, at(0))]],
        ["first", [row("a", {}, at(undefined))]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "takes a message sent a millisecond into 1970 for one with a sent time",
      [
        ["first", [row("a", {}, at(1))]],
        ["dead", [row("a", {}, at(1))]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "takes a sent time before 1970",
      [
        ["first", [row("a", {}, at(-1))]],
        ["first", [row("a", {}, at(-1))]],
      ],
      [0, 0, 1],
      [1, 0, 1],
    ],
    [
      "takes a sent time far ahead",
      [["first", [row("a", {}, at(8_640_000_000_000_000 / 64))]]],
      [1, 0, 0],
      [1, 0, 1],
    ],
  ])("%s", async (_what, loads, last, [rows, held, noted]) => {
    let counts: Counts = [0, 0, 0];
    for (const each of loads) counts = await load(each);
    expect(counts).toEqual(last);
    expect(await counted()).toEqual({ rows, held, noted });
  });

  it.each<[what: string, entries: readonly Entry[]]>([
    ["two logins", [row("a"), row("b"), row("a")]],
    ["two rejections", [rejection("a"), rejection("a")]],
  ])("that has a message twice, as %s, stores nothing of it", async (_what, entries) => {
    expect(await outcome(load(["first", entries]))).not.toMatchObject({ at: "nobody" });
    expect(await counted()).toEqual({ rows: 0, held: 0, noted: 0 });
    expect(await load(["first", [row("a"), rejection("b")]])).toEqual([1, 1, 0]);
  });

  it("stores rows in the order of its messages", async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `u${(index * 7919) % 300}`);
    await load(["first", ids.map((id, index) => (index % 3 === 0 ? rejection(id) : row(id)))]);
    const rows = await database.sql<
      { id: string }[]
    >`select user_id as id from public.user_logins order by ctid`;
    expect(rows.map(({ id }) => id)).toEqual(ids.filter((_, index) => index % 3 !== 0));
  });

  it.each<[what: string, columns: Partial<LoginColumns>]>([
    ["nothing but a user", {}],
    [
      "every column",
      {
        device_type: "ios",
        masked_ip: "h1.a",
        masked_device_id: "h1.b",
        locale: "en",
        app_version: 2_003_000,
      },
    ],
    ["words that SQL knows", { user_id: "NULL", device_type: "null", locale: "default" }],
    ["empty texts", { device_type: "", locale: "" }],
    ["blanks", { device_type: " ", locale: "\t\n\r" }],
    ["quotes and backslashes", { user_id: String.raw`a\b'c"d\' \n \x41 $$`, locale: String.raw`\N` }],
    ["what arrays are written with", { user_id: "{}", device_type: "{a,b}", locale: '","' }],
    [
      "letters beyond the BMP, as many as fit",
      { user_id: "\u{1f600}".repeat(128), locale: "\u{1f600}".repeat(32) },
    ],
    ["letters that join and mark", { user_id: "e\u0301 \u200d\u202e\ufeff", locale: "\u0001\u007f" }],
    ["the smallest number", { app_version: 0 }],
    ["the largest number", { app_version: 2_147_483_647 }],
    ["the first day", { create_date: "0001-01-01" }],
    ["the last day", { create_date: "9999-12-31" }],
    ["a leap day", { create_date: "2024-02-29" }],
  ])("stores %s as it is", async (_what, columns) => {
    const entry = row("a", columns);
    await load(["first", [row("before"), entry, row("after")]]);
    const [stored] = await database.sql`
      select user_id, device_type, masked_ip, masked_device_id, locale, app_version::text, to_char(create_date, 'YYYY-MM-DD') as create_date
      from public.user_logins where user_id not in ('before', 'after')`;
    expect({ ...stored }).toEqual(loginRow(entry.cells));
  });

  it.each<[what: string, reasons: readonly string[]]>([
    ["one", ["ip: missing"]],
    ["none", []],
    ["an empty one", [""]],
    ["several, in their order", ["b: missing", "a: missing", "b: missing"]],
    [
      "some with what JSON and arrays are written with",
      ['a "quoted" one', "{a,b}", "NULL", "\\", "\u{1f600}"],
    ],
  ])("stores a rejection with its reasons: %s", async (_what, reasons) => {
    const sealed = { keyId: "AAAAAAAA", bytes: Buffer.from([0, 255, 92, 120, 39]) };
    await load(["first", [rejection("a", { rejection: { reasons, sealed } }), rejection("b")]]);
    const [held] = await database.sql`
      select queue, sent_at, message_id, reasons, key_id, sealed, replayed_at from fetch_etl.quarantine where message_id = 'a'`;
    expect({ ...held }).toEqual({
      ...{ queue: "arn:first", sent_at: new Date(T), message_id: "a", reasons, replayed_at: null },
      ...{ key_id: "AAAAAAAA", sealed: sealed.bytes },
    });
  });

  it("notes each message with its queue, the time at which it was sent, its run and the MAC of its body", async () => {
    const bodyMac = Buffer.from("0123456789abcdef");
    await load(["first", [row("a", {}, { bodyMac: bodyMac.toString("hex") }), rejection("b")]]);
    await load(["dead", [row("c", {}, at(undefined))]]);
    const noted = await database.sql`
      select queue, sent_at, message_id, body_mac, loaded_at > now() - interval '1 hour' as "isNew",
             dense_rank() over (order by queue, run_id)::int as run from fetch_etl.ledger order by message_id`;
    expect(noted.map((each) => ({ ...each }))).toEqual([
      { queue: "arn:first", sent_at: new Date(T), message_id: "a", body_mac: bodyMac, isNew: true, run: 2 },
      {
        queue: "arn:first",
        sent_at: new Date(T),
        message_id: "b",
        body_mac: Buffer.alloc(16),
        isNew: true,
        run: 2,
      },
      {
        queue: "arn:dead",
        sent_at: new Date(0),
        message_id: "c",
        body_mac: Buffer.alloc(16),
        isNew: true,
        run: 1,
      },
    ]);
  });
});

/** A token of which only the end counts. */
const token = (name: string): string => `h1.AAAAAAAA.${name.padStart(43, "A")}`;
const withValues = (id: string, ip: string | null, device: string | null): Entry =>
  row(
    id,
    { masked_ip: ip === null ? null : token(ip), masked_device_id: device === null ? null : token(device) },
    {
      sealed: [
        ...(ip === null ? [] : [sealedValue("ip", token(ip), `${id} ${ip}`)]),
        ...(device === null ? [] : [sealedValue("device_id", token(device), `${id} ${device}`)]),
      ],
    },
  );

describe("the vault", () => {
  it.each<[what: string, loads: readonly Load[], entries: readonly string[], dataKeys: number]>([
    [
      "keeps both values of a login",
      [["vault", [withValues("m", "i", "d")]]],
      ["device_id m d", "ip m i"],
      1,
    ],
    ["keeps the one that a login has", [["vault", [withValues("m", null, "d")]]], ["device_id m d"], 1],
    ["keeps nothing of a login without values", [["vault", [withValues("m", null, null)]]], [], 1],
    ["keeps nothing of a rejection", [["vault", [rejection("m")]]], [], 1],
    [
      "keeps nothing of a login whose values are not sealed",
      [["vault", [row("m", { masked_ip: token("i") })]]],
      [],
      1,
    ],
    [
      "keeps a value once a load",
      [["vault", [withValues("m", "i", "d"), withValues("n", "i", "e")]]],
      ["device_id m d", "device_id n e", "ip m i"],
      1,
    ],
    [
      "keeps the first of a value that comes again",
      [
        ["vault", [withValues("m", "i", null)]],
        ["vault", [withValues("n", "i", "d")]],
      ],
      ["device_id n d", "ip m i"],
      1,
    ],
    [
      "keeps the data key of each run",
      [
        ["vault", [withValues("m", "i", null)]],
        ["other vault", [withValues("n", "j", null)]],
      ],
      ["ip m i", "ip n j"],
      2,
    ],
    [
      "keeps nothing more of a duplicate",
      [
        ["vault", [withValues("m", "i", null)]],
        ["vault", [withValues("m", "j", "d")]],
      ],
      ["ip m i"],
      1,
    ],
    ["keeps nothing for a drain without a recipient", [["first", [withValues("m", "i", "d")]]], [], 0],
  ])("%s", async (_what, loads, entries, dataKeys) => {
    for (const each of loads) await load(each);
    const kept = await database.sql<{ entry: string }[]>`
      select field || ' ' || convert_from(v.sealed, 'UTF8') as entry
      from fetch_etl.vault v join fetch_etl.vault_keys using (key_id) order by 1`;
    expect(kept.map(({ entry }) => entry)).toEqual(entries);
    expect(await database.sql`select from fetch_etl.vault_keys`).toHaveLength(dataKeys);
  });
});

describe("the ledger is pruned", () => {
  const DAY = 24 * 3600 * 1000;
  const never = new AbortController().signal;

  it.each<
    [what: string, sentDaysAgo: number | undefined, loadedDaysAgo: number, days: number, isLeft: boolean]
  >([
    ["of what was sent and loaded before", 31, 31, 30, false],
    ["of what was sent and loaded an hour before", 30 + 1 / 24, 30 + 1 / 24, 30, false],
    ["but not of what was sent later", 29, 31, 30, true],
    ["but not of what was loaded later", 31, 29, 30, true],
    ["but not of what was sent and loaded an hour later", 30 - 1 / 24, 30 - 1 / 24, 30, true],
    ["but not of a message without a sent time that was loaded later", undefined, 29, 30, true],
    ["of a message without a sent time", undefined, 31, 30, false],
    ["after as many days as are asked for", 31, 31, 32, true],
    ["after 14 days", 15, 15, 14, false],
  ])("%s", async (_what, sentDaysAgo, loadedDaysAgo, days, isLeft) => {
    const ago = (some: number): Date => new Date(Date.now() - some * DAY);
    await load([
      "first",
      [
        row("a", {}, at(sentDaysAgo === undefined ? undefined : ago(sentDaysAgo).getTime())),
        row("b", {}, at(Date.now())),
      ],
    ]);
    await database.sql`update fetch_etl.ledger set loaded_at = ${ago(loadedDaysAgo)} where message_id = 'a'`;
    await loaders.first.prune(days, never);
    const left = await database.sql<
      { id: string }[]
    >`select message_id as id from fetch_etl.ledger order by 1`;
    expect(left.map(({ id }) => id)).toEqual(isLeft ? ["a", "b"] : ["b"]);
  });

  it.each([
    ["reads the quarantine", "grant"],
    ["does not read the quarantine", "revoke"],
  ])(
    "but not of a message in the quarantine, whose records a replay must not load again; by a user who %s",
    async (_who, how) => {
      const { sql, settings } = database;
      const sent = at(Date.now() - 31 * DAY);
      const held = rejection("a", sent);
      await load(["first", [held, row("b", {}, sent)]]);
      // The row was refused at first, and was not when the message came again.
      await load(["first", [row("a", {}, sent)]]);
      await sql`update fetch_etl.ledger set loaded_at = now() - interval '31 days'`;
      await sql.unsafe(
        `${how} select on fetch_etl.quarantine ${how === "grant" ? "to" : "from"} ${settings.user}`,
      );
      await loaders.first.prune(30, never);
      await sql.unsafe(`grant select on fetch_etl.quarantine to ${settings.user}`);
      const quarantine = await openQuarantine(settings);
      const replay = await quarantine.openReplay(undefined, undefined);
      const [message] = await replay.page(undefined);
      if (message === undefined) throw new Error("the quarantine is empty");
      expect(await replay.load([{ held: message, entry: row("a", {}, sent) }])).toBe(0);
      await replay.mark([{ held: message, rejected: undefined }]);
      await quarantine.close();
      expect(await counted()).toEqual({ rows: 2, held: 1, noted: 2 });
      // The columns that a loader's role may read are enough.
      await sql.unsafe(`revoke select on fetch_etl.quarantine from ${settings.user};
        grant select (sent_at, message_id, replayed_at) on fetch_etl.quarantine to ${settings.user}`);
      await loaders.first.prune(30, never);
      expect((await counted())["noted"]).toBe(0);
      await sql.unsafe(`grant select on fetch_etl.quarantine to ${settings.user}`);
    },
  );

  it("not at all where it is to stop, or without the right", async () => {
    await database.sql`insert into fetch_etl.ledger (queue, sent_at, message_id, run_id, loaded_at)
      values ('q', '2020-01-01', 'old', ${randomUUID()}, '2020-01-01')`;
    await loaders.first.prune(30, AbortSignal.abort());
    const { settings } = database;
    await database.sql.unsafe(`revoke delete on fetch_etl.ledger from ${settings.user}`);
    await loaders.first.prune(30, never);
    expect((await counted())["noted"]).toBe(1);
    await database.sql.unsafe(`grant delete on fetch_etl.ledger to ${settings.user}`);
    await loaders.first.prune(30, never);
    expect((await counted())["noted"]).toBe(0);
  });
});
