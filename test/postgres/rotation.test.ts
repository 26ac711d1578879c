// The statements of a key rotation and of the vault: which rows and entries they read, change, add and delete.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Remask } from "../../src/recovery/remask.ts";
import { initialise } from "../../src/postgres/init.ts";
import { openRotation, type Rotation } from "../../src/postgres/rotation.ts";
import { openVault } from "../../src/postgres/vault.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { NO_SEARCH, outcome, readVault } from "./entries.ts";

const DATA_KEY = "00000000-0000-4000-8000-000000000000";
const COLUMNS = "masked_ip varchar(256), masked_device_id varchar(256)";

let databases: Databases;
let database: Database;
let rotation: Rotation;

/** A token under a masking key, which the letter of its key id names. */
const token = (key: string, value: string): string => `h1.${key.repeat(8)}.${value.padStart(43, "_")}`;
/** From A or B to C, without opening anything. */
const remask: Remask = (entries) =>
  Promise.resolve(
    entries.map(({ token: earlier, sealed, dataKeyId }) => ({
      earlierMac: Buffer.from(earlier).toString("hex"),
      ...{ earlier, token: `h1.CCCCCCCC.${earlier.slice(12)}`, field: "ip", type: null, dataKeyId, sealed },
    })),
  );

beforeAll(async () => {
  databases = await openDatabases();
  database = await databases.make();
  await initialise(database.settings);
  rotation = await openRotation(database.settings, "CCCCCCCC", remask);
});
afterAll(async () => {
  await rotation.close();
  await databases.dispose();
});
beforeEach(async () => {
  await database.sql`truncate public.user_logins, fetch_etl.vault, fetch_etl.vault_keys, fetch_etl.reveal_log, fetch_etl.quarantine, fetch_etl.remasked`;
});

type Row = readonly [ip: string | null, device: string | null];

async function fill(rows: readonly Row[], vault: readonly string[]): Promise<void> {
  for (const [ip, device] of rows)
    await database.sql`insert into public.user_logins (user_id, masked_ip, masked_device_id) values ('u', ${ip}, ${device})`;
  await database.sql`insert into fetch_etl.vault_keys (key_id, sealed) values (${DATA_KEY}, 'k') on conflict do nothing`;
  for (const each of vault)
    await database.sql`insert into fetch_etl.vault (token, field, key_id, sealed) values (${each}, 'ip', ${DATA_KEY}, ${Buffer.from(each)})`;
}

async function rows(): Promise<Row[]> {
  const found = await database.sql<{ ip: string | null; device: string | null }[]>`
    select masked_ip as ip, masked_device_id as device from public.user_logins order by masked_ip, masked_device_id`;
  return found.map(({ ip, device }) => [ip, device]);
}
async function vault(): Promise<string[]> {
  const found = await database.sql<{ token: string }[]>`select token from fetch_etl.vault order by token`;
  return found.map((each) => each.token);
}

const [A1, A2, B1, C1, C2] = [
  token("A", "1"),
  token("A", "2"),
  token("B", "1"),
  token("C", "1"),
  token("C", "2"),
];

describe("a batch of rows", () => {
  it.each<
    [what: string, before: readonly Row[], kept: readonly string[], after: readonly Row[], changed: number]
  >([
    ["is empty", [], [A1], [], 0],
    ["gets the new token", [[A1, null]], [A1], [[C1, null]], 1],
    ["gets both new tokens", [[A1, A2]], [A1, A2], [[C1, C2]], 1],
    ["gets the one whose value is kept", [[A1, A2]], [A2], [[A1, C2]], 1],
    ["gets one token in both columns", [[A1, A1]], [A1], [[C1, C1]], 1],
    [
      "gets tokens of each earlier key",
      [
        [A1, null],
        [B1, null],
      ],
      [A1, B1],
      [
        [C1, null],
        [C1, null],
      ],
      2,
    ],
    ["stays where no value is kept", [[A1, A2]], [], [[A1, A2]], 0],
    ["stays where its tokens are new", [[C1, C2]], [C1], [[C1, C2]], 0],
    ["stays where it has no token", [[null, null]], [A1], [[null, null]], 0],
    ["keeps what is no token beside one", [["192.0.2.1", A1]], [A1], [["192.0.2.1", C1]], 1],
    [
      "keeps what only looks like a token",
      [[`${A1}x`, A1.toUpperCase()]],
      [A1],
      [[`${A1}x`, A1.toUpperCase()]],
      0,
    ],
    ["keeps a token with a blank at its end", [[`${A1} `, null]], [A1], [[`${A1} `, null]], 0],
    [
      "changes every row with a token",
      Array.from({ length: 5 }, (): Row => [A1, null]),
      [A1],
      Array.from({ length: 5 }, (): Row => [C1, null]),
      5,
    ],
  ])("%s", async (_what, before, kept, after, changed) => {
    await fill(before, kept);
    expect(await rotation.changeRows(0)).toBe(changed);
    expect(await rows()).toEqual(after);
    // A second time there is nothing to do.
    expect(await rotation.changeRows(0)).toBe(0);
    const used = new Set(after.flat().filter((each) => each?.startsWith("h1.C") === true));
    expect(await vault()).toEqual(expect.arrayContaining([...kept, ...(changed > 0 ? used : [])]));
  });

  it("leaves a row that another session changes meanwhile", async () => {
    await fill([[A1, null]], [A1, A2]);
    await database.sql.unsafe(`begin; update public.user_logins set masked_ip = '${A2}'`);
    const changing = rotation.changeRows(0);
    for (;;) {
      const waiting = await databases.admin`
        select 1 from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
        where a.datname = ${database.settings.database} and not l.granted`;
      if (waiting.length > 0) break;
    }
    await database.sql.unsafe("commit");
    expect(await changing).toBe(0);
    expect(await rows()).toEqual([[A2, null]]);
  });
});

