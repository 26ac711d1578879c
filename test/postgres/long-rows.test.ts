// Rows that are longer than any that a drain writes: whoever may write to the tables can make them. No command reads one, and none reads
// many megabytes at a time.
import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, it } from "vitest";
import { initialise } from "../../src/postgres/init.ts";
import { verifyTables } from "../../src/postgres/verify.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createOpener, type Opener } from "../../src/recovery/identities.ts";
import { createSealer, type Sealer } from "../../src/recovery/recipients.ts";
import { rotate } from "../../src/recovery/rotate.ts";
import { openDatabases, type Database, type Databases } from "../support/databases.ts";
import { loginRemask, readVault } from "./entries.ts";

const [EARLIER, TODAY] = [deriveKeys(Buffer.alloc(32, 1)), deriveKeys(Buffer.alloc(32, 2))];
const TOO_LONG = 17 * 1024 * 1024;
const OLD = maskOf(EARLIER, "device_id");
const NEW = maskOf(TODAY, "device_id");

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

/** A database with the tables, and one login for each device id, whose value the vault keeps. */
async function withDevices(devices: readonly Buffer[]): Promise<Database> {
  const database = await databases.make();
  const { sql, settings } = database;
  await initialise(settings);
  const { id, sealed } = sealer.dataKey;
  await sql`insert into fetch_etl.vault_keys (key_id, sealed) values (${id}, ${Buffer.from(sealed)})`;
  for (const device of devices) {
    const token = OLD(device);
    const value = Buffer.from(sealer.seal({ field: "device_id", type: "text", token, value: device }));
    await sql`insert into fetch_etl.vault (token, field, type, key_id, sealed) values (${token}, 'device_id', 'text', ${id}, ${value})`;
    await sql`insert into public.user_logins (user_id, masked_device_id) values ('u', ${token})`;
  }
  return database;
}

function rotation({ settings }: Database) {
  const remask = loginRemask(opener, [TODAY, EARLIER]);
  return openRotation(settings, TODAY.keyId, remask);
}

it("a rotation takes entries of many megabytes a few at a time, and rows and vault come out whole", async () => {
  const devices = Array.from({ length: 5 }, (_, index) => Buffer.alloc(3_000_000, `device ${index}`));
  const database = await withDevices(devices);
  const { sql } = database;
  const tables = await rotation(database);
  try {
    const first = await tables.copyEntries("");
    expect(first).toHaveLength(3);
    expect(await tables.copyEntries(first.at(-1) ?? "")).toHaveLength(2);
    expect(await rotate(tables, new AbortController().signal)).toMatchObject({ rows: 5, vault: 5, left: [] });
  } finally {
    await tables.close();
  }
  const tokens = devices.map((device) => NEW(device)).sort();
  const rows = await sql`select masked_device_id as token from public.user_logins order by 1`;
  const held = await sql`select token from fetch_etl.vault order by 1`;
  expect([rows, held].map((list) => list.map(({ token }) => token as string))).toEqual([tokens, tokens]);
});

it("a rotation leaves what is no token as it is, beside one that it changes", async () => {
  const device = Buffer.from("a device");
  const database = await withDevices([device]);
  const { sql } = database;
  await sql`alter table public.user_logins alter masked_ip type text`;
  await sql`update public.user_logins set masked_ip = repeat('x', 1000)`;
  const tables = await rotation(database);
  try {
    expect(await tables.changeRows(0)).toBe(1);
    expect(await tables.changeRows(0)).toBe(0);
  } finally {
    await tables.close();
  }
  const [row] = await sql`select length(masked_ip) as ip, masked_device_id as device from public.user_logins`;
  expect(row).toEqual({ ip: 1000, device: NEW(device) });
});

it.each([
  ["an entry of the vault", "update fetch_etl.vault set sealed = decode(repeat('00', $1), 'hex')"],
  ["a data key", "update fetch_etl.vault_keys set sealed = decode(repeat('00', $1), 'hex')"],
])("%s that is too long is not read: a rotation and a reveal take it for altered", async (what, change) => {
  const device = Buffer.from("a device");
  const database = await withDevices([device]);
  const token = OLD(device);
  await database.sql.unsafe(change.replace("$1", String(TOO_LONG)));
  const tables = await rotation(database);
  try {
    await expect(tables.changeRows(0)).rejects.toMatchObject({ name: "AlteredEntry", token });
    await expect(tables.copyEntries("")).rejects.toMatchObject({ name: "AlteredEntry", token });
  } finally {
    await tables.close();
  }
  const [entry] = await readVault(database.settings, [token], "a test");
  expect(what === "a data key" ? entry?.dataKey : entry?.sealed).toHaveLength(0);
});

it("a quarantined body and reasons that are too long are not read, by a look or a replay, and their length is told", async () => {
  const database = await withDevices([]);
  await database.sql.unsafe(`
    insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
    values ('q', 'epoch', 'long', array[repeat('x', 100000)], repeat('k', 100000), decode(repeat('00', ${TOO_LONG}), 'hex'))`);
  const quarantine = await openQuarantine(database.settings);
  try {
    const { messages, total } = await quarantine.find("long");
    expect([messages.length, total]).toEqual([1, 1]);
    expect(messages[0]).toMatchObject({ reasons: ["too long to be shown"], sealedBytes: TOO_LONG });
    expect(messages[0]?.body).toEqual({ keyId: "k".repeat(64), bytes: Buffer.alloc(0) });
    const store = await quarantine.openReplay(undefined, undefined);
    const [held, ...others] = await store.page(undefined);
    expect([held?.body.bytes.length, held?.reasons, others]).toEqual([0, ["too long to be shown"], []]);
    expect(await store.page(held)).toEqual([]);
  } finally {
    await quarantine.close();
  }
});

it("of many or long reasons and key ids, the most frequent ones are counted, cut short", async () => {
  const database = await withDevices([]);
  await database.sql`
    insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
    select 'q', 'epoch', n::text, array['often', n || repeat('x', 10000)], n || repeat('k', 10000), '' from generate_series(1, 1500) n`;
  const quarantine = await openQuarantine(database.settings);
  try {
    const { total, reasons, keys, cut } = await quarantine.summary();
    expect([total, reasons.length, keys.length, cut]).toEqual([1500, 1000, 1000, true]);
    expect(reasons[0]).toMatchObject({ reason: "often", count: 1500 });
    expect(Math.max(...reasons.map(({ reason }) => reason.length))).toBe(500);
    expect(Math.max(...keys.map(({ keyId }) => keyId.length))).toBe(64);
  } finally {
    await quarantine.close();
  }
  const { quarantined, quarantineReasons } = await verifyTables(database.settings);
  expect([quarantined, Object.keys(quarantineReasons).length]).toEqual([1500, 1000]);
});

it("of many messages with one id, a look brings the first ones, and their number", async () => {
  const database = await withDevices([]);
  await database.sql`
    insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
    select 'q' || n, 'epoch', 'often', '{}', 'AAAAAAAA', '' from generate_series(1, 600) n`;
  const quarantine = await openQuarantine(database.settings);
  try {
    const { messages, total } = await quarantine.find("often");
    expect([messages.length, total]).toEqual([500, 600]);
  } finally {
    await quarantine.close();
  }
});
