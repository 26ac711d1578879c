// Databases that cannot hold every character.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Item } from "../../src/drain/entry.ts";
import { Backoff } from "../../src/drain/backoff.ts";
import { systemClock } from "../../src/drain/clock.ts";
import { newCounts, type Counts } from "../../src/drain/counts.ts";
import { Writer } from "../../src/drain/writer.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { initialise } from "../../src/postgres/init.ts";
import { verifyTables } from "../../src/postgres/verify.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { openVault } from "../../src/postgres/vault.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { loginEntries } from "../support/login-entries.ts";
import { itemOf, NO_SEARCH } from "./entries.ts";

const QUEUE = "arn:aws:sqs:us-east-1:000000000000:logins";

let databases: Databases;
beforeAll(async () => {
  databases = await openDatabases();
});
afterAll(() => databases.dispose());

function inEncoding(encoding: string): Promise<Database> {
  return databases.make(`encoding '${encoding}' lc_collate 'C' lc_ctype 'C' template template0`);
}

const entries = loginEntries({ queueId: QUEUE, randomBytes });

function item(messageId: string, login: object): Item {
  const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };
  const body = JSON.stringify({ user_id: messageId, ...nothing, ...login });
  return itemOf(entries, { messageId, body, sentAt: 0 });
}

/** Writes the items in one batch, as a drain does. */
async function write(database: Database, items: readonly Item[]): Promise<Counts> {
  const tally = newCounts();
  const loader = await openLoader(database.settings, QUEUE);
  const patience = (): Backoff => new Backoff({ clock: systemClock, retryForMs: 0, random: () => 0 });
  try {
    const hurry = new AbortController().signal;
    await new Writer({
      loader,
      entries,
      counts: tally,
      onReject: "quarantine",
      warn: () => undefined,
      backoff: patience,
      hurry,
    }).write(items);
    return tally;
  } finally {
    await loader.close();
  }
}

describe("a character that the database's encoding does not have", () => {
  it("quarantines its message, with the field as the reason, and no other", async () => {
    const database = await inEncoding("LATIN1");
    const tally = await write(database, [
      item("plain", {}),
      item("within", { user_id: "José", locale: "é" }),
      item("beyond", { user_id: "李", device_id: "装置", locale: "€" }),
      item("in the locale", { locale: "日本", ip: "192.0.2.1" }),
      item("in what is masked alone", { device_id: "装置" }),
      item("no login", { ip: "鬼" }),
    ]);
    expect(tally).toMatchObject({ loaded: 3, quarantined: 3 });
    const { quarantineReasons } = await verifyTables(database.settings);
    const because = "row: refused by Postgres, SQLSTATE 22P05, column";
    expect(quarantineReasons).toEqual({
      [`${because} user_id`]: 1,
      [`${because} locale`]: 1,
      "ip: not an IP address": 1,
    });
    const users = await database.sql`select user_id from public.user_logins order by user_id collate "C"`;
    expect(users.map(({ user_id }) => user_id as string)).toEqual([
      "José",
      "in what is masked alone",
      "plain",
    ]);
  });

  it("quarantines its messages where every row of a run has one: no table is blamed", async () => {
    const database = await inEncoding("LATIN1");
    const items = Array.from({ length: 12 }, (_, index) => item(`m${index}`, { locale: "日本" }));
    expect(await write(database, items)).toMatchObject({ loaded: 0, quarantined: 12 });
  });

  it("is told where it comes from elsewhere, as a setting to change", async () => {
    const database = await inEncoding("LATIN1");
    await initialise(database.settings);
    const sentence = {
      kind: "configuration",
      message: expect.stringMatching(
        /a character that the database's encoding does not have \(SQLSTATE 22P05\)/,
      ),
    };
    await expect(openVault(database.settings).forget([], "案件 42", NO_SEARCH)).rejects.toMatchObject(
      sentence,
    );
    const table = { schema: "public", name: "ログイン" };
    await expect(verifyTables({ ...database.settings, table })).rejects.toMatchObject(sentence);
    await expect(openLoader({ ...database.settings, table }, "queue")).rejects.toMatchObject(sentence);
  });
});

it("a database in SQL_ASCII keeps every character", async () => {
  const database = await inEncoding("SQL_ASCII");
  expect(await write(database, [item("beyond", { user_id: "李", locale: "日本" })])).toMatchObject({
    loaded: 1,
  });
  const [row] = await database.sql`select user_id, locale from public.user_logins`;
  expect(row).toEqual({ user_id: "李", locale: "日本" });
});

it.each([
  ["LATIN1", "warning"],
  ["SQL_ASCII", "warning"],
  ["UTF8", "ok"],
])("doctor looks at the encoding: %s is %s", async (encoding, status) => {
  const { settings } = await inEncoding(encoding);
  const [check] = await checkDatabase(settings, false, () => Date.now());
  expect(check).toMatchObject({ name: "database", status });
});
