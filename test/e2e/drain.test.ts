import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateLogins, generateMessages } from "../../sandbox/messages.ts";
import { json, withBench, type Bench } from "../support/bench.ts";
import { everyValue } from "../support/every-value.ts";

const it = test.concurrent;
const TOKEN = /^h1\.[A-Za-z0-9_-]{8}\.[A-Za-z0-9_-]{43}$/;

async function rows({ sql }: Bench): Promise<number> {
  const [row] = await sql`select count(*)::integer as rows from public.user_logins`;
  return Number(row?.["rows"]);
}

it("loads the valid messages, quarantines the other, empties the queue and reports it", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(100));
    const drained = await bench.run(["drain", "--json"]);
    expect(drained.code).toBe(0);
    expect(json(drained)).toEqual({
      schemaVersion: 2,
      command: "drain",
      queue: bench.queue,
      table: "public.user_logins",
      received: 100,
      loaded: 99,
      duplicates: 0,
      quarantined: 1,
      reasons: { "app_version: missing": 1, "device_id: missing": 1, "device_type: missing": 1 },
      skipped: 0,
      left: 0,
      invalid: {},
      deleted: 100,
      released: 0,
      requests: { receive: expect.any(Number), delete: 10, other: expect.any(Number) },
      remaining: { visible: 0, inFlight: 0, delayed: 0 },
      stoppedBy: "empty",
      durationMs: expect.any(Number),
      waitedMs: { sqs: 0, postgres: 0 },
      runId: expect.any(String),
      version: expect.any(String),
      host: expect.any(String),
    });
    const again = json(await bench.run(["drain", "--json"]));
    expect(again).toMatchObject({ received: 0, loaded: 0, quarantined: 0, deleted: 0, stoppedBy: "empty" });
    expect(await rows(bench)).toBe(99);
  }));

it("writes each login's columns, its personal fields as tokens, dated by the day on which SQS took it", () =>
  withBench(async (bench) => {
    const login = {
      user_id: "u-1",
      app_version: "2.3",
      device_type: "ios",
      ip: "2001:DB8::1",
      locale: null,
      device_id: "593-47-5928",
    };
    await bench.send([
      JSON.stringify(login),
      JSON.stringify({
        ...login,
        ip: "2001:db8:0:0:0:0:0:1",
        app_version: "2.3.0",
        create_date: "2023-02-28",
      }),
      JSON.stringify({ ...login, ip: null, device_id: null, app_version: null, device_type: null }),
    ]);
    const { messages } = await bench.sqs.inspect(bench.queue);
    const sentOn = new Date(messages[0]?.sentAt ?? NaN).toISOString().slice(0, 10);
    expect((await bench.run(["drain"])).code).toBe(0);
    const stored = await bench.sql`
      select user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date::text
      from public.user_logins order by create_date, masked_ip`;
    const token: unknown = expect.stringMatching(TOKEN);
    const common = { user_id: "u-1", device_type: "ios", locale: null, app_version: 2_003_000 };
    expect([...stored]).toEqual([
      { ...common, masked_ip: token, masked_device_id: token, create_date: "2023-02-28" },
      { ...common, masked_ip: token, masked_device_id: token, create_date: sentOn },
      {
        ...common,
        device_type: null,
        masked_ip: null,
        masked_device_id: null,
        app_version: null,
        create_date: sentOn,
      },
    ]);
    expect(stored[0]?.["masked_ip"]).toBe(stored[1]?.["masked_ip"]);
    expect(stored[0]?.["masked_device_id"]).toBe(stored[1]?.["masked_device_id"]);
    expect(stored[0]?.["masked_ip"]).not.toBe(stored[0]?.["masked_device_id"]);
  }));

it("leaves no address and no device id in any output or in any column of any table", () =>
  withBench(async (bench) => {
    const logins = generateLogins(60);
    const broken = logins.slice(0, 20).map((login) => ({ ...login, user_id: 7 }));
    await bench.send([...logins, ...broken].map((login) => JSON.stringify(login)));
    const folder = await mkdtemp(join(tmpdir(), "fetch-etl-record-"));
    const files = ["run.json", "run.prom"].map((name) => join(folder, name));
    const [report = "", metrics = ""] = files;
    const recorded = ["--report", report, "--metrics", metrics];
    const outputs = [
      await bench.run(["peek", "--count", "80"]),
      await bench.run(["peek", "--count", "80", "--json"]),
      await bench.run(["drain", "--dry-run", "--debug"]),
      await bench.run(["drain", "--debug", "--log-format", "json", ...recorded]),
      await bench.run(["verify"]),
      await bench.run(["verify", "--json"]),
    ].map(({ stdout, stderr }) => stdout + stderr);
    for (const file of files) outputs.push(await readFile(file, "utf8"));
    await rm(folder, { recursive: true });
    const { tables, all } = await everyValue(bench.sql);
    const records = ["reveal_log", "reveal_outcomes"];
    expect(tables).toEqual(
      new Set(["user_logins", "schema_version", "ledger", "quarantine", "runs", ...records]),
    );
    expect(await rows(bench)).toBe(60);
    for (const { ip, device_id } of logins) {
      for (const text of [...outputs, all]) {
        expect(text).not.toContain(ip);
        expect(text).not.toContain(device_id);
      }
    }
    // The search itself finds what is there.
    expect(all).toContain(logins[0]?.user_id);
  }));

