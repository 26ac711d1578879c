// What a database or a role sets for every session changes no answer of any command, or is named where it forbids the work.
import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { EntryMaker, Item } from "../../src/drain/entry.ts";
import { createBodyOpener } from "../../src/quarantine/message.ts";
import type { Entry, SentMessage } from "../../src/drain/ports.ts";
import { systemClock } from "../../src/drain/clock.ts";
import { Backoff } from "../../src/drain/backoff.ts";
import { newCounts } from "../../src/drain/counts.ts";
import { Writer } from "../../src/drain/writer.ts";
import { replay } from "../../src/quarantine/replay.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { initialise } from "../../src/postgres/init.ts";
import { verifyTables } from "../../src/postgres/verify.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { openVault } from "../../src/postgres/vault.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { createOpener, type Opener } from "../../src/recovery/identities.ts";
import { createSealer, type Sealer } from "../../src/recovery/recipients.ts";
import { revealEntries } from "../../src/recovery/reveal.ts";
import { rotate } from "../../src/recovery/rotate.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { loginEntries } from "../support/login-entries.ts";
import { entryOf, itemOf, loginRemask, NO_SEARCH, replaySettings, readVault } from "./entries.ts";

/** Each takes what it is given and says the same whatever the settings are. */
const HARMLESS: readonly (readonly [what: string, settings: Readonly<Record<string, string>>])[] = [
  ["bytea as escapes, and few digits of a float", { bytea_output: "'escape'", extra_float_digits: "-15" }],
  ["dates as SQL, DMY", { datestyle: "'SQL, DMY'" }],
  ["dates as German", { datestyle: "'German, DMY'", timezone: "'Europe/Berlin'" }],
  ["dates as Postgres, YMD", { datestyle: "'Postgres, YMD'", timezone: "'Asia/Kathmandu'" }],
  ["a zone with summer time", { timezone: "'America/New_York'", intervalstyle: "'sql_standard'" }],
  ["backslashes that escape", { standard_conforming_strings: "off", backslash_quote: "off" }],
  [
    "serializable transactions",
    { default_transaction_isolation: "'serializable'", default_transaction_deferrable: "on" },
  ],
  ["repeatable reads", { default_transaction_isolation: "'repeatable read'" }],
  ["no search path", { search_path: "''" }],
  ["a search path that ends with pg_catalog", { search_path: "public, fetch_etl, pg_catalog" }],
  ["a search path of schemas that are not there", { search_path: 'nowhere, "$user"' }],
  [
    "time limits",
    {
      lock_timeout: "'20s'",
      statement_timeout: "'20s'",
      idle_in_transaction_session_timeout: "'20s'",
      idle_session_timeout: "'20s'",
      transaction_timeout: "'20s'",
    },
  ],
  ["another client encoding", { client_encoding: "'LATIN1'" }],
  [
    "ways of working",
    {
      quote_all_identifiers: "on",
      check_function_bodies: "off",
      default_with_oids: "on",
      row_security: "off",
      synchronous_commit: "off",
      enable_hashjoin: "off",
      enable_nestloop: "off",
      enable_seqscan: "off",
      from_collapse_limit: "1",
      escape_string_warning: "off",
      lc_messages: "'C'",
      xmloption: "'document'",
    },
  ],
];

const MASTER = Buffer.alloc(32, 7);
const NEXT_MASTER = Buffer.alloc(32, 8);
const QUEUE = "arn:aws:sqs:us-east-1:000000000000:logins";
/** 3 July: read by month first it is 7 March. */
const SENT_AT = Date.UTC(2026, 6, 3, 23, 30, 15, 123);
const QUARANTINED_AT = "2026-07-04T01:02:03.456789Z";
const REASON = "ticket 42";

let databases: Databases;
let sealer: Sealer;
let opener: Opener;
let expected: unknown;

