// The run history: what a drain records, and that no drain depends on it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { newCounts } from "../../src/drain/counts.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { initialise } from "../../src/postgres/init.ts";
import { initialSql } from "../../src/postgres/init-sql.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { MIGRATIONS } from "../../src/postgres/migrations.ts";
import { RECORD_RIGHTS, rightsFor, grant, grantUsage } from "../../src/postgres/rights.ts";
import { readHistory, type RunEnd } from "../../src/postgres/runs.ts";
import { definitions, runScript } from "../support/catalogue.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { rejection, row } from "./entries.ts";

const QUEUE = "arn:aws:sqs:us-east-1:000000000000:logins";
const START = {
  target: "public.user_logins",
  host: "a host",
  version: "1.2.3",
  keyId: "AAAAAAAA",
  elapsedMs: 0,
};
const END: RunEnd = {
  ...{
    ...newCounts(),
    received: 9,
    loaded: 1,
    duplicates: 2,
    quarantined: 3,
    skipped: 4,
    left: 5,
    deleted: 6,
    released: 7,
  },
  invalid: new Map([
    ["a", 3],
    ["b", 5],
  ]),
  ...{ endedBy: "empty", exitCode: 0, error: undefined },
};

let databases: Databases;
let database: Database;
beforeAll(async () => {
  databases = await openDatabases();
  database = await created();
});
afterAll(() => databases.dispose());

async function created(create?: string): Promise<Database> {
  const made = await databases.make(create);
  await initialise(made.settings);
  return made;
}

let messages = 0;

/** A run that loads a row, and ends. */
async function run(settings: DatabaseSettings, end: Partial<RunEnd> = {}, days?: number): Promise<void> {
  const loader = await openLoader(settings, QUEUE);
  try {
    loader.recordStart(START);
    messages += 1;
    expect(await loader.load([row(`m${messages}`)])).toMatchObject({ loaded: 1 });
    if (days !== undefined) await loader.prune(days, new AbortController().signal);
    await loader.recordEnd({ ...END, ...end });
  } finally {
    await loader.close();
  }
}

async function recorded({ sql }: Database): Promise<Record<string, unknown>[]> {
  return sql`select * from fetch_etl.runs order by started_at, id`;
}

/** As the superuser. */
function urlOf({ settings, sql }: Database): string {
  const { host, port, user, pass } = sql.options;
  return `postgres://${user}:${String(pass)}@${host[0] ?? ""}:${port[0] ?? ""}/${settings.database}`;
}

async function history(
  settings: DatabaseSettings,
): Promise<{ status: string; finding: string; wayOut?: string }> {
  const checks = await checkDatabase(settings, false, () => Date.now());
  const check = checks.find(({ name }) => name === "run history");
  if (check === undefined) throw new Error("not checked");
  return check;
}

it("records a run with the run_id of its ledger entries, first with what is known at the start, then at the end", async () => {
  const own = await created();
  const loader = await openLoader(own.settings, QUEUE);
  loader.recordStart({ ...START, elapsedMs: 90_000 });
  await loader.load([row("known")]);
  const unknown = {
    ended_at: null,
    ended_by: null,
    exit_code: null,
    error: null,
    loaded: null,
    received: null,
  };
  const [started] = await recorded(own);
  const { target, host, version } = START;
  expect(started).toMatchObject({ queue: QUEUE, target, host, version, key_id: "AAAAAAAA", ...unknown });
  await loader.recordEnd({ ...END, error: "x".repeat(600), endedBy: "failed", exitCode: 5 });
  await loader.close();
  const rows = await own.sql`
    select ended_by, exit_code, error, received, loaded, duplicates, quarantined, skipped, left_in_queue, deleted, released, invalid_values,
      ended_at - started_at >= interval '90 seconds' as long
    from fetch_etl.runs join fetch_etl.ledger on run_id = id where message_id = 'known'`;
  expect(rows).toEqual([
    {
      ...{ ended_by: "failed", exit_code: 5, error: "x".repeat(500), long: true },
      ...{ received: "9", loaded: "1", duplicates: "2", quarantined: "3", skipped: "4", left_in_queue: "5" },
      ...{ deleted: "6", released: "7", invalid_values: "8" },
    },
  ]);
});