it("exits 3 for a quarantined message with --fail-on-quarantine, and 0 when there is none", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(100));
    expect((await bench.run(["drain", "--fail-on-quarantine"])).code).toBe(3);
    expect((await bench.run(["drain", "--fail-on-quarantine"])).code).toBe(0);
  }));

it("quarantines a message once, with every reason and its body sealed", () =>
  withBench(async (bench) => {
    await bench.send([
      '{"user_id":"","ip":"nowhere","device_id":4,"locale":"DE","app_version":"x","extra":1}',
    ]);
    await bench.run(["drain"]);
    const [held, ...others] = await bench.sql<{ reasons: string[]; sealed: Buffer; key_id: string }[]>`
      select reasons, sealed, key_id from fetch_etl.quarantine`;
    expect(others).toEqual([]);
    expect(held?.reasons).toEqual([
      "user_id: empty",
      "device_type: missing",
      "ip: not an IP address",
      "device_id: not a string",
      "app_version: not a version",
    ]);
    expect(held?.sealed.toString("latin1")).not.toContain("nowhere");
    expect(held?.key_id).toMatch(/^[A-Za-z0-9_-]{8}$/);
  }));

it("gives everything back after a dry run, and writes nothing", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(100));
    const dry = await bench.run(["drain", "--dry-run", "--json"], { DATABASE_URL: undefined });
    expect(dry.code).toBe(0);
    expect(json(dry)).toMatchObject({
      dryRun: true,
      received: 100,
      loaded: 99,
      quarantined: 1,
      deleted: 0,
      released: 100,
    });
    expect(dry.stderr).toMatch(/^warning: A drain would quarantine 1 message: .*\n$/);
    const byVariable = await bench.run(["drain", "--quiet"], { FETCH_ETL_DRY_RUN: "true" });
    expect(byVariable).toMatchObject({
      code: 0,
      stdout: "",
      stderr: expect.stringContaining("FETCH_ETL_DRY_RUN is set: this run loads and deletes nothing."),
    });
    expect(await bench.contents()).toEqual({ ready: 100, inflight: 0, delayed: 0 });
    expect(await bench.sql`select 1 from pg_class where relname = 'user_logins'`).toHaveLength(0);
  }));

it.each([1, 7, 10, 55])("stops after exactly --max-messages %i, the others untouched", (max) =>
  withBench(async (bench) => {
    await bench.send(generateLogins(100).map((login) => JSON.stringify(login)));
    const report = json(await bench.run(["drain", "--json", "--max-messages", String(max)]));
    expect(report).toMatchObject({ received: max, loaded: max, deleted: max, stoppedBy: "max-messages" });
    expect(await bench.contents()).toEqual({ ready: 100 - max, inflight: 0, delayed: 0 });
  }),
);

it("stops at --max-seconds although messages keep coming", () =>
  withBench(async (bench) => {
    const feed = setInterval(() => void bench.send([JSON.stringify(generateLogins(1)[0])]), 100);
    try {
      const report = json(await bench.run(["drain", "--json", "--max-seconds", "5"]));
      expect(report["stoppedBy"]).toBe("max-seconds");
      const { received, loaded, released } = report;
      expect(received).toBe(Number(loaded) + Number(released));
    } finally {
      clearInterval(feed);
    }
  }));

it("says nothing with --quiet when all went well, and warns of a quarantined message", () =>
  withBench(async (bench) => {
    await bench.send(generateLogins(5).map((login) => JSON.stringify(login)));
    expect(await bench.run(["drain", "--quiet"])).toEqual({ code: 0, stdout: "", stderr: "" });
    await bench.send(["{}"]);
    const { stdout, stderr } = await bench.run(["drain", "--quiet"]);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^warning: 1 message .*quarantine/);
  }));

it("prints one line, without colour or cursor movement, where nobody watches", () =>
  withBench(async (bench) => {
    await bench.send(generateLogins(5).map((login) => JSON.stringify(login)));
    const { stdout, stderr } = await bench.run(["drain"]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^.*loaded 5 of 5 messages, 5 deleted; the queue is empty.*\n$/);
    expect(stdout).not.toContain("\u001b");
  }));

it("stores the major version alone with --app-version major", () =>
  withBench(async (bench) => {
    await bench.send([JSON.stringify({ ...generateLogins(1)[0], app_version: "3.7.1" })]);
    await bench.run(["drain", "--app-version", "major"]);
    expect([...(await bench.sql`select app_version from public.user_logins`)]).toEqual([{ app_version: 3 }]);
  }));
