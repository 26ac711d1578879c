// Messages, values and rows that are there already, also in transactions that have not ended.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RowRefused, type Entry, type LoadResult } from "../../src/drain/ports.ts";
import { initialise } from "../../src/postgres/init.ts";
import { openLoader, type PostgresLoader } from "../../src/postgres/load.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { bisect, outcome, rejection, row, rowWithIp } from "./entries.ts";

const DATA_KEY = { id: randomUUID(), sealed: Buffer.from("a data key") };
const TABLES =
  "public.user_logins, fetch_etl.ledger, fetch_etl.quarantine, fetch_etl.vault, fetch_etl.vault_keys";
/** What tests add to the tables. */
const INDEX = "public.odd, fetch_etl.odd";

let databases: Databases;
let database: Database;
let loaders: readonly [PostgresLoader, PostgresLoader];

beforeAll(async () => {
  databases = await openDatabases();
  database = await databases.make();
  await initialise(database.settings);
  loaders = [
    await openLoader(database.settings, "arn:first", DATA_KEY),
    await openLoader(database.settings, "arn:dead", DATA_KEY),
  ];
});
afterAll(async () => {
  for (const loader of loaders) await loader.close();
  await databases.dispose();
});
beforeEach(async () => {
  await database.sql.unsafe(`truncate ${TABLES}; drop index if exists ${INDEX}`);
});

async function counted(): Promise<Record<string, number>> {
  const [counts] = await database.sql<Record<string, number>[]>`
    select (select count(*)::int from public.user_logins) as rows, (select count(*)::int from fetch_etl.quarantine) as held,
           (select count(*)::int from fetch_etl.ledger) as noted, (select count(*)::int from fetch_etl.vault) as vault`;
  return { ...counts };
}
const NONE = { rows: 0, held: 0, noted: 0, vault: 0 };

describe("a message is never taken for a duplicate", () => {
  it.each<[what: string, index: string, first: Entry, second: Entry]>([
    ["its id", "(message_id)", row("a"), row("a", {}, { sentAt: 5 })],
    ["its queue", "(queue)", row("a"), row("b")],
    ["its body", "(body_mac)", row("a"), row("b")],
    ["its time", "(sent_at)", row("a"), rejection("b")],
    ["its run", "(run_id)", rejection("a"), rejection("b")],
  ])(
    "because an index that somebody added to the ledger has %s already",
    async (_what, index, first, second) => {
      await database.sql.unsafe(`create unique index odd on fetch_etl.ledger ${index}`);
      await loaders[0].load([first]);
      expect(await outcome(loaders[0].load([second]))).toMatchObject({ code: "23505", constraint: "odd" });
      expect(await counted()).toMatchObject({ noted: 1 });
    },
  );
});

it("nothing is loaded while the ledger lacks the index by which it finds a message", async () => {
  await loaders[0].load([row("a")]);
  const [index] = await database.sql<{ create: string }[]>`
    select pg_get_indexdef('fetch_etl.ledger_record'::regclass) as create`;
  await database.sql`drop index fetch_etl.ledger_record`;
  for (const entry of [row("a"), rejection("b")]) {
    expect(await outcome(loaders[0].load([entry]))).toMatchObject({
      at: "table",
      code: "42P10",
      kind: "configuration",
      message: expect.stringContaining("the tables in schema fetch_etl"),
    });
  }
  expect(await counted()).toEqual({ ...NONE, rows: 1, noted: 1 });
  await database.sql.unsafe(index?.create ?? "");
  expect(await loaders[0].load([row("a"), rejection("b")])).toEqual({
    loaded: 0,
    quarantined: 1,
    duplicates: 1,
  });
});

describe("of rows that are alike for an index of the table's, the first is loaded and the others are refused", () => {
  it.each<[what: string, index: string, ids: readonly string[], refused: readonly string[]]>([
    ["none", "(user_id)", ["a", "b", "c"], []],
    ["two of three", "(user_id)", ["a", "b", "a"], ["2"]],
    ["three of four", "(user_id)", ["a", "a", "b", "a"], ["1", "3"]],
    ["all, for an expression", "((1))", ["a", "b", "c", "d"], ["1", "2", "3"]],
    ["those of a condition", "(create_date) where user_id like 'x%'", ["a", "x1", "b", "x2"], ["3"]],
  ])("%s", async (_what, index, ids, refused) => {
    await database.sql.unsafe(`create unique index odd on public.user_logins ${index}`);
    const batch = ids.map((id, place) => row(String(place), { user_id: id }));
    expect(await bisect(loaders[0], batch)).toEqual(refused);
    expect(await counted()).toMatchObject({
      rows: ids.length - refused.length,
      noted: ids.length - refused.length,
    });
  });
});