describe("a schema that an earlier fetch-etl made", () => {
  it.each<[string, (own: Database) => Promise<unknown>]>([
    ["its owner's drain", ({ settings }) => run(settings)],
    ["init", ({ settings }) => initialise(settings)],
    ["the SQL that init prints", (own) => runScript(urlOf(own), initialSql(databases.role, own.settings))],
  ])(
    "gets the run history by %s, and nothing else changes, so the earlier version still works",
    async (_by, change) => {
      const own = await created();
      const loader = await openLoader(own.settings, QUEUE);
      await loader.load([row("before"), rejection("before, rejected")]);
      await loader.close();
      const whole = await definitions(own.sql);
      await own.sql`drop table fetch_etl.runs`;
      await change(own);
      expect(await definitions(own.sql)).toEqual(whole);
      expect(await own.sql`select version from fetch_etl.schema_version`).toEqual([
        { version: MIGRATIONS.length },
      ]);
      expect(
        await own.sql`select message_id as id from fetch_etl.ledger where message_id like 'before%' order by 1`,
      ).toEqual([{ id: "before" }, { id: "before, rejected" }]);
      await run(own.settings);
      expect((await recorded(own)).at(-1)).toMatchObject({ ended_by: "empty" });
    },
  );

  it("works with drains of a role that does not own it, and doctor says who must run init", async () => {
    const own = await created();
    const loader = await databases.otherRole(own, `${LOADER}; grant create on schema fetch_etl to somebody`);
    await own.sql`drop table fetch_etl.runs`;
    await run(loader);
    expect(await own.sql`select to_regclass('fetch_etl.runs') as runs`).toEqual([{ runs: null }]);
    expect(await history(loader)).toEqual({
      ...{ name: "run history", status: "warning", finding: "drains are not recorded" },
      wayOut: expect.stringContaining(`Run "fetch-etl init" as role "${databases.role}"`),
    });
    expect(await history(own.settings)).toMatchObject({
      status: "ok",
      finding: 'to be created by "fetch-etl init" or the first drain: fetch_etl.runs',
    });
    await expect(readHistory(own.settings, "logins")).rejects.toMatchObject({
      kind: "configuration",
      message: 'There is no table fetch_etl.runs yet: "fetch-etl init" creates it.',
    });
  });

  it("works with the first drain of a role that may create the target table, but nothing in schema fetch_etl", async () => {
    const own = await created();
    const grants = `${LOADER}; grant create on schema public to somebody`;
    const loader = await databases.otherRole(own, grants);
    await own.sql`drop table fetch_etl.runs, public.user_logins`;
    const checks = await checkDatabase(loader, false, () => Date.now());
    expect(checks.find(({ name }) => name === "tables")).toMatchObject({ status: "ok" });
    await run(loader);
    expect(await own.sql`select to_regclass('fetch_etl.runs') as runs`).toEqual([{ runs: null }]);
    await own.sql.unsafe(`drop owned by ${loader.user}`);
  });

  it("is not completed by an init that lacks the permission", async () => {
    const own = await created();
    const other = await databases.otherRole(own, LOADER);
    await own.sql`drop table fetch_etl.runs`;
    await expect(initialise(other)).rejects.toThrow("cannot create fetch_etl.runs");
  });
});

/** The grants of a drain, without those of the history. */
const LOADER = [
  grantUsage("fetch_etl", "somebody"),
  ...rightsFor({ schema: "public", name: "user_logins" }, true).map((right) => grant(right, "somebody")),
]
  .join(" ")
  .replaceAll('"somebody"', "somebody")
  .replace(/;$/, "");

