import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { generateLogins, mulberry32, type LoginMessage } from "../../sandbox/messages.ts";
import { canonicalIp } from "../../src/masking/canonical.ts";
import { deriveKeys, type MaskingKeys } from "../../src/masking/keys.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createOpener } from "../../src/recovery/identities.ts";
import { createSealer } from "../../src/recovery/recipients.ts";
import { times } from "../chaos/invariant.ts";
import { SEED } from "../chaos/random.ts";
import { json, makeTables, withBench, type Bench } from "../support/bench.ts";
import { withIdentity, type IdentityFile } from "../support/identities.ts";

const it = test.concurrent;
const KILLS = times(10, 3);
const ROWS = times(10_000, 2_500);
/** About as long as a rotation of so many rows takes. */
const LONGEST_MS = times(3500, 1000);
const LONG_MS = 5 * 60_000;

interface Key {
  /** As it stands in the environment. */
  readonly text: string;
  readonly id: string;
  readonly keys: MaskingKeys;
}

function keyOf(text: string): Key {
  const keys = deriveKeys(Buffer.from(text, "base64"));
  return { text, id: keys.keyId, keys };
}

function newKey(): Key {
  return keyOf(randomBytes(32).toString("base64"));
}

/** A bench whose key is `a`, an identity, and a key `b` to rotate to. */
function withVault(use: (setup: Setup) => Promise<void>): Promise<void> {
  return withIdentity((identity) =>
    withBench((bench) => {
      const a = keyOf(bench.env["FETCH_ETL_MASKING_KEY"] ?? "");
      const b = newKey();
      const keeping = { FETCH_ETL_RECOVERY_RECIPIENT: identity.recipient };
      const rotated = { FETCH_ETL_MASKING_KEY: `${b.text},${a.text}` };
      return use({ bench, identity, a, b, keeping, rotated });
    }),
  );
}

interface Setup {
  readonly bench: Bench;
  readonly identity: IdentityFile;
  readonly a: Key;
  readonly b: Key;
  /** Environment of a drain that keeps values. */
  readonly keeping: Readonly<Record<string, string>>;
  /** Environment in which `b` masks, and `a` is an earlier key. */
  readonly rotated: Readonly<Record<string, string>>;
}

/** Logins that can be told from each other by their users, in the order of these. */
function makeLogins(count: number, seed = 1): LoginMessage[] {
  return generateLogins(count, seed).map((login, index) => ({
    ...login,
    user_id: `user-${String(seed)}-${String(index).padStart(6, "0")}`,
  }));
}

function ipToken({ keys }: Key, ip: string): string {
  return maskOf(keys, "ip")(canonicalIp(ip) ?? new Uint8Array());
}

function deviceToken({ keys }: Key, deviceId: string): string {
  return maskOf(keys, "device_id")(Buffer.from(deviceId));
}

interface Row {
  readonly user_id: string;
  readonly masked_ip: string;
  readonly masked_device_id: string;
  readonly others: string;
}

async function rowsOf({ sql }: Bench): Promise<Row[]> {
  return [
    ...(await sql<Row[]>`
      select user_id, masked_ip, masked_device_id,
             concat_ws('|', device_type, coalesce(locale, 'none'), app_version, create_date) as others
      from public.user_logins order by user_id collate "C"`),
  ];
}

/** What rows must be: as many as logins, none changed but for its tokens, and these as a drain under `key` makes them. */
function masked(rows: readonly Row[], logins: readonly LoginMessage[], key: Key): Row[] {
  expect(rows.map(({ user_id }) => user_id)).toEqual(logins.map(({ user_id }) => user_id));
  return rows.map((row, index) => ({
    ...row,
    masked_ip: ipToken(key, logins[index]?.ip ?? ""),
    masked_device_id: deviceToken(key, logins[index]?.device_id ?? ""),
  }));
}

