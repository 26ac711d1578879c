// The quarantine worked off: counted, shown, replayed, purged.
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, test } from "vitest";
import { generateLogins, mulberry32 } from "../../sandbox/messages.ts";
import { USER_LOGINS } from "../../sandbox/sandbox.ts";
import { sealContext } from "../../src/drain/entry.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { NONCE_BYTES, seal } from "../../src/masking/seal.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createOpener } from "../../src/recovery/identities.ts";
import { SEED } from "../chaos/random.ts";
import { json, makeTables, withBench, type Bench, type Outcome } from "../support/bench.ts";
import { asRole, REASON } from "../support/vault.ts";

const it = test.concurrent;

/** Each login has a user id of its own, so that the rows tell which were loaded, and how often. */
function bodies(count: number): string[] {
  return generateLogins(count).map((login, index) => JSON.stringify({ ...login, user_id: `user-${index}` }));
}

const RAW = ["--raw", "--reason", REASON];

const SECRET = { ip: "203.0.113.77", device_id: "987-43-2109" };
const BROKEN = JSON.stringify({
  ...SECRET,
  user_id: null,
  app_version: "1.x",
  device_type: "ios",
  locale: "DE",
});

function expectUntold({ stdout, stderr }: Outcome): void {
  for (const value of [...Object.values(SECRET), "1.x"]) expect(stdout + stderr).not.toContain(value);
}

interface Hold {
  readonly key?: string;
  readonly queue?: string;
  readonly sentAt?: string;
}

/** Puts bodies into the quarantine as a drain of an earlier version would have. Their ids are `held-0` and so on. */
async function hold(bench: Bench, texts: readonly string[], given: Hold = {}): Promise<void> {
  const {
    key = bench.env["FETCH_ETL_MASKING_KEY"] ?? "",
    queue = "q",
    sentAt = "2024-05-06T07:08:09Z",
  } = given;
  const keys = deriveKeys(Buffer.from(key, "base64"));
  const ids = texts.map((_, index) => `held-${index}`);
  const sealed = texts.map((text, index) =>
    Buffer.from(
      seal(
        keys.quarantine,
        Buffer.from(text),
        sealContext(queue, ids[index] ?? ""),
        randomBytes(NONCE_BYTES),
      ),
    ).toString("hex"),
  );
  await bench.sql`
    insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
    select ${queue}, ${sentAt}::text::timestamptz, id, array['body: not liked'], ${keys.keyId}, decode(sealed, 'hex')
    from unnest(${ids}::text[], ${sealed}::text[]) as t (id, sealed)`;
}

async function expectEachOnce({ sql }: Bench, count: number): Promise<void> {
  const [found] = await sql`
    select count(*)::integer as rows, count(distinct user_id)::integer as users from public.user_logins`;
  expect(found).toEqual({ rows: count, users: count });
}

function newKey(): string {
  return randomBytes(32).toString("base64");
}

it("lists what is held by reason, the oldest and an example of each, and takes no key for it", () =>
  withBench(async (bench) => {
    await bench.send([BROKEN, "{", "7", "{"]);
    await bench.run(["drain"]);
    const ids = await bench.sql<{ message_id: string }[]>`
      select message_id from fetch_etl.quarantine where 'body: not JSON' = any (reasons)`;
    const listed = await bench.run(["quarantine", "list", "--json"], { FETCH_ETL_MASKING_KEY: undefined });
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    const oldest: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    const one = { count: 1, oldest, example: expect.any(String) as unknown };
    expect(json(listed)).toEqual({
      schemaVersion: 2,
      command: "quarantine list",
      total: 4,
      reasons: [
        { ...one, reason: "body: not JSON", count: 2 },
        { ...one, reason: "app_version: not a version" },
        { ...one, reason: "body: not a JSON object or list" },
        { ...one, reason: "user_id: null" },
      ],
      keys: [{ keyId: expect.stringMatching(/^[\w-]{8}$/), count: 4 }],
    });
    const { reasons } = json(listed) as { reasons: { example: string }[] };
    expect(ids.map(({ message_id }) => message_id)).toContain(reasons[0]?.example);
    const told = await bench.run(["quarantine", "list"]);
    expect(told.stdout).toMatch(
      /4 messages\n {2}messages .*\n {2}2 +[\d-]+ +[\da-f]{8} {2}body: not JSON\n.*counts once/s,
    );
    expect(told.stdout).not.toContain("masking key");
    expectUntold(listed);
    expectUntold(told);
  }));