it.each(RECORD_RIGHTS.map((right) => [right.right, right] as const))(
  "a role without %s on the run history drains and records nothing, until it has the grants that doctor prints",
  async (_name, missing) => {
    const others = RECORD_RIGHTS.filter((right) => right !== missing).map((right) =>
      grant(right, "somebody"),
    );
    const grants = [`${LOADER};`, ...others].join(" ").replaceAll('"somebody"', "somebody");
    const loader = await databases.otherRole(database, grants);
    const before = await recorded(database);
    await run(loader);
    expect(await recorded(database)).toEqual(before);
    const { status, wayOut = "" } = await history(loader);
    expect({ status, wayOut }).toEqual({
      status: "warning",
      wayOut: expect.stringContaining(grant(missing, loader.user)),
    });
    await database.sql.unsafe(/GRANT .*;/.exec(wayOut)?.[0] ?? "");
    await run(loader);
    expect((await recorded(database)).at(-1)).toMatchObject({ ended_by: "empty" });
    expect((await recorded(database)).length).toBe(before.length + 1);
    expect(await history(loader)).toMatchObject({
      status: "ok",
      finding: expect.stringContaining("cannot prune"),
    });
  },
);

it.each([
  ["is locked", "begin; lock table fetch_etl.runs in access exclusive mode", "rollback"],
  [
    "has a trigger that raises an error",
    `create function public.raise() returns trigger language plpgsql as 'begin raise exception ''no''; end';
     create trigger t before insert or update on fetch_etl.runs for each row execute procedure public.raise()`,
    "drop function public.raise() cascade",
  ],
  [
    "has row-level security",
    "alter table fetch_etl.runs enable row level security; alter table fetch_etl.runs force row level security",
    "alter table fetch_etl.runs disable row level security",
  ],
])("a run loads and ends if the run history %s", async (_state, before, after) => {
  await database.sql.unsafe(before);
  try {
    await run(database.settings);
  } finally {
    await database.sql.unsafe(after);
  }
  await run(database.settings);
  expect((await recorded(database)).at(-1)).toMatchObject({ ended_by: "empty" });
});

it("a slow trigger on the history delays no load", async () => {
  const own = await created();
  await own.sql
    .unsafe(`create function public.slow() returns trigger language plpgsql as 'begin perform pg_sleep(3600); return new; end';
    create trigger t before insert on fetch_etl.runs for each row execute procedure public.slow()`);
  const [version] = await own.sql<{ major: number }[]>`
    select current_setting('server_version_num')::int / 10000 as major`;
  // Before, a time limit does not hold for the message that sets it.
  if ((version?.major ?? 0) > 10) await run(own.settings);
});

it("old entries of the ledger are pruned where the history refuses it", async () => {
  const own = await created();
  await run(own.settings);
  await own.sql`update fetch_etl.ledger set sent_at = now() - interval '99 days', loaded_at = now() - interval '99 days'`;
  await own.sql`alter table fetch_etl.runs enable row level security`;
  await own.sql`alter table fetch_etl.runs force row level security`;
  await run(own.settings, {}, 30);
  expect(await own.sql`select message_id from fetch_etl.ledger`).toHaveLength(1);
});

it("row-level security on the history is a warning of doctor, and an error of status", async () => {
  const own = await created();
  await own.sql`alter table fetch_etl.runs enable row level security`;
  await own.sql`alter table fetch_etl.runs force row level security`;
  expect(await history(own.settings)).toMatchObject({
    status: "warning",
    wayOut: expect.stringContaining("ALTER TABLE fetch_etl.runs DISABLE ROW LEVEL SECURITY;"),
  });
  await expect(readHistory(own.settings, "logins")).rejects.toThrow("Row-level security on fetch_etl.runs");
});