/** Every value of the vault by its token, opened. */
async function openVault({ sql }: Bench, { text }: IdentityFile): Promise<Map<string, string>> {
  const opener = createOpener(text);
  const keys = new Map<string, ReturnType<typeof opener.dataKey>>();
  const values = new Map<string, string>();
  const entries = await sql<
    { token: string; field: string; type: string | null; keyId: string; sealed: Buffer; dataKey: Buffer }[]
  >`
    select token, field, type, key_id as "keyId", v.sealed, k.sealed as "dataKey"
    from fetch_etl.vault v join fetch_etl.vault_keys k using (key_id)`;
  for (const { keyId, sealed, dataKey, ...context } of entries) {
    const key = keys.get(keyId) ?? opener.dataKey(dataKey);
    keys.set(keyId, key);
    values.set(context.token, Buffer.from(opener.value(await key, context, sealed)).toString("latin1"));
  }
  return values;
}

/** What the vault must hold for these logins under a key. */
function vaultFor(logins: readonly LoginMessage[], key: Key): Map<string, string> {
  return new Map(
    logins.flatMap(({ ip, device_id }) => [
      [ipToken(key, ip), Buffer.from(canonicalIp(ip) ?? []).toString("latin1")],
      [deviceToken(key, device_id), device_id],
    ]),
  );
}

const bodies = (logins: readonly LoginMessage[]): string[] => logins.map((login) => JSON.stringify(login));

it("gives every row and every entry of the vault the tokens of the first key, and changes nothing else", () =>
  withVault(async ({ bench, identity, b, keeping, rotated }) => {
    const logins = makeLogins(300);
    await bench.send(bodies(logins));
    expect((await bench.run(["drain"], keeping)).code).toBe(0);
    const before = await rowsOf(bench);

    const outcome = await bench.run(["rotate", "--identity", identity.path, "--json"], rotated);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    const expected = vaultFor(logins, b);
    expect(json(outcome)).toEqual({
      schemaVersion: 2,
      command: "rotate",
      keyId: b.id,
      rows: 300,
      vault: expected.size,
      left: {},
    });
    expect(await rowsOf(bench)).toEqual(masked(before, logins, b));
    expect(await openVault(bench, identity)).toEqual(expected);
    const requests = await bench.sql`
      select action, reason, tokens, outcome
      from fetch_etl.reveal_log left join fetch_etl.reveal_outcomes using (id)`;
    expect(requests).toEqual([
      {
        action: "rotate",
        reason: `rotate to key ${b.id} in public.user_logins`,
        tokens: [],
        outcome: "done",
      },
    ]);

    // The same values, drained under the new key, meet the rotated rows.
    const again = makeLogins(300).map((login) => ({ ...login, user_id: `${login.user_id}-again` }));
    await bench.send(bodies(again));
    expect((await bench.run(["drain"], { ...keeping, ...rotated })).code).toBe(0);
    const [met] = await bench.sql`
      select count(*)::integer as rows, count(distinct masked_ip)::integer as ips from public.user_logins`;
    expect(met).toEqual({ rows: 600, ips: new Set(logins.map(({ ip }) => ip)).size });
    expect((await openVault(bench, identity)).size).toBe(expected.size);

    const nothing = await bench.run(["rotate", "--identity", identity.path], rotated);
    expect(nothing).toEqual({
      code: 0,
      stdout: `Rotated to key ${b.id}: 0 rows and 0 vault entries re-masked; 0 values of earlier keys left in rows\n`,
      stderr: "",
    });
    expect(await bench.run(["rotate", "--identity", identity.path, "--quiet"], rotated)).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
  }));