const token = (name: string): string => `h1.AAAAAAAA.${name.padStart(43, "A")}`;
const withValue = (id: string, value: string): Entry => rowWithIp(id, token(value), value);

/** Resolves when a session of the database waits for another one. */
async function somebodyWaits(): Promise<void> {
  for (;;) {
    const waiting = await databases.admin`
      select 1 from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
      where a.datname = ${database.settings.database} and not l.granted`;
    if (waiting.length > 0) return;
  }
}

describe("a load waits for another transaction, and counts what it committed", () => {
  const NOTE =
    "insert into fetch_etl.ledger (queue, sent_at, message_id, run_id) values ('arn:dead', '2026-07-03', 'a', gen())";
  const REJECTED = NOTE.replace("run_id)", "record, run_id)").replace("gen()", "-1, gen()");
  const SAME_TIME = NOTE.replace("2026-07-03", "1970-01-01").replace("arn:dead", "arn:first");
  const duplicate = { loaded: 0, quarantined: 0, duplicates: 1 };
  const loaded = { loaded: 1, quarantined: 0, duplicates: 0 };
  const quarantined = { loaded: 0, quarantined: 1, duplicates: 0 };

  it.each<
    [
      what: string,
      statement: string,
      entry: Entry,
      end: "commit" | "rollback",
      expected: LoadResult | string,
      vault: number,
    ]
  >([
    ["a login that another drain loads", NOTE, row("a"), "commit", duplicate, 0],
    ["a login that another drain gives up", NOTE, row("a"), "rollback", loaded, 0],
    ["a rejection that another drain loads", REJECTED, rejection("a"), "commit", duplicate, 0],
    ["a rejection that another drain gives up", REJECTED, rejection("a"), "rollback", quarantined, 0],
    ["a login without a sent time", SAME_TIME, row("a", {}, { sentAt: undefined }), "commit", duplicate, 0],
    [
      "a value that another drain keeps",
      `insert into fetch_etl.vault (token, field, key_id, sealed) values ('${token("v")}', 'ip', gen(), '')`,
      withValue("a", "v"),
      "commit",
      loaded,
      1,
    ],
    [
      "a value that another drain gives up",
      `insert into fetch_etl.vault (token, field, key_id, sealed) values ('${token("v")}', 'ip', gen(), '')`,
      withValue("a", "v"),
      "rollback",
      loaded,
      1,
    ],
    [
      "a row that another session stores",
      "insert into public.user_logins (user_id) values ('a')",
      row("a"),
      "commit",
      "23505",
      0,
    ],
    [
      "a row that another session gives up",
      "insert into public.user_logins (user_id) values ('a')",
      row("a"),
      "rollback",
      loaded,
      0,
    ],
    ["a table that is locked", "lock table public.user_logins in share mode", row("a"), "commit", loaded, 0],
    ["a ledger that is locked", "lock table fetch_etl.ledger", row("a"), "commit", loaded, 0],
  ])("%s: %s", async (_what, statement, entry, end, expected, vault) => {
    await database.sql`create unique index odd on public.user_logins (user_id)`;
    await database.sql.unsafe(`begin; ${statement.replace("gen()", `'${randomUUID()}'`)}`);
    const loading = loaders[0]
      .load([entry])
      .catch((error: unknown) => (error instanceof RowRefused ? error.refusal.sqlState : error));
    await somebodyWaits();
    await database.sql.unsafe(end);
    expect(await loading).toEqual(expected);
    expect(await counted()).toMatchObject({ vault });
  });
});

describe("two drains that load the same messages at once load each once, and neither is refused", () => {
  const IDS = Array.from({ length: 200 }, (_, index) => `m${index}`);
  const all = (ids: readonly string[]): Entry[] =>
    ids.map((id, index) => (index % 2 === 0 ? withValue(id, id) : row(id)));

  it.each<[what: string, first: readonly string[], second: readonly string[]]>([
    ["in the same order", IDS, IDS],
    ["in opposite orders", IDS, IDS.toReversed()],
    ["some of them", IDS.slice(0, 150), IDS.slice(50).toReversed()],
    ["in turn", IDS.filter((_, index) => index % 2 === 0), IDS.toReversed()],
  ])("%s", async (_what, first, second) => {
    const messages = new Set([...first, ...second]).size;
    for (let round = 0; round < 5; round += 1) {
      await database.sql.unsafe(`truncate ${TABLES}`);
      const results = await Promise.all([loaders[0].load(all(first)), loaders[1].load(all(second))]);
      expect(results[0].loaded + results[1].loaded).toBe(messages);
      expect(await counted()).toMatchObject({ rows: messages, noted: messages });
    }
  });
});