it("an end is recorded on another connection after the first one is lost", async () => {
  const loader = await openLoader(database.settings, QUEUE);
  loader.recordStart({ ...START, host: "lost" });
  await loader.load([row("lost")]);
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = ${databases.role}`;
  await loader.recordEnd(END);
  await loader.recordEnd(END);
  await loader.close();
  expect(await database.sql`select ended_by from fetch_etl.runs where host = 'lost'`).toEqual([
    { ended_by: "empty" },
  ]);
});

it("an end is recorded even if the database's encoding lacks a character of the error message", async () => {
  const own = await created("encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0");
  await run(own.settings, { error: "Größe … too large", endedBy: "failed", exitCode: 2 });
  expect(await recorded(own)).toMatchObject([{ ended_by: "failed", error: "Gr??e ? too large" }]);
});

it("a drain prunes old runs with the ledger, if it has the permission", async () => {
  const own = await created();
  const loader = await databases.otherRole(
    own,
    `${LOADER}; grant insert, select, update, delete on fetch_etl.runs to somebody; grant delete on fetch_etl.ledger to somebody`,
  );
  await run(own.settings, { endedBy: "old" });
  await run(own.settings, { endedBy: "younger" });
  await own.sql`update fetch_etl.runs set started_at = now() - interval '31 days' where ended_by = 'old'`;
  await own.sql`update fetch_etl.runs set started_at = now() - interval '29 days' where ended_by = 'younger'`;
  await own.sql.unsafe(`revoke delete on fetch_etl.runs from ${loader.user}`);
  await run(loader, {}, 30);
  expect((await recorded(own)).map((each) => each["ended_by"])).toEqual(["old", "younger", "empty"]);
  await own.sql.unsafe(`grant delete on fetch_etl.runs to ${loader.user}`);
  await run(loader, {}, 30);
  expect((await recorded(own)).map((each) => each["ended_by"])).toEqual(["younger", "empty", "empty"]);
  expect((await history(loader)).finding).toContain("pruned by each drain");
});

describe("what status reads", () => {
  it("is the last ten runs of one queue, by its name or its ARN, and the names of the other queues", async () => {
    const own = await created();
    await own.sql`
      insert into fetch_etl.runs (id, queue, target, host, version, key_id, started_at, ended_at, exit_code)
      select md5(n || q)::uuid, q, 't', n::text, 'v', 'k', now() - n * interval '1 minute', now(), case n when 11 then 5 else 0 end
      from generate_series(1, 12) as n, unnest(${[QUEUE, "/000000000000/orders"]}::text[]) as q`;
    for (const queue of ["logins", QUEUE]) {
      const { runs, lastFailure, otherQueues } = await readHistory(own.settings, queue);
      expect(runs.map(({ host }) => host)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
      expect(runs.every((each) => each.queue === QUEUE)).toBe(true);
      expect(lastFailure).toMatchObject({ host: "11", exitCode: 5 });
      expect(otherQueues).toEqual(["orders"]);
    }
    expect((await readHistory(own.settings, "orders")).runs).toHaveLength(10);
    expect(await readHistory(own.settings, "none")).toMatchObject({
      runs: [],
      otherQueues: ["logins", "orders"],
    });
  });

  it("counts the queue's messages in the quarantine if the user may read it", async () => {
    const own = await created();
    const loader = await openLoader(own.settings, QUEUE);
    await loader.load([rejection("held")]);
    await loader.close();
    expect((await readHistory(own.settings, "logins")).quarantined).toBe(1);
    expect((await readHistory(own.settings, "orders")).quarantined).toBe(0);
    const other = await databases.otherRole(own, `${LOADER}; grant select on fetch_etl.runs to somebody`);
    expect((await readHistory(other, "logins")).quarantined).toBeUndefined();
    const nobody = await databases.otherRole(own, LOADER);
    await expect(readHistory(nobody, "logins")).rejects.toThrow(
      `GRANT SELECT ON fetch_etl.runs TO "${nobody.user}";`,
    );
  });

  it("is limited in length, whatever another role wrote", async () => {
    const own = await created();
    await own.sql`
      insert into fetch_etl.runs (id, queue, target, host, version, key_id, started_at, ended_at, ended_by, error, loaded, received)
      values ('00000000-0000-4000-8000-000000000000', ${QUEUE}, repeat('t', 1000000), repeat('h', 1000000), '', '', 'infinity',
        '2026-01-01 BC', repeat('e', 1000000), repeat('x', 1000000), -5, 9223372036854775807)`;
    const { runs } = await readHistory(own.settings, "logins");
    expect(runs).toEqual([
      {
        ...{
          id: "00000000-0000-4000-8000-000000000000",
          queue: QUEUE,
          target: "t".repeat(500),
          host: "h".repeat(500),
        },
        ...{ version: "", keyId: "", startedAt: undefined, endedAt: undefined, exitCode: undefined },
        ...{ endedBy: "e".repeat(500), error: "x".repeat(500) },
        counts: expect.objectContaining({ loaded: 0, received: Number.MAX_SAFE_INTEGER }),
      },
    ]);
  });
});