it("lists the masking keys where there is more than one, or one that is not configured", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const old = newKey();
    await hold(bench, bodies(2), { key: old });
    const [oldId] = [deriveKeys(Buffer.from(old, "base64")).keyId];
    const list = async (key: string | undefined) =>
      (await bench.run(["quarantine", "list"], { FETCH_ETL_MASKING_KEY: key })).stdout;
    expect(await list(newKey())).toMatch(new RegExp(`${oldId} +2 messages +not configured`));
    expect(await list(undefined)).not.toContain(oldId);
    expect(await list(old)).not.toContain(oldId);
    expect(await list(`${newKey()},${old}`)).toMatch(new RegExp(`${oldId} +2 messages`));
    await hold(bench, bodies(1), { queue: "q2" });
    expect(await list(undefined)).toMatch(new RegExp(`${oldId} +2 messages\\n`));
  }));

it("shows one message without its body, and with --raw the body, saying that it is personal", () =>
  withBench(async (bench) => {
    await bench.send([BROKEN]);
    await bench.run(["drain"]);
    const [row] = await bench.sql<{ message_id: string; queue: string }[]>`
      select message_id, queue from fetch_etl.quarantine`;
    const id = row?.message_id ?? "";
    const shown = await bench.run(["quarantine", "show", id, "--json"], { FETCH_ETL_MASKING_KEY: undefined });
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    const time: unknown = expect.stringMatching(/Z$/);
    const message = {
      messageId: id,
      queue: row?.queue,
      sentAt: time,
      reasons: ["user_id: null", "app_version: not a version"],
      keyId: expect.stringMatching(/^[\w-]{8}$/) as unknown,
      sealedBytes: BROKEN.length + 28,
      quarantinedAt: time,
      replayedAt: null,
    };
    expect(json(shown)).toEqual({ schemaVersion: 2, command: "quarantine show", messages: [message] });
    const told = await bench.run(["quarantine", "show", id]);
    expect(told).toMatchObject({ code: 0, stderr: "" });
    expect(told.stdout).toMatch(/reason +user_id: null\n +app_version: not a version\n/);
    expectUntold(shown);
    expectUntold(told);
    expect((await bench.run(["quarantine", "show", id.slice(0, 8)])).stdout).toBe(told.stdout);
    for (const [flags, why] of [
      [["--raw"], "--raw needs --reason"],
      [["--raw", "--reason", " "], "--reason is blank"],
      [["--reason", REASON], "--reason is for --raw"],
    ] as const) {
      const refused = await bench.run(["quarantine", "show", id, ...flags]);
      expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(why) });
    }
    expect(await bench.sql`select from fetch_etl.reveal_log`).toHaveLength(0);
    const raw = await bench.run(["quarantine", "show", id.slice(0, 8), ...RAW]);
    expect(raw).toEqual({
      code: 0,
      stdout: `${told.stdout}${BROKEN}\n`,
      stderr: "warning: --raw shows the original bodies, including personal data. The request is recorded.\n",
    });
    const rawJson = await bench.run(["quarantine", "show", id, ...RAW, "--json"]);
    expect(json(rawJson)["messages"]).toEqual([{ ...message, body: BROKEN, attributes: {} }]);
    expectUntold({ ...rawJson, stdout: "" });
    const { requests } = json(await bench.run(["log", "--json"]));
    const request = { action: "show", outcome: "opened", reason: REASON, tokens: [], messages: [id] };
    expect(requests).toMatchObject([request, request]);
  }));

it("shows the messages of both queues that have the id, and exits 2 where none has it", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, ["one"], { queue: "q1" });
    await hold(bench, ["two"], { queue: "q2", sentAt: "epoch" });
    const { messages } = json(await bench.run(["quarantine", "show", "held-0", ...RAW, "--json"]));
    expect(messages).toMatchObject([
      { queue: "q2", sentAt: null, body: "two" },
      { queue: "q1", sentAt: "2024-05-06T07:08:09.000Z", body: "one" },
    ]);
    const unknown = await bench.run(["quarantine", "show", "held-1"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toMatch(/^error: .* no message with this id.*quarantine list/);
  }));