it("counts and leaves what the vault does not hold, and says so", () =>
  withVault(async ({ bench, identity, a, b, keeping, rotated }) => {
    const [kept, known, unknown] = makeLogins(3);
    if (kept === undefined || known === undefined || unknown === undefined) throw new Error("no logins");
    await bench.send(bodies([kept]));
    await bench.run(["drain"], keeping);
    // The second shares its address with a row that was kept, the third shares nothing.
    const shared = { ...known, ip: kept.ip };
    await bench.send(bodies([shared, unknown]));
    await bench.run(["drain"]);
    await bench.sql`insert into public.user_logins (user_id, masked_ip) values ('user-2', 'no token'), ('user-3', null)`;

    const outcome = await bench.run(["rotate", "--identity", identity.path, "--json"], rotated);
    expect(outcome.code).toBe(0);
    expect(json(outcome)).toMatchObject({ rows: 2, vault: 2, left: { [a.id]: 3 } });
    expect(outcome.stderr).toMatch(
      new RegExp(
        `^warning: 3 values of earlier keys in user_logins could not be re-masked \\(key ${a.id}: 3\\).*\n$`,
      ),
    );
    const rows = await bench.sql`
      select masked_ip as ip, masked_device_id as device from public.user_logins order by user_id collate "C"`;
    expect(rows).toEqual([
      { ip: ipToken(b, kept.ip), device: deviceToken(b, kept.device_id) },
      { ip: ipToken(b, kept.ip), device: deviceToken(a, shared.device_id) },
      { ip: ipToken(a, unknown.ip), device: deviceToken(a, unknown.device_id) },
      { ip: "no token", device: null },
      { ip: null, device: null },
    ]);
  }));

it("rotates rows that a drain with the earlier key added meanwhile in another run", () =>
  withVault(async ({ bench, identity, b, keeping, rotated }) => {
    const logins = makeLogins(40);
    await bench.send(bodies(logins.slice(0, 20)));
    await bench.run(["drain"], keeping);
    await bench.run(["rotate", "--identity", identity.path], rotated);
    const before = await rowsOf(bench);
    await bench.send(bodies(logins.slice(20)));
    await bench.run(["drain"], keeping);
    const outcome = await bench.run(["rotate", "--identity", identity.path, "--json"], rotated);
    expect(json(outcome)).toMatchObject({ rows: 20, left: {} });
    const rows = await rowsOf(bench);
    expect(rows).toEqual(masked(rows, logins, b));
    expect(rows.slice(0, 20)).toEqual(before);
    expect(await openVault(bench, identity)).toEqual(vaultFor(logins, b));
  }));

it("keeps an entry of the vault whose token still stands in a row, and asks for another run", () =>
  withVault(async ({ bench, identity, a, b, keeping, rotated }) => {
    const [login] = makeLogins(1);
    if (login === undefined) throw new Error("no login");
    await bench.send(bodies([login]));
    await bench.run(["drain"], keeping);
    // The row is being changed by somebody else when the rotation comes to it, and stands elsewhere then.
    const running = await bench.sql.begin(async (tx) => {
      await tx`update public.user_logins set locale = 'XX'`;
      const started = bench.start(["rotate", "--identity", identity.path, "--json"], rotated);
      await waitedFor(bench);
      return started;
    });
    const outcome = await running.outcome;
    expect(json(outcome)).toMatchObject({ rows: 0, vault: 0, left: { [a.id]: 2 } });
    expect(outcome.stderr).toMatch(
      /^warning: 2 values of earlier keys arrived during the rotation .*run rotate again\.\n$/,
    );
    const again = await bench.run(["rotate", "--identity", identity.path, "--json"], rotated);
    expect(json(again)).toMatchObject({ rows: 1, vault: 2, left: {} });
    expect(await openVault(bench, identity)).toEqual(vaultFor([login], b));
  }));

/** Until somebody waits for a lock. */
async function waitedFor({ sql }: Bench): Promise<void> {
  for (;;) {
    const [waiting] = await sql`
      select 1 from pg_catalog.pg_stat_activity
      where datname = current_database() and application_name = 'fetch-etl' and wait_event_type = 'Lock'`;
    if (waiting !== undefined) return;
  }
}