describe("entries of earlier keys", () => {
  it.each<[what: string, kept: readonly string[], after: string, copied: readonly string[]]>([
    ["none", [], "", []],
    ["none but those of the new key", [C1, C2], "", []],
    ["all of several keys, in order", [B1, A2, A1], "", [A1, A2, B1]],
    ["those behind the last", [A1, A2, B1], A1, [A2, B1]],
    ["none behind the end", [A1, A2], A2, []],
    ["none that are no tokens", ["x", "h1.short.x"], "", []],
  ])("are copied: %s", async (_what, kept, after, copied) => {
    await fill([], kept);
    expect(await rotation.copyEntries(after)).toEqual(copied);
    const made = copied.map((each) => `h1.CCCCCCCC.${each.slice(12)}`);
    expect(await vault()).toEqual([...new Set([...kept, ...made])].sort());
  });

  it("are copied: none of a field that the mapping does not mask, whose tokens are in another table", async () => {
    await fill([], [A1, A2]);
    await database.sql`update fetch_etl.vault set field = 'email' where token = ${A1}`;
    expect(await rotation.copyEntries("")).toEqual([A2]);
    expect(await vault()).toEqual([A1, A2, C2]);
  });

  it.each<
    [
      what: string,
      inRows: readonly Row[],
      kept: readonly string[],
      asked: readonly string[],
      left: readonly string[],
    ]
  >([
    ["that no row has", [[C1, null]], [A1, C1], [A1], [C1]],
    ["but not one in an address", [[A1, null]], [A1, C1], [A1], [A1, C1]],
    ["but not one in a device", [[null, A1]], [A1, C1], [A1], [A1, C1]],
    ["but only those that are asked for", [], [A1, A2], [A2], [A1]],
    ["and none where none is asked for", [], [A1], [], [A1]],
    ["and none that is not there", [], [A1], [A2], [A1]],
    [
      "beside rows without tokens",
      [
        [null, null],
        ["x", "y"],
      ],
      [A1],
      [A1],
      [],
    ],
  ])("are deleted: %s", async (_what, inRows, kept, asked, left) => {
    await fill(inRows, kept);
    expect(await rotation.deleteEntries(asked)).toBe(kept.length - left.length);
    expect(await vault()).toEqual(left);
  });
});

describe("tokens of earlier keys that are left in rows", () => {
  const key = (letter: string): string => letter.repeat(8);
  it.each<
    [
      what: string,
      inRows: readonly Row[],
      kept: readonly string[],
      left: readonly (readonly [string, number, number])[],
    ]
  >([
    ["none", [], [], []],
    ["none, but new ones", [[C1, C2]], [], []],
    ["counted by column", [[A1, A2]], [], [[key("A"), 2, 0]]],
    [
      "counted by row",
      [
        [A1, null],
        [A1, null],
      ],
      [],
      [[key("A"), 2, 0]],
    ],
    [
      "by key, with those that the vault has",
      [
        [A1, B1],
        [A2, null],
      ],
      [A1],
      [
        [key("A"), 2, 1],
        [key("B"), 1, 0],
      ],
    ],
    ["without what is no token", [["192.0.2.1", "x"]], [], []],
  ])("are told: %s", async (_what, inRows, kept, left) => {
    await fill(inRows, kept);
    expect(await rotation.left()).toEqual(
      left.map(([keyId, values, inVault]) => ({ keyId, values, inVault })),
    );
  });
});

it("a column that the table does not have is named", async () => {
  const columns = database.settings.columns.map((column) => ({ ...column, name: `old ${column.name}` }));
  await expect(openRotation({ ...database.settings, columns }, "CCCCCCCC", remask)).rejects.toMatchObject({
    kind: "configuration",
    message: expect.stringContaining(
      "has no columns old masked_ip, old masked_device_id, which the mapping names.",
    ),
  });
});