it("names the key that --raw is in need of, and exits 4 for a body that was altered", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const [old, now] = [newKey(), newKey()];
    await hold(bench, [BROKEN], { key: old });
    const show = (key: string | undefined) =>
      bench.run(["quarantine", "show", "held-0", ...RAW], { FETCH_ETL_MASKING_KEY: key });
    const { keyId } = deriveKeys(Buffer.from(old, "base64"));
    for (const key of [now, undefined]) {
      const closed = await show(key);
      expect(closed.code).toBe(2);
      expect(closed.stderr).toMatch(new RegExp(`^error: .*masking key ${keyId} is not configured`));
      expectUntold(closed);
    }
    expect((await show("no key!")).stderr).toMatch(/is not base64/);
    expect(await show(`${now},${old}`)).toMatchObject({ code: 0, stdout: expect.stringContaining(BROKEN) });
    await bench.sql`update fetch_etl.quarantine set queue = 'elsewhere'`;
    const altered = await show(old);
    expect(altered.code).toBe(4);
    const log = json(await bench.run(["log", "--json"]))["requests"];
    expect((log as { outcome: string }[]).map(({ outcome }) => outcome)).toEqual([
      ...["refused", "opened", "refused", "refused"],
    ]);
    expect(altered.stderr).toMatch(/^error: Cannot decrypt the body .* altered/);
    expectUntold(altered);
  }));

it("loads one queue's messages alone where it is named, by name, URL or ARN", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const arn = (name: string, account = "111122223333"): string =>
      `arn:aws:sqs:us-east-1:${account}:${name}`;
    await hold(bench, bodies(3), { queue: arn("first"), sentAt: "2024-05-01" });
    await hold(bench, bodies(5), { queue: arn("second"), sentAt: "2024-05-02" });
    await hold(bench, bodies(7), { queue: arn("second", "444455556666"), sentAt: "2024-05-03" });
    await hold(bench, bodies(11), { queue: "/000000000000/second", sentAt: "2024-05-04" });
    const loadedOf = async (queue: string): Promise<unknown> =>
      json(await bench.run(["quarantine", "replay", "--json", "--queue", queue]))["loaded"];
    expect(await loadedOf("nothing")).toBe(0);
    expect(await loadedOf(arn("second"))).toBe(5);
    expect(await loadedOf("https://sqs.us-east-1.amazonaws.com/111122223333/first")).toBe(3);
    expect(await loadedOf("second")).toBe(7 + 11);
    const wrong = await bench.run(["quarantine", "replay", "--queue", "no queue"]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("--queue is not a queue name") });
  }));

it("loads nothing while the contract says no, and leaves everything as it is", () =>
  withBench(async (bench) => {
    await bench.send([BROKEN, "{", "[]"]);
    await bench.run(["drain"]);
    const before = await bench.sql`select * from fetch_etl.quarantine order by message_id`;
    const replayed = await bench.run(["quarantine", "replay", "--json"]);
    expect(replayed).toMatchObject({ code: 0, stderr: "" });
    expect(json(replayed)).toEqual({
      schemaVersion: 2,
      command: "quarantine replay",
      ...{ loaded: 0, skipped: 0, rejected: 3, unopened: 0 },
      remaining: ["app_version: not a version", "body: not JSON", "not a login at all (every field missing)"]
        .concat("user_id: null")
        .map((reason) => ({ reason, count: 1, example: expect.any(String) as unknown })),
    });
    expect([...(await bench.sql`select * from fetch_etl.quarantine order by message_id`)]).toEqual([
      ...before,
    ]);
    await expectEachOnce(bench, 0);
  }));