it.for(["SIGINT", "SIGTERM"] as const)(
  "%s stops it after the batch under way, and another run goes on",
  (signal) =>
    withVault(async ({ bench, identity, b, keeping, rotated }) => {
      const logins = makeLogins(50);
      await bench.send(bodies(logins));
      await bench.run(["drain"], keeping);
      const running = await bench.sql.begin(async (tx) => {
        await tx`select 1 from public.user_logins for update`;
        const started = bench.start(["rotate", "--identity", identity.path, "--json"], rotated);
        await waitedFor(bench);
        started.child.kill(signal);
        return started;
      });
      const outcome = await running.outcome;
      expect(outcome.code).toBe(signal === "SIGINT" ? 130 : 143);
      expect(json(outcome)).toMatchObject({ rows: 50, vault: 0, left: null });
      const again = await bench.run(["rotate", "--identity", identity.path, "--json"], rotated);
      expect(json(again)).toMatchObject({ rows: 0, vault: vaultFor(logins, b).size, left: {} });
      expect(await openVault(bench, identity)).toEqual(vaultFor(logins, b));
    }),
);

it("rotates a partitioned table, by the right on it alone", () =>
  withVault(async ({ bench, identity, b, keeping, rotated }) => {
    await makeTables(bench);
    await bench.sql.unsafe(`
      drop table public.user_logins;
      create table public.user_logins (
        user_id varchar(128), device_type varchar(32), masked_ip varchar(256), masked_device_id varchar(256),
        locale varchar(32), app_version integer, create_date date
      ) partition by list (device_type);
      create table public.logins_ios partition of public.user_logins for values in ('ios');
      create table public.logins_android partition of public.user_logins for values in ('android')
        partition by range (user_id);
      create table public.logins_some partition of public.logins_android for values from (minvalue) to ('user-1-000050');
      create table public.logins_others partition of public.logins_android for values from ('user-1-000050') to (maxvalue)`);
    const logins = makeLogins(200);
    await bench.send(bodies(logins));
    await bench.run(["drain"], keeping);
    const before = await rowsOf(bench);
    const user = `${bench.queue}_rotator`;
    await bench.sql.unsafe(`create role "${user}" login password 'p'`);
    try {
      await bench.sql.unsafe(`
        grant usage on schema fetch_etl to "${user}";
        grant select, update on public.user_logins to "${user}";
        grant select, insert, delete on fetch_etl.vault to "${user}";
        grant select on fetch_etl.vault_keys to "${user}";
        grant insert (id, action, reason, tokens, messages, client_user, client_host) on fetch_etl.reveal_log to "${user}";
        grant insert (id, outcome) on fetch_etl.reveal_outcomes to "${user}";
        grant insert (mac, token) on fetch_etl.remasked to "${user}"`);
      const url = new URL(bench.databaseUrl);
      url.username = user;
      url.password = "p";
      const outcome = await bench.run(["rotate", "--identity", identity.path, "--json"], {
        ...rotated,
        DATABASE_URL: url.href,
      });
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      expect(json(outcome)).toMatchObject({ rows: 200, left: {} });

      await bench.sql.unsafe(`revoke update on public.user_logins from "${user}";
        revoke insert (id, action, reason, tokens, messages, client_user, client_host) on fetch_etl.reveal_log from "${user}"`);
      const refused = await bench.run(["rotate", "--identity", identity.path], {
        ...rotated,
        DATABASE_URL: url.href,
      });
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toContain(
        `GRANT UPDATE ("masked_ip", "masked_device_id") ON public.user_logins TO "${user}";`,
      );
      expect(refused.stderr).toContain(
        `GRANT INSERT (id, action, reason, tokens, messages, client_user, client_host) ON fetch_etl.reveal_log TO "${user}";`,
      );
    } finally {
      await bench.sql.unsafe(`drop owned by "${user}"; drop role "${user}"`);
    }
    expect(await rowsOf(bench)).toEqual(masked(before, logins, b));
    expect(await openVault(bench, identity)).toEqual(vaultFor(logins, b));
  }));