function message(messageId: string, login: object, sentAt: number | undefined = SENT_AT): SentMessage {
  const body = JSON.stringify({
    user_id: messageId,
    app_version: "2.3.1",
    device_type: "ios",
    ip: "192.0.2.10",
    locale: null,
    device_id: `device of ${messageId}`,
    ...login,
  });
  return { messageId, sentAt, body };
}

function entryMaker(): EntryMaker {
  return loginEntries({ keys: deriveKeys(MASTER), queueId: QUEUE, randomBytes, sealer });
}

function entries(): Entry[] {
  const maker = entryMaker();
  return [
    entryOf(maker, message("plain", {})),
    entryOf(maker, message("odd", { user_id: String.raw`a\b'c"d\' NULL`, locale: String.raw`\n{},"` })),
    entryOf(maker, message("null", { ip: null, device_id: null, device_type: "NULL", app_version: null })),
    entryOf(maker, message("dated", { create_date: "2026-02-01", ip: "2001:db8::1", locale: "é€" })),
    entryOf(maker, message("unknown time", {}, undefined)),
    entryOf(maker, message("no login", { ip: "nothing" })),
    maker.reject(message("passes later", {}), ["row: refused by Postgres, SQLSTATE 22001"]),
    maker.reject(message("passes later, of an unknown time", {}, undefined), ["row: refused"]),
  ];
}

/** Runs everything in the order in which a user would, and tells what each said, without what differs by chance or by time. */
async function commands({ settings, sql: own }: Database): Promise<unknown> {
  const told: Record<string, unknown> = {};
  const doctor = async (): Promise<unknown> => {
    const checks = await checkDatabase(settings, true, () => Date.now());
    const sayings = { database: "", ledger: "" } as Readonly<Record<string, string>>;
    return checks.map(({ name, status, finding }) => ({ name, status, finding: sayings[name] ?? finding }));
  };
  told["doctor at first"] = await doctor();
  told["init"] = await initialise(settings);
  told["init again"] = await initialise(settings);

  const loader = await openLoader(settings, QUEUE, sealer.dataKey);
  try {
    const all = entries();
    told["drain"] = [await loader.load(all), await loader.load(all), await loader.load(all.slice(2, 4))];
    await loader.prune(3650, new AbortController().signal);
  } finally {
    await loader.close();
  }
  // What is younger than any limit that is tried below, and what is older.
  await own.unsafe(`update fetch_etl.quarantine set quarantined_at = '${QUARANTINED_AT}'`);
  told["doctor"] = await doctor();
  told["verify"] = await verifyTables(settings, "values");
  told["rows"] = await rows(own);

  const quarantine = await openQuarantine(settings);
  try {
    told["quarantine list"] = await quarantine.summary();
    const open = createBodyOpener([deriveKeys(MASTER)]);
    const show = async (): Promise<unknown> =>
      (
        await Promise.all(
          ["no login", "passes later", "passes later, of an unknown time"].map((id) => quarantine.find(id)),
        )
      ).map(({ messages }) =>
        messages.map((held) => ({
          ...held,
          body: open(held),
          replayedAt:
            held.replayedAt === undefined ? undefined : Math.abs(Date.now() - held.replayedAt) < 60_000,
        })),
      );
    told["quarantine show"] = await show();
    const store = await quarantine.openReplay(sealer.dataKey, { queue: "logins" });
    told["quarantine replay"] = await replay(store, open, replaySettings(deriveKeys(MASTER), sealer));
    told["quarantine show after replay"] = await show();
    told["rows after replay"] = await rows(own);
    // In New York an hour was left out in between.
    await own.unsafe(`update fetch_etl.quarantine set quarantined_at = case message_id
      when 'no login' then now() - make_interval(hours => 24 * 300) - interval '1 minute'
      else now() - make_interval(hours => 24 * 300) + interval '1 minute' end`);
    const purge = async (days: number): Promise<number> =>
      quarantine.purge(await quarantine.select({ olderThan: days * 86_400 }), "any");
    told["quarantine purge"] = [await purge(300), await purge(299)];
  } finally {
    await quarantine.close();
  }

  const vault = openVault(settings);
  const all = await tokens(own);
  told["reveal"] = await revealEntries(opener, await readVault(settings, all, REASON));
  told["forget"] = await vault.forget(all.slice(0, 1), REASON, NO_SEARCH);

  const next = deriveKeys(NEXT_MASTER);
  const remask = loginRemask(opener, [next, deriveKeys(MASTER)]);
  const rotation = await openRotation(settings, next.keyId, remask);
  try {
    told["rotate"] = await rotate(rotation, new AbortController().signal);
  } finally {
    await rotation.close();
  }
  told["verify after rotation"] = await verifyTables(settings);
  told["rows after rotation"] = await rows(own);
  told["reveal after rotation"] = await revealEntries(
    opener,
    await readVault(settings, await tokens(own), REASON),
  );
  told["record"] = await own`select action, reason, tokens from fetch_etl.reveal_log order by at`;
  return told;
}