it("loads what the table refused once the table takes it, as a drain would have, each once", () =>
  withBench(async (bench) => {
    await bench.sql.unsafe(`${USER_LOGINS};
      alter table user_logins add constraint three check (user_id not in ('user-3', 'user-7', 'user-11'))`);
    await bench.send([...bodies(40), BROKEN]);
    await bench.run(["drain"]);
    const refused = await bench.run(["quarantine", "replay"]);
    expect(refused.code).toBe(0);
    expect(refused.stdout).toMatch(
      /^fetch_etl.quarantine: 0 loaded, 4 still rejected\n {2}messages +example +reason\n {2}3 .* {2}row: refused by Postgres, SQLSTATE 23514, constraint three\n/,
    );
    await bench.sql.unsafe(`
      alter table user_logins drop constraint three;
      alter table user_logins add constraint one check (user_id <> 'user-7')`);
    const replayed = await bench.run(["quarantine", "replay", "--json"]);
    expect(json(replayed)).toMatchObject({ loaded: 2, rejected: 2, unopened: 0 });
    expect(json(await bench.run(["quarantine", "replay", "--json"]))).toMatchObject({
      loaded: 0,
      rejected: 2,
    });
    await expectEachOnce(bench, 39);
    for (const outcome of [refused, replayed]) expectUntold(outcome);

    const verified = json(await bench.run(["verify", "--json", "--expect", "39"]));
    expect(verified).toMatchObject({
      ok: true,
      quarantined: 2,
      quarantineReasons: {
        "row: refused by Postgres, SQLSTATE 23514, constraint three": 1,
        "user_id: null": 1,
      },
    });
    expect(json(await bench.run(["quarantine", "list", "--json"]))).toMatchObject({ total: 2 });
    const [marked] = await bench.sql<{ message_id: string }[]>`
      select message_id from fetch_etl.quarantine where replayed_at is not null`;
    const { messages } = json(await bench.run(["quarantine", "show", marked?.message_id ?? "", "--json"]));
    expect(messages).toMatchObject([{ replayedAt: expect.stringMatching(/Z$/) }]);

    // What a drain makes of the same login, maybe a day later.
    await bench.send(bodies(8).slice(3, 4));
    await bench.run(["drain"]);
    const same = await bench.sql`
      select count(*)::integer from public.user_logins where user_id = 'user-3'
      group by device_type, masked_ip, masked_device_id, locale, app_version`;
    expect([...same]).toEqual([{ count: 2 }]);
  }));

it("replays a queue's messages, each once whichever queues it came through, and dates those without a sent time", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const [one = "", two = "", three = ""] = bodies(3);
    // As a dead-letter queue passes a message on, with its id and sent time.
    await hold(bench, [one], { queue: "q1" });
    await hold(bench, [one], { queue: "q1-dead" });
    await hold(bench, [two], { queue: "q2", sentAt: "2024-05-06T08:00:00Z" });
    await hold(bench, [three], { queue: "q1", sentAt: "epoch" });
    await bench.sql`update fetch_etl.quarantine set quarantined_at = '2024-01-31T23:30:00Z'`;
    await bench.sql`insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed)
      select queue, sent_at + interval '1 millisecond', message_id, reasons, key_id, sealed
      from fetch_etl.quarantine where queue = 'q2'`;
    const replay = ["quarantine", "replay", "--json", "--app-version", "major"];
    expect(await bench.run(replay)).toMatchObject({
      ...{ code: 2, stdout: "" },
      stderr: expect.stringMatching(/messages from 3 queues.* --queue: q1, q1-dead, q2\.\n$/),
    });
    const loaded = [];
    for (const queue of ["q1", "q1-dead", "q2"])
      loaded.push(json(await bench.run([...replay, "--queue", queue]))["loaded"]);
    expect(loaded).toEqual([2, 0, 2]);
    expect(json(await bench.run(replay))).toMatchObject({ loaded: 0, rejected: 0 });
    const rows = await bench.sql`
      select user_id, create_date::text, app_version < 1000 as major from user_logins order by 1`;
    const day = { create_date: "2024-05-06", major: true };
    expect([...rows]).toEqual([
      { ...day, user_id: "user-0" },
      { ...day, user_id: "user-1" },
      { ...day, user_id: "user-1" },
      { ...day, user_id: "user-2", create_date: "2024-01-31" },
    ]);
  }));

it("opens bodies of an earlier key, counts those of a lost one, and masks with the first", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const [lost, old, now] = [newKey(), newKey(), newKey()];
    await hold(bench, bodies(3), { key: lost });
    await hold(bench, bodies(2), { key: old, sentAt: "2024-05-07" });
    const env = { FETCH_ETL_MASKING_KEY: `${now},${old}` };
    const replayed = await bench.run(["quarantine", "replay", "--json"], env);
    expect(replayed.code).toBe(0);
    const lostId = deriveKeys(Buffer.from(lost, "base64")).keyId;
    expect(replayed.stderr).toMatch(
      new RegExp(`^warning: Cannot decrypt 3 messages: masking key ${lostId} .*\\n$`),
    );
    expect(json(replayed)).toMatchObject({ loaded: 2, rejected: 0, unopened: 3 });
    await expectEachOnce(bench, 2);
    const keys = await bench.sql`select distinct split_part(masked_ip, '.', 2) as id from user_logins`;
    expect([...keys]).toEqual([{ id: deriveKeys(Buffer.from(now, "base64")).keyId }]);
    const found = { FETCH_ETL_MASKING_KEY: `${now},${lost}` };
    expect(json(await bench.run(["quarantine", "replay", "--json"], found))).toMatchObject({ loaded: 3 });
  }));