it.for([
  [
    "the value",
    "update fetch_etl.vault set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where token = ",
  ],
  ["the field", "update fetch_etl.vault set field = 'other' where token = "],
  [
    "the data key",
    "update fetch_etl.vault_keys set sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1) where '' <> ",
  ],
  ["a missing data key", "delete from fetch_etl.vault_keys where '' <> "],
])("exits 4 for an altered entry, names its token, and changes no row of its batch: %s", ([, statement]) =>
  withVault(async ({ bench, identity, a, keeping, rotated }) => {
    const [login] = makeLogins(1);
    if (login === undefined) throw new Error("no login");
    await bench.send(
      bodies([
        { ...login, ip: "192.0.2.1" },
        { ...login, ip: "192.0.2.1", device_id: "d" },
      ]),
    );
    await bench.run(["drain"], keeping);
    const token = ipToken(a, "192.0.2.1");
    // All other entries go, so that the data key's token is this one too.
    await bench.sql`delete from fetch_etl.vault where token <> ${token}`;
    const before = await rowsOf(bench);
    await bench.sql.unsafe(`${statement ?? ""}'${token}'`);
    const outcome = await bench.run(["rotate", "--identity", identity.path], rotated);
    expect(outcome).toMatchObject({ code: 4, stdout: "" });
    expect(outcome.stderr).toContain(token);
    expect(outcome.stderr).not.toContain("192.0.2.1");
    expect(await rowsOf(bench)).toEqual(before);
  }),
);

it("exits 4 for a value that somebody sealed to the recipient in place of another", () =>
  withVault(async ({ bench, identity, a, keeping, rotated }) => {
    const [login] = makeLogins(1);
    if (login === undefined) throw new Error("no login");
    await bench.send(bodies([login]));
    await bench.run(["drain"], keeping);
    const token = deviceToken(a, login.device_id);
    const sealer = await createSealer([identity.recipient], randomBytes);
    const other = sealer.seal({ field: "device_id", type: "text", token, value: Buffer.from("x") });
    await bench.sql`
      insert into fetch_etl.vault_keys (key_id, sealed)
      values (${sealer.dataKey.id}, ${Buffer.from(sealer.dataKey.sealed)})`;
    await bench.sql`
      update fetch_etl.vault
      set key_id = ${sealer.dataKey.id}, sealed = ${Buffer.from(other)}
      where token = ${token}`;
    const outcome = await bench.run(["rotate", "--identity", identity.path], rotated);
    expect(outcome.code).toBe(4);
    expect(outcome.stderr).toContain(token);
  }));

it("exits 2 for the identity of others, having put the attempt on record and changed nothing", () =>
  withVault(({ bench, keeping, rotated }) =>
    withIdentity(async (stranger) => {
      await bench.send(bodies(makeLogins(5)));
      await bench.run(["drain"], keeping);
      const before = await rowsOf(bench);
      const outcome = await bench.run(["rotate", "--identity", stranger.path], rotated);
      expect(outcome).toMatchObject({ code: 2, stdout: "" });
      expect(outcome.stderr).toMatch(/^error: The --identity file cannot decrypt all/);
      expect(await rowsOf(bench)).toEqual(before);
      const [log] = await bench.sql`select count(*)::integer as records from fetch_etl.reveal_log`;
      expect(log).toEqual({ records: 1 });
    }),
  ));

it("exits 2 where there is no vault, no identity file, or a view in the table's place", () =>
  withVault(async ({ bench, identity, keeping, rotated }) => {
    await bench.run(["drain"]);
    const without = await bench.run(["rotate", "--identity", identity.path], rotated);
    expect(without).toMatchObject({ code: 2, stdout: "" });
    expect(without.stderr).toMatch(/^error: There is no vault in this database/);
    const nowhere = await bench.run(["rotate", "--identity", "/nowhere"], rotated);
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toMatch(/^error: --identity: the file \/nowhere does not exist/);
    await bench.send(bodies(makeLogins(1)));
    await bench.run(["drain"], keeping);
    await bench.sql.unsafe(`alter table public.user_logins rename to logins;
      create view public.user_logins as select * from public.logins`);
    const view = await bench.run(["rotate", "--identity", identity.path], rotated);
    expect(view.code).toBe(2);
    expect(view.stderr).toMatch(/^error: public\.user_logins is a view/);
  }));