it("fetch-etl's own tables have no tokens, whatever the masked columns are called", async () => {
  const names = ["queue", "message_id"];
  await database.sql`create table public.reports (queue text, message_id text)`;
  const table = { schema: "public", name: "reports" };
  await database.sql.unsafe(`alter table public.reports owner to ${databases.role}`);
  const masked = database.settings.columns.filter(({ mask }) => mask !== undefined);
  const columns = masked.map((column, index) => ({ ...column, name: names[index] ?? "" }));
  const opened = await openRotation({ ...database.settings, table, columns }, "CCCCCCCC", remask);
  await opened.close();
  await database.sql`drop table public.reports`;
  expect(opened.others).toEqual([]);
});

describe("other tables that may have tokens", () => {
  it.each<[what: string, sql: string, others: readonly string[]]>([
    ["none", "select 1", []],
    ["a table with both columns", `create table others.copy (${COLUMNS})`, ['"others"."copy"']],
    [
      "a partitioned one, without its partitions",
      `create table others.copy (${COLUMNS}) partition by list (masked_ip); create table others.part partition of others.copy for values in ('a')`,
      ['"others"."copy"'],
    ],
    [
      "columns of text",
      `create table others.copy (masked_ip text, masked_device_id text)`,
      ['"others"."copy"'],
    ],
    ["a table with one of the columns", "create table others.copy (masked_ip text)", ['"others"."copy"']],
    ["no table with other columns", "create table others.copy (ip text, locale text)", []],
    [
      "no table with columns of other types",
      "create table others.copy (masked_ip inet, masked_device_id integer)",
      [],
    ],
    ["no view", "create view others.copy as select * from public.user_logins", []],
  ])("are named: %s", async (_what, sql, others) => {
    await database.sql.unsafe(`create schema others; ${sql}`);
    const opened = await openRotation(database.settings, "CCCCCCCC", remask);
    await opened.close();
    await database.sql`drop schema others cascade`;
    expect(opened.others).toEqual(others);
  });
});

describe("the vault", () => {
  it.each<[what: string, kept: readonly string[], asked: readonly string[], missing: readonly string[]]>([
    ["one", [A1, A2], [A1], []],
    ["several, in the order in which they are asked for", [A1, A2, B1], [B1, A1], []],
    ["one twice", [A1], [A1, A1], []],
    ["none", [], [], []],
    ["none where one is not there", [A1], [A1, A2, B1], [A2, B1]],
    ["none of another case", [A1], [A1.toLowerCase()], [A1.toLowerCase()]],
  ])("gives entries and puts it on record: %s", async (_what, kept, asked, missing) => {
    await fill([], kept);
    const reading = readVault(database.settings, asked, "ticket 42");
    if (missing.length === 0) expect((await reading).map((entry) => entry.token)).toEqual(asked);
    else {
      const told = await outcome(reading);
      expect(told).toMatchObject({
        kind: "configuration",
        message: expect.stringContaining(`${missing.length} of ${asked.length} tokens`),
      });
      for (const each of missing) expect(told.message).toContain(each);
    }
    const [record] =
      await database.sql`select action, reason, tokens, database_user from fetch_etl.reveal_log`;
    expect({ ...record }).toEqual({
      action: "reveal",
      reason: "ticket 42",
      tokens: [...new Set(asked)],
      database_user: database.settings.user,
    });
  });

  it.each<
    [
      what: string,
      kept: readonly string[],
      asked: readonly string[],
      left: readonly string[],
      otherKeys: readonly string[],
    ]
  >([
    ["one", [A1, A2], [A1], [A2], []],
    ["all", [A1, A2], [A1, A2], [], []],
    ["one that is asked for twice", [A1], [A1, A1], [], []],
    ["one, and names keys of which others are there", [A1, B1, C1], [A1], [B1, C1], ["BBBBBBBB", "CCCCCCCC"]],
    ["one, and names no key for what is no token", [A1, "x"], [A1], ["x"], []],
    ["those of two keys", [A1, B1], [A1, B1], [], []],
  ])("forgets entries and puts it on record: %s", async (_what, kept, asked, left, otherKeys) => {
    await fill([[A1, null]], kept);
    const forgotten = await openVault(database.settings).forget(asked, "request 12", NO_SEARCH);
    expect(forgotten).toMatchObject({ forgotten: kept.length - left.length, otherKeys, purged: 0 });
    expect(await vault()).toEqual(left);
    expect(await rows()).toEqual([[A1, null]]);
    const [record] = await database.sql`select action, tokens from fetch_etl.reveal_log`;
    expect({ ...record }).toEqual({ action: "forget", tokens: [...new Set(asked)] });
  });

  it("forgets nothing, and records nothing, where one of the tokens is not there", async () => {
    await fill([], [A1]);
    expect(
      await outcome(openVault(database.settings).forget([A1, A2], "request 12", NO_SEARCH)),
    ).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("nothing was done"),
    });
    expect(await vault()).toEqual([A1]);
    expect(await database.sql`select from fetch_etl.reveal_log`).toHaveLength(0);
  });
});
