// Loads into a real Postgres, by the loader itself.
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { expect, inject, it } from "vitest";
import { readDatabase, type DatabaseSettings } from "../../src/config/database.ts";
import { Problems } from "../../src/config/readers.ts";
import { DatabaseLost, StatementCancelled, type Entry, type Loader } from "../../src/drain/ports.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { rejection, row } from "./entries.ts";
import { sourcesOf } from "../support/sources.ts";
import { startUnreliablePostgres } from "../support/unreliable-postgres.ts";

const LEFT = { kind: "configuration" };
interface Database {
  readonly sql: postgres.Sql;
  readonly settings: DatabaseSettings;
}

async function withDatabase(use: (database: Database) => Promise<void>): Promise<void> {
  const serverUrl = inject("postgresUrl");
  const admin = postgres(serverUrl, { max: 1, onnotice: () => undefined });
  const name = `load_${randomBytes(6).toString("hex")}`;
  await admin.unsafe(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const settings = readDatabase(sourcesOf({ DATABASE_URL: url.href }), new Problems());
  if (settings === undefined) throw new Error("no settings");
  const sql = postgres(url.href, { max: 3, onnotice: () => undefined });
  try {
    await use({ sql, settings });
  } finally {
    await sql.end();
    await admin.unsafe(`drop database ${name}`);
    await admin.end();
  }
}

const counted = async (sql: postgres.Sql): Promise<unknown> =>
  (
    await sql`select (select count(*)::int from user_logins) as rows, (select count(*)::int from fetch_etl.quarantine) as held,
      (select count(*)::int from fetch_etl.ledger) as noted`
  )[0];

const SEED = Number(process.env["CHAOS_SEED"] ?? Math.floor(Math.random() * 1e6));

it(`loads a message that is in two queues once, however the two drains interleave (CHAOS_SEED=${SEED})`, () =>
  withDatabase(async ({ sql, settings }) => {
    let state = SEED;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
    const queues = [await openLoader(settings, "arn:first"), await openLoader(settings, "arn:dead")];
    for (let round = 0; round < 50; round += 1) {
      const id = `m${round}`;
      const make = random() < 0.3 ? rejection : row;
      const results = await Promise.all(
        queues.map(async (loader, index) => {
          const others = Array.from({ length: Math.floor(random() * 200) }, (_, n) =>
            row(`${id}-${index}-${n}`),
          );
          const same = make(id);
          const batch = random() < 0.5 ? [same, ...others] : [...others, same];
          await setTimeout(random() * 4);
          const { duplicates } = await loader.load(batch);
          return duplicates;
        }),
      );
      expect(results.reduce((sum, each) => sum + each)).toBe(1);
    }
    const [once] = await sql`
      select count(*)::int as messages, count(distinct id)::int as distinct from (
        select user_id as id from user_logins union all select message_id from fetch_etl.quarantine
      ) as all_of_them where id !~ '-'`;
    expect(once).toEqual({ messages: 50, distinct: 50 });
    await Promise.all(queues.map((loader) => loader.close()));
  }));

interface LostLoad {
  readonly sql: postgres.Sql;
  readonly loader: Loader;
  /** Resolves when as many sessions wait for a lock. */
  readonly waiting: (sessions: number) => Promise<void>;
  /** Lets the statement go on. */
  readonly goOn: () => Promise<void>;
}

/** A load that lost its connection while its statement waits in a trigger. */
function withLostLoad(
  { before = [], entries }: { before?: readonly Entry[]; entries: readonly Entry[] },
  use: (lost: LostLoad) => Promise<void>,
): Promise<void> {
  return withDatabase(async ({ sql, settings }) => {
    const proxy = await startUnreliablePostgres(inject("postgresUrl"));
    const loader = await openLoader({ ...settings, port: Number(new URL(proxy.url).port) }, "arn:first");
    const holder = await sql.reserve();
    const waiting = async (sessions: number): Promise<void> => {
      for (;;) {
        const blocked = await sql`
          select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        if (blocked.length === sessions) return;
        await setTimeout(5);
      }
    };
    const goOn = async (): Promise<void> => {
      await holder`select pg_advisory_unlock_all()`;
    };
    try {
      await sql.unsafe(`
        create function f() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock_shared(1); return new; end';
        create trigger waits before insert on user_logins for each row execute procedure f()`);
      await loader.load(before);
      await holder`select pg_advisory_lock(1)`;
      const lost = loader.load(entries).catch((error: unknown) => error);
      await waiting(1);
      proxy.cut();
      expect(await lost).toBeInstanceOf(DatabaseLost);
      await use({ sql, loader, waiting, goOn });
    } finally {
      await goOn();
      holder.release();
      await loader.close();
      await proxy.stop();
    }
  });
}

it("counts as loaded what a statement commits whose connection was lost, while the next statement waits for it", () => {
  const entries = [row("a"), row("b"), rejection("c")];
  return withLostLoad({ entries }, async ({ sql, loader, waiting, goOn }) => {
    const retried = loader.load(entries);
    await waiting(2);
    await goOn();
    expect(await retried).toEqual({ loaded: 2, quarantined: 1, duplicates: 0 });
    expect(await counted(sql)).toEqual({ rows: 2, held: 1, noted: 3 });
  });
});

it("counts it also if the next statement is cancelled, and the batch is loaded in halves", () => {
  const halves = [[row("a")], [row("b"), rejection("c")]] as const;
  const entries = halves.flat();
  return withLostLoad({ entries }, async ({ sql, loader, waiting, goOn }) => {
    const cancelled = loader.load(entries).catch((error: unknown) => error);
    await waiting(2);
    await sql`
      select pg_cancel_backend(pid) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory'`;
    expect(await cancelled).toBeInstanceOf(StatementCancelled);
    const half = loader.load(halves[0]);
    await waiting(2);
    await goOn();
    expect(await half).toEqual({ loaded: 1, quarantined: 0, duplicates: 0 });
    expect(await loader.load(halves[1])).toEqual({ loaded: 1, quarantined: 1, duplicates: 0 });
    expect(await counted(sql)).toEqual({ rows: 2, held: 1, noted: 3 });
  });
});

it("counts as duplicates, also where the connection is lost, what the run had loaded before", () => {
  const before = [row("a"), rejection("b")];
  const entries = [...before, row("c")];
  return withLostLoad({ before, entries }, async ({ sql, loader, waiting, goOn }) => {
    const retried = loader.load(entries);
    await waiting(2);
    await goOn();
    expect(await retried).toEqual({ loaded: 1, quarantined: 0, duplicates: 2 });
    expect(await counted(sql)).toEqual({ rows: 2, held: 1, noted: 3 });
  });
});

it("takes equal ids of two queues for two messages where no sent time is known", () =>
  withDatabase(async ({ sql, settings }) => {
    for (const queue of ["arn:first", "arn:dead", "arn:first"]) {
      const loader = await openLoader(settings, queue);
      await loader.load([{ ...row("m"), sentAt: undefined }]);
      await loader.close();
    }
    expect(await counted(sql)).toEqual({ rows: 2, held: 0, noted: 2 });
  }));

it.each([
  ["drops rows", "return null", "user_logins"],
  ["sends rows to another table", "insert into child select new.*; return null", "user_logins"],
  ["keeps rejections out", "return null", "fetch_etl.quarantine"],
])("fails as a whole where a trigger %s, and names it", (_what, body, table) =>
  withDatabase(async ({ sql, settings }) => {
    const loader = await openLoader(settings, "arn:first");
    await sql.unsafe(`create table child (like user_logins); create function f() returns trigger language plpgsql as $$ begin ${body}; end $$;
      create trigger odd before insert on ${table} for each row execute procedure f()`);
    await expect(loader.load([row("a"), rejection("b")])).rejects.toMatchObject({
      ...LEFT,
      message: expect.stringContaining(`odd on ${table === "user_logins" ? "public.user_logins" : table}`),
    });
    expect(await counted(sql)).toEqual({ rows: 0, held: 0, noted: 0 });
    await loader.close();
  }),
);