it(
  `kill -9 at ${KILLS} random moments of rotations of ${ROWS} rows: no row lost, doubled or left behind (CHAOS_SEED=${SEED})`,
  () =>
    withVault(async ({ bench, identity, a, keeping }) => {
      const logins = makeLogins(ROWS);
      // A drain makes the tables; the rest is put there faster than by way of the queue.
      await bench.send(bodies(logins.slice(0, 1)));
      await bench.run(["drain"], keeping);
      await bench.sql`truncate public.user_logins, fetch_etl.vault`;
      await load(bench, identity, logins, a);
      const before = await rowsOf(bench);

      const random = mulberry32(SEED);
      const keys = [newKey(), a];
      const env = (): Record<string, string> => ({
        FETCH_ETL_MASKING_KEY: keys.map(({ text }) => text).join(","),
      });
      const args = ["rotate", "--identity", identity.path, "--json"];
      for (let kills = 0; kills < KILLS;) {
        const running = bench.start(args, env());
        await Promise.race([setTimeout(random() * LONGEST_MS), running.outcome]);
        const killed = running.child.kill("SIGKILL");
        const { code, stderr } = await running.outcome;
        expect({ code, stderr }).toEqual({ code: code === null ? null : 0, stderr: "" });
        if (killed && code === null) kills += 1;
        // Came to its end before: another key, so that there is something to kill again.
        else keys.unshift(newKey());
      }
      const last = await bench.run(args, env());
      expect(last).toMatchObject({ code: 0, stderr: "" });
      expect(json(last)).toMatchObject({ left: {} });
      const [key = a] = keys;
      expect(await rowsOf(bench)).toEqual(masked(before, logins, key));
      expect(await openVault(bench, identity)).toEqual(vaultFor(logins, key));
    }),
  LONG_MS,
);

/** Puts rows and vault there as a drain would have. */
async function load(
  bench: Bench,
  identity: IdentityFile,
  logins: readonly LoginMessage[],
  key: Key,
): Promise<void> {
  const { sql } = bench;
  const sealer = await createSealer([identity.recipient], randomBytes);
  await sql`
    insert into public.user_logins
    select u, d, i, v, l, 1, '2023-01-05' from unnest(
      ${logins.map((login) => login.user_id)}::text[], ${logins.map((login) => login.device_type)}::text[],
      ${logins.map(({ ip }) => ipToken(key, ip))}::text[],
      ${logins.map((login) => deviceToken(key, login.device_id))}::text[],
      ${logins.map(({ locale }) => locale)}::text[]) as t (u, d, i, v, l)`;
  const entries = logins.flatMap(({ ip, device_id }) => [
    {
      ...{ field: "ip", type: "ip" as const },
      ...{ token: ipToken(key, ip), value: canonicalIp(ip) ?? new Uint8Array() },
    },
    {
      ...{ field: "device_id", type: "text" as const },
      ...{ token: deviceToken(key, device_id), value: Buffer.from(device_id) },
    },
  ]);
  await sql`
    insert into fetch_etl.vault_keys (key_id, sealed)
    values (${sealer.dataKey.id}, ${Buffer.from(sealer.dataKey.sealed)})`;
  await sql`
    insert into fetch_etl.vault (token, field, type, key_id, sealed)
    select token, field, type, ${sealer.dataKey.id}::uuid, decode(sealed, 'hex') from unnest(
      ${entries.map(({ token }) => token)}::text[], ${entries.map(({ field }) => field)}::text[],
      ${entries.map(({ type }) => type)}::text[],
      ${entries.map((entry) => Buffer.from(sealer.seal(entry)).toString("hex"))}::text[]
    ) as t (token, field, type, sealed)
    on conflict do nothing`;
}