it("does not load a body that was altered, and exits 4", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, bodies(3));
    await bench.sql`update fetch_etl.quarantine set sealed = set_byte(sealed, 40, 255 - get_byte(sealed, 40))
      where message_id = 'held-1'`;
    const replayed = await bench.run(["quarantine", "replay"]);
    expect(replayed.code).toBe(4);
    expect(replayed.stdout).toMatch(
      /^fetch_etl.quarantine: 2 loaded, 0 still rejected, 1 not decrypted\n.*\n {2}1 +held-1 +body: altered after encryption\n$/,
    );
    expect(replayed.stderr).toMatch(/^error: Cannot decrypt 1 message .* altered .* held-1\.\n$/);
    await expectEachOnce(bench, 2);
  }));

it("keeps the values in the vault where a recipient is set, as a drain does: each opens under its own token", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    const identity = await generateX25519Identity();
    const [one = "", two = "", ...drained] = bodies(30);
    const same = JSON.stringify({ ...(JSON.parse(one) as object), user_id: "again" });
    const none = JSON.stringify({ ...(JSON.parse(two) as object), ip: null });
    await hold(bench, [one, same, none]);
    await bench.send([...drained, BROKEN]);
    const env = { FETCH_ETL_RECOVERY_RECIPIENT: await identityToRecipient(identity) };
    expect(json(await bench.run(["quarantine", "replay", "--json"], env))).toMatchObject({ loaded: 3 });
    expect(json(await bench.run(["drain", "--json"], env))).toMatchObject({ loaded: 28, quarantined: 1 });

    const tokens = await bench.sql<{ token: string }[]>`
      select masked_ip as token from public.user_logins where masked_ip is not null
      union select masked_device_id from public.user_logins order by 1`;
    const vault = await bench.sql<
      { token: string; field: string; type: string; sealed: Buffer; key: Buffer }[]
    >`
      select token, field, type, v.sealed, k.sealed as key
      from fetch_etl.vault v join fetch_etl.vault_keys k using (key_id) order by token`;
    expect(vault.map(({ token }) => token)).toEqual(tokens.map(({ token }) => token));
    const opener = createOpener(identity);
    const keys = deriveKeys(Buffer.from(bench.env["FETCH_ETL_MASKING_KEY"] ?? "", "base64"));
    for (const { sealed, key, ...context } of vault) {
      const value = opener.value(await opener.dataKey(key), context, sealed);
      expect(maskOf(keys, context.field)(value)).toBe(context.token);
    }
  }));

it("loads each message once when two replays run at once, beside a purge of nothing", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, bodies(3_000));
    const [one, two, purged] = await Promise.all([
      bench.run(["quarantine", "replay", "--json"]),
      bench.run(["quarantine", "replay", "--json"]),
      bench.run(["quarantine", "purge", "--older-than", "1", "--yes", "--json"]),
    ]);
    expect([one.code, two.code, purged.code]).toEqual([0, 0, 0]);
    expect(Number(json(one)["loaded"]) + Number(json(two)["loaded"])).toBe(3_000);
    expect(json(purged)).toMatchObject({ command: "quarantine purge", purged: 0 });
    await expectEachOnce(bench, 3_000);
  }));

