// Reveal and forget against a real database: what is on record, what is deleted, and where a value is still.
import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, it } from "vitest";
import { LOGIN } from "../../src/config/mapping.ts";
import { createBodyOpener } from "../../src/quarantine/message.ts";
import { replay } from "../../src/quarantine/replay.ts";
import { Failure } from "../../src/failure.ts";
import { initialise } from "../../src/postgres/init.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { openVault } from "../../src/postgres/vault.ts";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { deriveKeys, type MaskingKeys } from "../../src/masking/keys.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createOpener, type Opener } from "../../src/recovery/identities.ts";
import { createSealer, type Sealer } from "../../src/recovery/recipients.ts";
import { revealEntries } from "../../src/recovery/reveal.ts";
import { rotate } from "../../src/recovery/rotate.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { inEnvelope } from "../support/envelope.ts";
import { KEYS, loginEntries } from "../support/login-entries.ts";
import { entryOf, loginRemask, NO_SEARCH, replaySettings, readVault } from "./entries.ts";

const EARLIER = deriveKeys(Buffer.alloc(32, 2));
const QUEUE = "arn:aws:sqs:us-east-1:000000000000:logins";
const REASON = "request 12";
const IP = "192.0.2.77";
const DEVICE = "device of the person";
const OTHER = { ip: "198.51.100.1", device_id: "another device" };

let databases: Databases;
let sealer: Sealer;
let opener: Opener;

beforeAll(async () => {
  databases = await openDatabases();
  const identity = await generateX25519Identity();
  opener = createOpener(identity);
  sealer = await createSealer([await identityToRecipient(identity)], randomBytes);
});
afterAll(() => databases.dispose());

function tokensOf(keys: MaskingKeys): { ip: string; device: string } {
  return {
    ip: maskOf(keys, "ip")(canonicalIp(IP) ?? new Uint8Array()),
    device: maskOf(keys, "device_id")(Buffer.from(DEVICE)),
  };
}

function body(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    user_id: "u",
    app_version: "1.0",
    device_type: null,
    locale: null,
    ...OTHER,
    ...fields,
  });
}

/** Loads or quarantines bodies by their ids, whatever they are, as drains do. */
async function drain(
  { settings }: Database,
  bodies: Readonly<Record<string, string>>,
  how: { keys?: MaskingKeys; reject?: boolean } = {},
): Promise<void> {
  const { keys = KEYS, reject = false } = how;
  const maker = loginEntries({ keys, queueId: QUEUE, randomBytes, sealer });
  const loader = await openLoader(settings, QUEUE, sealer.dataKey);
  try {
    await loader.load(
      Object.entries(bodies).map(([messageId, text]) => {
        const message = {
          messageId,
          sentAt: 1_700_000_000_000,
          body: text,
        };
        return reject ? maker.reject(message, ["row: refused"]) : entryOf(maker, message);
      }),
    );
  } finally {
    await loader.close();
  }
}

async function replayAll({ settings }: Database): Promise<void> {
  const quarantine = await openQuarantine(settings);
  try {
    const store = await quarantine.openReplay(sealer.dataKey, undefined);
    await replay(store, createBodyOpener([KEYS, EARLIER]), replaySettings(KEYS, sealer));
  } finally {
    await quarantine.close();
  }
}

/** All that reveal and the quarantine give to somebody who has every key. */
async function everythingOpened({ settings, sql }: Database): Promise<string> {
  const rows = await sql<{ token: string }[]>`select token from fetch_etl.vault`;
  const entries = await readVault(
    settings,
    rows.map(({ token }) => token),
    REASON,
  );
  const revealed = await revealEntries(opener, entries);
  const quarantine = await openQuarantine(settings);
  const ids = await sql<{ id: string }[]>`select message_id as id from fetch_etl.quarantine`;
  const open = createBodyOpener([KEYS, EARLIER]);
  const held = (await Promise.all(ids.map(({ id }) => quarantine.find(id))))
    .flatMap(({ messages }) => messages)
    .map((each) => open(each));
  await quarantine.close();
  return JSON.stringify([revealed, held]);
}

