// The record of access: what is stored before and after values are opened, and how it is read.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Failure } from "../../src/failure.ts";
import { readAccessLog } from "../../src/postgres/access-log.ts";
import { initialise } from "../../src/postgres/init.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openVault } from "../../src/postgres/vault.ts";
import type { Revealed } from "../../src/recovery/reveal.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { outcome } from "./entries.ts";

const TOKEN = `h1.AAAAAAAA.${"A".repeat(43)}`;
const OTHER = `h1.AAAAAAAA.${"B".repeat(43)}`;
const OPENED: Revealed = { ok: true, values: [] };

let databases: Databases;
let database: Database;

beforeAll(async () => {
  databases = await openDatabases();
  database = await databases.make();
  await initialise(database.settings);
  const key = "00000000-0000-4000-8000-000000000000";
  await database.sql`insert into fetch_etl.vault (token, field, key_id, sealed) values (${TOKEN}, 'ip', ${key}, '')`;
  await database.sql`insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
    values ('q', '2026-07-03', 'held', '{}', 'AAAAAAAA', ''), ('q2', '2026-07-03', 'held', '{}', 'AAAAAAAA', '')`;
});
afterAll(() => databases.dispose());
beforeEach(async () => {
  await database.sql`truncate fetch_etl.reveal_log, fetch_etl.reveal_outcomes`;
});

function reveal(open: () => Promise<Revealed>, token = TOKEN, reason = "ticket 42"): Promise<Revealed> {
  return openVault(database.settings).read([token], reason, open);
}

async function outcomes(): Promise<unknown[]> {
  const { requests } = await readAccessLog(database.settings, {});
  return requests.map((request) => request.outcome).toReversed();
}

it("has each request's outcome: opened, refused or failed", async () => {
  await reveal(() => Promise.resolve(OPENED));
  await reveal(() => Promise.resolve({ ok: false, token: TOKEN, why: "altered" }));
  await outcome(reveal(() => Promise.resolve(OPENED), OTHER));
  await outcome(reveal(() => Promise.reject(new Failure("configuration", "another identity"))));
  await outcome(reveal(() => Promise.reject(new Failure("unavailable", "no connection"))));
  await outcome(reveal(() => Promise.reject(new Error("a bug"))));
  expect(await outcomes()).toEqual(["opened", "refused", "refused", "refused", "failed", "failed"]);
});

it("has the request before a value is opened, so that a crash leaves a record without an outcome", async () => {
  let during: unknown;
  await reveal(async () => {
    during = await outcomes();
    return OPENED;
  });
  expect(during).toEqual([null]);
  expect(await outcomes()).toEqual(["opened"]);
});

it("keeps values from being shown where the outcome cannot be stored", async () => {
  await database.sql.unsafe(`
    create function public.drop_it() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger quiet before insert on fetch_etl.reveal_outcomes for each row execute procedure public.drop_it()`);
  const revealed = await outcome(reveal(() => Promise.resolve(OPENED)));
  await database.sql`drop function public.drop_it() cascade`;
  expect(revealed).toMatchObject({
    kind: "configuration",
    message: expect.stringContaining("fetch_etl.reveal_outcomes"),
  });
  expect(await outcomes()).toEqual([null]);
});

it("records who opens a quarantined body, and whether any was opened", async () => {
  const quarantine = await openQuarantine(database.settings);
  try {
    const opened = { outcome: "opened", text: "body", attributes: {} } as const;
    const closed = { outcome: "no key" } as const;
    const shown = await quarantine.open("held", "ticket 42", ({ queue }) =>
      queue === "q" ? opened : closed,
    );
    expect(shown).toMatchObject({ total: 2, messages: [{ opened }, { opened: closed }] });
    await quarantine.open("held", "ticket 43", () => closed);
  } finally {
    await quarantine.close();
  }
  const { requests } = await readAccessLog(database.settings, {});
  const recorded = {
    ...{ action: "show", tokens: [], messages: ["held"], databaseUser: databases.role },
    ...{ clientUser: "me", clientHost: "this-machine" },
  };
  expect(requests).toMatchObject([
    { ...recorded, reason: "ticket 43", outcome: "refused" },
    { ...recorded, reason: "ticket 42", outcome: "opened" },
  ]);
});

it("is read by token, by a part of the reason, and by time, those of an earlier version included", async () => {
  await database.sql`insert into fetch_etl.reveal_log (at, action, reason, tokens)
    values (now() - interval '2 days', 'rotate', 'Rotate to key AAAAAAAA', '{}')`;
  await reveal(() => Promise.resolve(OPENED), TOKEN, "100% of ticket_4711");
  await outcome(reveal(() => Promise.resolve(OPENED), OTHER, "Ticket 4712"));
  const reasons = async (filter: Parameters<typeof readAccessLog>[1]): Promise<string[]> =>
    (await readAccessLog(database.settings, filter)).requests.map(({ reason }) => reason);
  const [rotate, first, second] = ["Rotate to key AAAAAAAA", "100% of ticket_4711", "Ticket 4712"];
  expect(await reasons({})).toEqual([second, first, rotate]);
  expect(await reasons({ token: TOKEN })).toEqual([first]);
  expect(await reasons({ reason: "TICKET" })).toEqual([second, first]);
  expect(await reasons({ reason: "t_4" })).toEqual([first]);
  expect(await reasons({ reason: "%" })).toEqual([first]);
  expect(await reasons({ since: 86_400 })).toEqual([second, first]);
  expect(await reasons({ token: OTHER, since: 0 })).toEqual([]);
  expect((await readAccessLog(database.settings, { reason: rotate })).requests).toMatchObject([
    { id: null, outcome: null, endedAt: undefined, clientUser: null, clientHost: null },
  ]);
});