it(`loads each message once when replays are killed at random moments (CHAOS_SEED=${SEED})`, () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, bodies(10_000));
    const random = mulberry32(SEED);
    let [killed, inTheMiddle] = [0, 0];
    const marked = async (): Promise<number> => {
      const [row] = await bench.sql<{ rows: number; marks: number }[]>`
        select (select count(*)::integer from user_logins) as rows,
               (select count(*)::integer from fetch_etl.quarantine where replayed_at is not null) as marks`;
      // At every moment: what is marked is loaded.
      expect(row?.rows).toBeGreaterThanOrEqual(row?.marks ?? 0);
      return row?.marks ?? 0;
    };
    for (let round = 0; round < 6; round += 1) {
      const goal = (await marked()) + 1;
      const { child, outcome } = bench.start(["quarantine", "replay", "--json"]);
      // Every second one only once it has begun to load.
      if (round % 2 === 0) while ((await marked()) < goal && child.exitCode === null);
      await Promise.race([setTimeout(random() * (round % 2 === 0 ? 30 : 600)), outcome]);
      if (child.kill("SIGKILL")) killed += 1;
      await outcome;
      const after = await marked();
      if (after > 0 && after < 10_000) inTheMiddle += 1;
      if (after === 10_000) break;
    }
    expect(killed).toBeGreaterThan(0);
    expect(inTheMiddle).toBeGreaterThan(0);
    const last = await bench.run(["quarantine", "replay", "--json"]);
    expect(last.code).toBe(0);
    await expectEachOnce(bench, 10_000);
  }));

it("purges what is older than so many days, in batches, and keeps what was never replayed unless told otherwise", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, bodies(2_500), { queue: "q1" });
    await bench.sql`update fetch_etl.quarantine set quarantined_at = now() - interval '10 days 1 hour',
      replayed_at = case when message_id < 'held-2' then now() end`;
    const [replayed = 0] = await bench.sql<{ n: number }[]>`
      select count(*)::integer as n from fetch_etl.quarantine where replayed_at is not null`.then((rows) =>
      rows.map(({ n }) => n),
    );
    await hold(bench, bodies(5), { queue: "q2" });
    const purge = (...flags: string[]): Promise<Outcome> => bench.run(["quarantine", "purge", ...flags]);
    const purged = async (...flags: string[]): Promise<unknown> =>
      json(await purge("--yes", "--json", ...flags));
    const reasons = (count: number) => (count === 0 ? [] : [{ reason: "body: not liked", count }]);
    const report = (count: number, kept: number) => ({
      ...{ schemaVersion: 2, command: "quarantine purge", purged: count, kept, reasons: reasons(count) },
    });
    expect(await purged("--older-than", "11")).toEqual(report(0, 0));

    // Without a terminal there is nobody to ask.
    for (const flags of [["--older-than", "10"], ["held-19"], ["--older-than", "0", "--never-replayed"]]) {
      const unasked = await purge(...flags);
      expect(unasked).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("--yes") });
    }
    expect(await purge("--yes")).toMatchObject({ code: 2, stderr: expect.stringContaining("--older-than") });
    const onlyCopy = await purge("held-2499", "--yes");
    expect(onlyCopy).toMatchObject({
      ...{ code: 2, stdout: "" },
      stderr: expect.stringMatching(/^error: Nothing was deleted: 1 of these .* --never-replayed/),
    });
    expect(await bench.sql`select 1 from fetch_etl.quarantine`).toHaveLength(2_505);

    expect(await purged("--older-than", "10")).toEqual(report(replayed, 2_500 - replayed));
    expect(await purged("held-2499", "--never-replayed")).toEqual(report(1, 0));
    expect(await purged("--older-than", "10", "--never-replayed", "--reason", "NOT LIKED")).toEqual(
      report(2_499 - replayed, 0),
    );
    expect(await purged("--older-than", "0", "--never-replayed", "--queue", "q1")).toEqual(report(0, 0));
    const all = await purge("--older-than", "0", "--never-replayed", "--yes");
    expect(all).toEqual({
      code: 0,
      stdout: "fetch_etl.quarantine: 5 messages purged\n",
      stderr: expect.stringMatching(/^5 messages to delete:\n.*\n {2}5 .*body: not liked\n$/s),
    });
    const wrong = await bench.run(["quarantine", "purge", "--older-than", "-1"]);
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
  }));