async function ids({ sql }: Database): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select message_id as id from fetch_etl.quarantine order by message_id collate "C"`;
  return rows.map(({ id }) => id);
}

async function log({ sql }: Database): Promise<unknown[]> {
  return (await sql`select action, reason, tokens from fetch_etl.reveal_log`).map((row) => ({ ...row }));
}

/** Resolves when a session of the database waits for a lock. */
async function somebodyWaits({ settings: { database } }: Database): Promise<void> {
  for (;;) {
    const waiting = await databases.admin`
      select 1 from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
      where a.datname = ${database} and not l.granted`;
    if (waiting.length > 0) return;
  }
}

/** Bodies in which one of the values can be read, by what is wrong with the rest. */
const HOLDING = {
  "a version": body({ ip: IP, app_version: "x" }),
  "b address": body({ ip: "none", device_id: DEVICE }),
  "c envelope": inEnvelope(body({ ip: `::ffff:${IP}`, user_id: null })),
  "d few keys": JSON.stringify({ ip: IP }),
};
/** Bodies without the values, or with them where nobody looks. */
const NOT_HOLDING = {
  "x others": body({ app_version: "x" }),
  "y no JSON": "{",
  "z elsewhere": JSON.stringify({ login: { ip: IP }, note: DEVICE }),
};

it("forget names the quarantined messages that hold a value, whatever else is wrong with them, and leaves them", async () => {
  const database = await databases.make();
  const { ip, device } = tokensOf(KEYS);
  await drain(database, { loaded: body({ ip: IP, device_id: DEVICE }), ...HOLDING, ...NOT_HOLDING });
  await drain(database, { "e earlier key": body({ ip: IP, app_version: "x" }) }, { keys: EARLIER });
  await drain(database, { "f replayed": body({ device_id: DEVICE }) }, { reject: true });
  await drain(database, { "g of no key": "{" }, { keys: deriveKeys(Buffer.alloc(32, 3)) });
  await drain(database, { "h altered": body({ ip: IP, app_version: "x" }) });
  await database.sql`update fetch_etl.quarantine set sealed = '\\x00' where message_id = 'h altered'`;
  await replayAll(database);
  const before = await ids(database);

  const told = await openVault(database.settings).forget([ip, device, ip], REASON, {
    keys: [KEYS, EARLIER],
    mapping: LOGIN,
    purge: false,
  });
  expect(told).toMatchObject({
    forgotten: 2,
    purged: 0,
    otherKeys: [],
    quarantine: { keyMissing: 1, notOpened: 1 },
  });
  const found = "found" in told.quarantine ? told.quarantine.found : [];
  expect(found.map(({ messageId }) => messageId).sort()).toEqual([
    ...Object.keys(HOLDING),
    "e earlier key",
    "f replayed",
  ]);
  expect(await ids(database)).toEqual(before);
  expect(await log(database)).toEqual([{ action: "forget", reason: REASON, tokens: [ip, device] }]);
});

it("after a forgetting that purges, no command gives the value back", async () => {
  const database = await databases.make();
  const { ip, device } = tokensOf(KEYS);
  await drain(database, {
    loaded: body({ ip: IP, device_id: DEVICE }),
    ...HOLDING,
    "x others": NOT_HOLDING["x others"],
  });
  await drain(database, { passes: body({ ip: IP, device_id: DEVICE }) }, { reject: true });
  // At times that no date of JavaScript's has.
  for (const [id, sentAt] of [
    ["odd time", "infinity"],
    ["odder time", "294276-12-31 23:59:59.999999+00"],
    ["oddest", "4713-01-01 00:00:00+00 BC"],
  ] as const) {
    await drain(database, { [id]: body({ ip: IP, app_version: "x" }) });
    await database.sql`update fetch_etl.quarantine set sent_at = ${sentAt}::text::timestamptz where message_id = ${id}`;
  }
  expect(await everythingOpened(database)).toContain(IP);

  const told = await openVault(database.settings).forget([ip, device], REASON, {
    keys: [KEYS],
    mapping: LOGIN,
    purge: true,
  });
  const gone = [...Object.keys(HOLDING), "odd time", "odder time", "oddest", "passes"].sort();
  expect(told).toMatchObject({ forgotten: 2, purged: gone.length });
  expect(await ids(database)).toEqual(["x others"]);
  const [record] = await database.sql<{ messages: string[] }[]>`
    select messages from fetch_etl.reveal_log where action = 'forget'`;
  expect(record?.messages.toSorted()).toEqual(gone);

  await replayAll(database);
  const next = deriveKeys(Buffer.alloc(32, 4));
  const remask = loginRemask(opener, [next, KEYS]);
  const rotation = await openRotation(database.settings, next.keyId, remask);
  await rotate(rotation, new AbortController().signal);
  await rotation.close();
  const opened = await everythingOpened(database);
  expect(opened).toContain(OTHER.ip);
  expect(opened).not.toContain(IP);
  expect(opened).not.toContain(DEVICE);
});

it("forget can delete quarantined messages of a value that the vault never had, and does nothing where neither has it", async () => {
  const database = await databases.make();
  const { ip, device } = tokensOf(KEYS);
  await drain(database, HOLDING);
  const vault = openVault(database.settings);
  await expect(vault.forget([ip], REASON, { keys: [KEYS], mapping: LOGIN, purge: false })).rejects.toThrow(
    "The vault does not contain 1 of 1",
  );
  const unknown = tokensOf(EARLIER).ip;
  await expect(
    vault.forget([ip, unknown], REASON, { keys: [KEYS], mapping: LOGIN, purge: true }),
  ).rejects.toThrow(unknown);
  expect(await ids(database)).toEqual(Object.keys(HOLDING));
  expect(await log(database)).toEqual([]);
  expect(
    await vault.forget([ip, device], REASON, { keys: [KEYS], mapping: LOGIN, purge: true }),
  ).toMatchObject({
    forgotten: 0,
    purged: 4,
  });
});

it("forget says that it could not search for who may not read the quarantine, and names masking keys under which values are left", async () => {
  const database = await databases.make();
  const { ip } = tokensOf(KEYS);
  await drain(database, { loaded: body({ ip: IP }), ...HOLDING });
  await drain(database, { late: body({ ip: IP }) }, { keys: EARLIER });
  const settings = await databases.otherRole(
    database,
    `grant usage on schema fetch_etl to somebody; grant select (token), delete on fetch_etl.vault to somebody;
     grant insert on fetch_etl.reveal_log, fetch_etl.reveal_outcomes to somebody`,
  );
  const vault = openVault(settings);
  await expect(vault.forget([ip], REASON, { keys: [KEYS], mapping: LOGIN, purge: true })).rejects.toThrow(
    "GRANT DELETE ON fetch_etl.quarantine",
  );
  const told = await vault.forget([ip], REASON, { keys: [KEYS], mapping: LOGIN, purge: false });
  expect(told).toMatchObject({ forgotten: 1, otherKeys: [EARLIER.keyId] });
  expect(told.quarantine).toMatchObject({ notSearched: expect.stringContaining("GRANT SELECT") });
});

it("reveal commits its record before it reads, and what was asked for stays on record also when it is not there", async () => {
  const database = await databases.make();
  const { ip, device } = tokensOf(KEYS);
  await drain(database, { loaded: body({ ip: IP }) });
  const read = await database.sql.begin(async (tx) => {
    await tx`lock table fetch_etl.vault in access exclusive mode`;
    const reading = readVault(database.settings, [ip], REASON);
    await somebodyWaits(database);
    expect(await tx`select action, tokens from fetch_etl.reveal_log`).toEqual([
      { action: "reveal", tokens: [ip] },
    ]);
    return { reading };
  });
  expect(await read.reading).toMatchObject([{ token: ip, field: "ip" }]);
  await expect(readVault(database.settings, [device], REASON)).rejects.toThrow("the request is recorded");
  expect(await log(database)).toHaveLength(2);
});

it.each([
  [
    "a trigger",
    `create function public.drop_it() returns trigger language plpgsql as $$ begin return null; end $$;
     create trigger quiet before insert on fetch_etl.reveal_log for each row execute procedure public.drop_it()`,
  ],
  ["a rule", "create rule quiet as on insert to fetch_etl.reveal_log do instead nothing"],
])("reveal and forget do nothing where %s drops their record", async (_what, sql) => {
  const database = await databases.make();
  const { ip } = tokensOf(KEYS);
  await drain(database, { loaded: body({ ip: IP }) });
  await database.sql.unsafe(sql);
  const vault = openVault(database.settings);
  for (const attempt of [
    () => readVault(database.settings, [ip], REASON),
    () => vault.forget([ip], REASON, NO_SEARCH),
  ]) {
    const error: unknown = await attempt().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("fetch_etl.reveal_log"),
    });
  }
  expect(await database.sql`select 1 from fetch_etl.vault where token = ${ip}`).toHaveLength(1);
});

it("a forgetting waits for replays and rotations under way, and they for it", async () => {
  const database = await databases.make();
  await initialise(database.settings);
  const { ip } = tokensOf(KEYS);
  await drain(database, { loaded: body({ ip: IP }) });
  await drain(database, { passes: body({ ip: IP }) }, { reject: true });
  const next = deriveKeys(Buffer.alloc(32, 4));
  const forgetting = openVault(database.settings).forget([ip], REASON, {
    keys: [KEYS],
    mapping: LOGIN,
    purge: true,
  });
  const rotation = await openRotation(database.settings, next.keyId, loginRemask(opener, [next, KEYS]));
  const outcomes = await Promise.allSettled([
    forgetting,
    replayAll(database),
    rotate(rotation, new AbortController().signal),
  ]);
  await rotation.close();
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
});