/** As the test's own session reads them, which has no settings. */
async function rows(sql: postgres.Sql): Promise<unknown> {
  return (
    await sql`
      select user_id, device_type, masked_ip, masked_device_id, locale, app_version,
             to_char(create_date, 'YYYY-MM-DD') as create_date
      from public.user_logins order by user_id collate "C"`
  ).map((row) => ({ ...row }));
}

async function tokens(sql: postgres.Sql): Promise<string[]> {
  const found = await sql<{ token: string }[]>`select token from fetch_etl.vault order by token collate "C"`;
  return found.map(({ token }) => token);
}

beforeAll(async () => {
  databases = await openDatabases();
  const identity = await generateX25519Identity();
  opener = createOpener(identity);
  sealer = await createSealer([await identityToRecipient(identity)], randomBytes);
  expected = await commands(await databases.make());
});

afterAll(() => databases.dispose());

it("the commands do their work without any settings", () => {
  expect(expected).toMatchObject({
    drain: [
      { loaded: 5, quarantined: 3, duplicates: 0 },
      { loaded: 0, quarantined: 0, duplicates: 8 },
      { loaded: 0, quarantined: 0, duplicates: 2 },
    ],
    "quarantine replay": { loaded: 2, rejected: 1, altered: [] },
    "quarantine purge": [1, 2],
    forget: { forgotten: 1, purged: 0 },
  });
});

it.each(HARMLESS)("every command gives the same answer under %s", async (_what, settings) => {
  const database = await databases.make();
  await databases.set(database, settings);
  expect(await commands(database)).toEqual(expected);
});

it.each(["repeatable read", "serializable"])(
  "two drains that get the same messages load each once, where transactions are %s",
  async (isolation) => {
    const database = await databases.make();
    await databases.set(database, { default_transaction_isolation: `'${isolation}'` });
    await initialise(database.settings);
    const all = Array.from({ length: 300 }, (_, index): Item => {
      return itemOf(entryMaker(), message(`m${index}`, {}));
    });
    const tally = newCounts();
    const loaders = await Promise.all([1, 2].map(() => openLoader(database.settings, QUEUE, sealer.dataKey)));
    try {
      await Promise.all(
        loaders.map(async (loader) => {
          const patience = (): Backoff =>
            new Backoff({ clock: systemClock, retryForMs: 30_000, random: Math.random });
          const writer = new Writer({
            ...{ loader, entries: entryMaker(), counts: tally, onReject: "quarantine" as const },
            ...{ warn: () => undefined, backoff: patience, hurry: new AbortController().signal },
          });
          for (let from = 0; from < all.length; from += 30) await writer.write(all.slice(from, from + 30));
        }),
      );
    } finally {
      for (const loader of loaders) await loader.close();
    }
    expect(tally).toMatchObject({ loaded: 300, duplicates: 300, quarantined: 0 });
    expect(await rows(database.sql)).toHaveLength(300);
  },
);