it("takes the first characters of an id, and says how many ids begin with them where it is not one", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, bodies(12));
    // All ids begin with held-1 or held-, but only one is held-1.
    for (const command of [["show"], ["replay"], ["purge", "--yes"]]) {
      const told = await bench.run(["quarantine", ...command, "held-"]);
      expect(told).toMatchObject({
        ...{ code: 2, stdout: "" },
        stderr: expect.stringMatching(/^error: 12 quarantined messages have ids that begin like this id/),
      });
      const none = await bench.run(["quarantine", ...command, "203.0.113.77"]);
      expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("has no message with this id") });
      expect(none.stderr).not.toContain("203.0.113.77");
    }
    expect((await bench.run(["quarantine", "show", "held-1"])).stdout).toMatch(/^held-1\n/);
    expect(json(await bench.run(["quarantine", "replay", "held-1", "held-3", "--json"]))).toMatchObject({
      loaded: 2,
    });
    const again = await bench.run(["quarantine", "replay", "held-1"]);
    expect(again.stderr).toBe("1 message was replayed before, and not again.\n");
    const listed = await bench.run(["quarantine", "list", "--messages"]);
    expect(listed.stdout.match(/held-\d+(?= )/g)).toHaveLength(10);
    await bench.sql`update fetch_etl.quarantine set message_id = 'message-' || message_id`;
    const full = (await bench.run(["quarantine", "list", "--messages"])).stdout;
    expect(full).toContain("  message-held-0  ");
  }));

it("lists messages of another kind as one reason, and those with a reason, of a queue, and of a time", () =>
  withBench(async (bench) => {
    await bench.send([BROKEN, '{"foo": "oops"}', '{"foo": "oops"}', '{"user_id": null}', "{"]);
    await bench.run(["drain"]);
    const list = async (...flags: string[]): Promise<Record<string, unknown>> =>
      json(await bench.run(["quarantine", "list", "--json", ...flags]));
    const counts = ({ reasons }: Record<string, unknown>): unknown =>
      Object.fromEntries(
        (reasons as { reason: string; count: number }[]).map((each) => [each.reason, each.count]),
      );
    const STRANGER = "not a login at all (every field missing)";
    const missing = ["device_type", "ip", "device_id", "locale", "app_version"].map(
      (name) => `${name}: missing`,
    );
    expect(counts(await list())).toEqual({
      ...{ [STRANGER]: 2, "body: not JSON": 1, "user_id: null": 2, "app_version: not a version": 1 },
      ...Object.fromEntries(missing.map((reason) => [reason, 1])),
    });
    expect(counts(await list("--reason", "VERSION: not"))).toEqual({
      ...{ "user_id: null": 1, "app_version: not a version": 1 },
    });
    expect(await list("--queue", bench.queue, "--since", "1h", "--older-than", "0")).toMatchObject({
      total: 5,
    });
    for (const none of [
      ["--queue", "another"],
      ["--since", "0"],
      ["--older-than", "1"],
    ])
      expect(await list(...none)).toMatchObject({ total: 0 });
    const told = (await bench.run(["quarantine", "list", "--messages"])).stdout;
    expect(told.match(/not a login at all/g)).toHaveLength(2);
    expect(told).toMatch(/ {2}user_id: null; app_version: not a version\n/);
    expect(await list("--messages", "--reason", "not JSON")).toMatchObject({
      messages: [{ reasons: ["body: not JSON"], messageId: expect.any(String), queue: expect.any(String) }],
    });
    const purge = await bench.run(["quarantine", "purge", "--older-than", "0", "--never-replayed"]);
    expect(purge.stderr).toMatch(
      /^5 messages to delete:\n(.*\n)+A message counts once for each of its reasons\.\n/,
    );
    const replayed = json(await bench.run(["quarantine", "replay", "--json"]));
    expect(counts({ reasons: replayed["remaining"] })).toMatchObject({ [STRANGER]: 2 });
  }));

it("a drain, a dry run and verify name a message of another kind as the list does; JSON has the reasons", () =>
  withBench(async (bench) => {
    const STRANGER = "not a login at all (every field missing)";
    const missing = ["app_version", "device_id", "device_type", "ip", "locale", "user_id"];
    const plain = Object.fromEntries(missing.map((name) => [`${name}: missing`, 1]));
    await bench.send(['{"foo": "oops"}']);
    const dry = await bench.run(["drain", "--dry-run"]);
    expect(dry.stderr).toBe(`warning: A drain would quarantine 1 message: ${STRANGER} (1).\n`);
    const drained = await bench.run(["drain", "--json"]);
    expect(drained.stderr).toBe(
      `warning: 1 message quarantined: ${STRANGER} (1). Run "fetch-etl quarantine list" for details.\n`,
    );
    expect(json(drained)["reasons"]).toEqual(Object.fromEntries(Object.entries(plain).slice(0, 3)));
    const { stdout } = await bench.run(["verify"]);
    expect(stdout).toContain(`\nquarantine reasons\n  ${STRANGER}  1 message\nok, 1 quarantined\n`);
    expect(json(await bench.run(["verify", "--json"]))["quarantineReasons"]).toEqual(plain);
    // Also with another style of the built-in mapping.
    await bench.send(['{"foo": "oops"}']);
    const major = await bench.run(["drain", "--dry-run", "--app-version", "major"]);
    expect(major.stderr).toContain(`: ${STRANGER} (1).`);
  }));

