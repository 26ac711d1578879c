// Idempotency keys in the ledger of a real Postgres.
import { afterAll, beforeAll, expect, it } from "vitest";
import type { DatabaseSettings } from "../../src/config/database.ts";
import type { Check } from "../../src/doctor/check.ts";
import type { RowEntry } from "../../src/drain/ports.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { openLoader, type PostgresLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { loginEntries } from "../support/login-entries.ts";

let databases: Databases;
beforeAll(async () => {
  databases = await openDatabases();
});
afterAll(() => databases.dispose());

/** A login; entries with the same key are duplicates of each other. */
function entry(messageId: string, key: number, sentAt = 1_700_000_000_000): RowEntry {
  const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };
  const body = JSON.stringify({ user_id: messageId, ...nothing });
  for (const { entry: made } of loginEntries().items({ messageId, sentAt, body }))
    if (made?.kind === "row") return { ...made, idempotency: Buffer.alloc(16, key).toString("hex") };
  throw new Error("no row");
}

const withKeys = ({ settings }: Database): DatabaseSettings => ({ ...settings, hasKeys: true });

async function opened(database: Database, count: number): Promise<PostgresLoader[]> {
  const loaders: PostgresLoader[] = [];
  for (let index = 0; index < count; index += 1) loaders.push(await openLoader(withKeys(database), "q"));
  return loaders;
}

it("load once what has the same key, in one statement and in later ones, within a queue", async () => {
  const database = await databases.make();
  const [loader] = await opened(database, 1);
  const other = await openLoader(withKeys(database), "another queue");
  expect(await loader?.load([entry("a", 1), entry("b", 2), entry("c", 1)])).toMatchObject({
    loaded: 2,
    duplicates: 1,
  });
  expect(await loader?.load([entry("d", 2), entry("e", 3), entry("a", 1)])).toMatchObject({
    loaded: 1,
    duplicates: 2,
  });
  expect(await other.load([entry("f", 1)])).toMatchObject({ loaded: 1 });
  const rows = await database.sql<
    { user_id: string }[]
  >`select user_id from public.user_logins order by user_id`;
  expect(rows.map(({ user_id }) => user_id)).toEqual(["a", "b", "e", "f"]);
  await Promise.all([loader?.close(), other.close()]);
});

it("let two drains wait for each other's keys in one order, so that no deadlock ends one", async () => {
  const database = await databases.make();
  await database.sql`alter database ${database.sql(database.settings.database)} set deadlock_timeout = '10ms'`;
  const [one, two] = await opened(database, 2);
  const keys = Array.from({ length: 200 }, (_, index) => index);
  // By sent time, one drain's keys ascend and the other's descend.
  for (let round = 0; round < 5; round += 1) {
    const up = keys.map((key) => entry(`u${round}-${key}`, key, 1_700_000_000_000 + key));
    const down = keys.map((key) => entry(`d${round}-${key}`, key, 1_700_000_000_000 - key));
    const loaded = await Promise.all([one?.load(up), two?.load(down)]);
    expect(loaded.reduce((sum, each) => sum + (each?.loaded ?? 0), 0)).toBe(200);
    await database.sql`truncate fetch_etl.ledger`;
  }
  const [deadlocks] = await database.sql`
    select deadlocks::integer from pg_catalog.pg_stat_database where datname = current_database()`;
  expect(deadlocks).toEqual({ deadlocks: 0 });
  await Promise.all([one?.close(), two?.close()]);
});

it.each([
  [
    "another unique index",
    "create unique index odd on fetch_etl.ledger (run_id)",
    /unique indexes .* not fetch-etl's: "?odd"?\./,
  ],
  [
    "an exclusion constraint",
    "alter table fetch_etl.ledger add constraint odd exclude (loaded_at with =)",
    /exclusion constraints .*: "?odd"?\./,
  ],
  ["a missing index", "drop index fetch_etl.ledger_idempotency", /lacks its unique index ledger_idempotency/],
])(
  "are refused where the ledger has %s, by a drain, a replay and doctor, and only with keys",
  async (_what, change, sentence) => {
    const database = await databases.make();
    await (await openLoader(database.settings, "q")).close();
    await database.sql.unsafe(change);
    const failure = { kind: "configuration", message: expect.stringMatching(sentence) as string };
    await expect(openLoader(withKeys(database), "q")).rejects.toMatchObject(failure);
    const replaying = async (settings: DatabaseSettings): Promise<void> => {
      const quarantine = await openQuarantine(settings);
      await quarantine.openReplay(undefined, undefined).finally(() => quarantine.close());
    };
    await expect(replaying(withKeys(database))).rejects.toMatchObject(failure);
    const tables = async (settings: DatabaseSettings): Promise<Check | undefined> =>
      (await checkDatabase(settings, false, Date.now)).find(({ name }) => name === "tables");
    expect(await tables(withKeys(database))).toMatchObject({
      ...{ status: "failed", kind: failure.kind, wayOut: failure.message },
    });
    expect(await tables(database.settings)).toMatchObject({ status: "ok" });
    await (await openLoader(database.settings, "q")).close();
    await replaying(database.settings);
  },
);