it("tells in a dry run what would be loaded and what would stay, also by Postgres's word, and changes nothing", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, [...bodies(4), BROKEN]);
    await bench.sql.unsafe(`
      alter table user_logins add constraint odd check (user_id <> 'user-2');
      alter table user_logins add constraint once unique (user_id) deferrable initially deferred;
      insert into user_logins (user_id) values ('user-3')`);
    const dry = ["quarantine", "replay", "--dry-run"];
    const report = json(await bench.run([...dry, "--json"]));
    expect(report).toMatchObject({
      ...{ dryRun: true, loaded: 2, rejected: 3 },
      remaining: expect.arrayContaining([
        { reason: "row: refused by Postgres, SQLSTATE 23514, constraint odd", count: 1, example: "held-2" },
        { reason: "row: refused by Postgres, SQLSTATE 23505, constraint once", count: 1, example: "held-3" },
      ]),
    });
    const one = await bench.run([...dry, "held-0"]);
    expect(one).toEqual({
      code: 0,
      stdout: "fetch_etl.quarantine: 1 loaded, 0 still rejected (dry run: nothing was changed)\n",
      stderr: "",
    });
    expect(await bench.sql`select 1 from fetch_etl.quarantine where replayed_at is null`).toHaveLength(5);
    expect(await bench.sql`select 1 from user_logins`).toHaveLength(1);
    expect(await bench.sql`select 1 from fetch_etl.ledger`).toHaveLength(0);
    expect(json(await bench.run(["quarantine", "replay", "--json"]))).toMatchObject({
      loaded: 2,
      rejected: 3,
    });
  }));

it("marks nothing as replayed where a trigger keeps rows out, and names the trigger", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, bodies(2));
    await bench.sql.unsafe(`
      create function drop_row() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger odd before insert on public.user_logins for each row execute procedure drop_row()`);
    const refused = await bench.run(["quarantine", "replay"]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("odd on public.user_logins") });
    await bench.sql.unsafe("drop trigger odd on public.user_logins");
    expect(json(await bench.run(["quarantine", "replay", "--json"]))).toMatchObject({ loaded: 2 });
  }));

it("needs no more than the rights of a replay, and the one to read the version", () =>
  withBench(async (bench) => {
    await makeTables(bench);
    await hold(bench, bodies(2));
    const { role, env } = await asRole(
      bench,
      `grant usage on schema fetch_etl to somebody; grant insert on public.user_logins to somebody;
       grant select, insert on fetch_etl.ledger to somebody;
       grant select, insert, update (replayed_at, reasons, records), delete on fetch_etl.quarantine to somebody`,
    );
    try {
      const refused = await bench.run(["quarantine", "replay"], env);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain(`GRANT SELECT ON fetch_etl.schema_version TO "${role}";\n`);
      await bench.sql.unsafe(`grant select on fetch_etl.schema_version to ${role}`);
      expect(json(await bench.run(["quarantine", "replay", "--json"], env))).toMatchObject({ loaded: 2 });
      expect((await bench.run(["quarantine", "list"], env)).code).toBe(0);
      await bench.sql.unsafe(`revoke update on fetch_etl.quarantine from ${role}`);
      expect((await bench.run(["quarantine", "purge", "--older-than", "0", "--yes"], env)).code).toBe(0);
    } finally {
      await bench.sql.unsafe(`drop owned by ${role}; drop role ${role}`);
    }
  }));

it.for([["list"], ["show", "m"], ["replay"], ["purge", "--older-than", "3", "--yes"]])(
  "says with exit 2 that there is no quarantine yet, and with exit 5 that there is no database: %s",
  (args) =>
    withBench(async (bench) => {
      const { code, stderr } = await bench.run(["quarantine", ...args]);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: 'error: There is no table fetch_etl.quarantine yet: "fetch-etl init" creates it.\n',
      });
      const away = await bench.run(["quarantine", ...args], { DATABASE_URL: "postgres://u:p@127.0.0.1:1/d" });
      expect(away.code).toBe(5);
    }),
);
