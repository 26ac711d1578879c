import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { json, withBench } from "../support/bench.ts";

const it = test.concurrent;
const NOTHING_LISTENS = "http://127.0.0.1:1";

const LOGIN = {
  user_id: "u-1",
  app_version: "1.0",
  device_type: "ios",
  ip: "192.0.2.1",
  locale: null,
  device_id: "d-1",
};

it("counts rows, distinct and repeated values, nulls, dates, the quarantine and the queue", () =>
  withBench(async (bench) => {
    await bench.send([
      JSON.stringify({ ...LOGIN, create_date: "2023-01-05" }),
      JSON.stringify({ ...LOGIN, create_date: "2023-01-01", device_id: null }),
      JSON.stringify({ ...LOGIN, create_date: "2023-01-09", user_id: "u-2", ip: "::ffff:192.0.2.1" }),
      JSON.stringify({
        ...LOGIN,
        create_date: "2023-01-09",
        user_id: "u-3",
        ip: "192.0.2.9",
        device_id: "d-2",
      }),
      JSON.stringify({ ...LOGIN, ip: "nowhere" }),
      "{}",
    ]);
    await bench.run(["drain"]);
    await bench.send(generateMessages(7));
    const verified = await bench.run(["verify", "--json", "--expect", "4"]);
    expect(verified.code).toBe(0);
    const token: unknown = expect.stringMatching(/^h1\./);
    expect(json(verified)).toEqual({
      schemaVersion: 1,
      command: "verify",
      rows: 4,
      distinct: { users: 3, ips: 2, devices: 2 },
      nulls: {
        user_id: 0,
        device_type: 0,
        masked_ip: 0,
        masked_device_id: 1,
        locale: 4,
        app_version: 0,
        create_date: 0,
      },
      createDate: { min: "2023-01-01", max: "2023-01-09" },
      unmasked: 0,
      keyIds: { [keyIdOf(bench.env["FETCH_ETL_MASKING_KEY"])]: { ips: 4, devices: 3 } },
      mostRepeated: { devices: [{ token, rows: 2 }], ips: [{ token, rows: 3 }] },
      distributions: {
        locale: { values: [{ value: null, rows: 4 }] },
        deviceType: { values: [{ value: "ios", rows: 4 }] },
        appVersion: { unit: "patch", values: [{ value: "1.0.0", rows: 4 }] },
        createDate: {
          unit: "day",
          values: [
            { value: "2023-01-09", rows: 2 },
            { value: "2023-01-01", rows: 1 },
            { value: "2023-01-05", rows: 1 },
          ],
        },
        repeats: {
          devices: [
            { min: 1, max: 1, values: 1 },
            { min: 2, max: 2, values: 1 },
          ],
          ips: [
            { min: 1, max: 1, values: 1 },
            { min: 2, max: 2, values: 0 },
            { min: 3, max: 3, values: 1 },
          ],
        },
      },
      repeatedBodies: 0,
      quarantined: 2,
      quarantineReasons: {
        "app_version: missing": 1,
        "device_id: missing": 1,
        "device_type: missing": 1,
        "ip: missing": 1,
        "ip: not an IP address": 1,
        "locale: missing": 1,
        "user_id: missing": 1,
      },
      queue: { visible: 7, inFlight: 0, delayed: 0 },
      expected: 4,
      ok: true,
    });
  }));

it("tells for each masking key in how many rows its tokens stand", () =>
  withBench(async (bench) => {
    const a = bench.env["FETCH_ETL_MASKING_KEY"] ?? "";
    const b = randomBytes(32).toString("base64");
    await bench.send([
      JSON.stringify(LOGIN),
      JSON.stringify({ ...LOGIN, device_id: null }),
      JSON.stringify({ ...LOGIN, ip: null, device_id: null }),
    ]);
    await bench.run(["drain"]);
    await bench.send([JSON.stringify(LOGIN), JSON.stringify({ ...LOGIN, ip: null })]);
    await bench.run(["drain"], { FETCH_ETL_MASKING_KEY: `${b},${a}` });
    await bench.sql`insert into public.user_logins (masked_ip) values ('h1.notokens.short')`;
    expect(json(await bench.run(["verify", "--json"]))).toMatchObject({
      keyIds: { [keyIdOf(a)]: { ips: 2, devices: 1 }, [keyIdOf(b)]: { ips: 1, devices: 2 } },
    });
    const { stdout } = await bench.run(["verify"]);
    expect(stdout).toContain("\nrows by masking key\n");
    expect(stdout).toContain(`\n  ${keyIdOf(a)}  2 masked_ip  1 masked_device_id\n`);
    expect(stdout).toContain(`\n  ${keyIdOf(b)}  1 masked_ip  2 masked_device_id\n`);
    await bench.sql`truncate public.user_logins`;
    expect(json(await bench.run(["verify", "--json"]))).toMatchObject({ keyIds: {} });
  }));

function keyIdOf(key: string | undefined): string {
  return deriveKeys(Buffer.from(key ?? "", "base64")).keyId;
}

it("draws how the rows are spread, without colour in a pipe, and shows nothing that steers a terminal", () =>
  withBench(async (bench) => {
    await bench.send([
      ...["ios", "ios", "ios", "\u001b[2J"].map((device_type) => JSON.stringify({ ...LOGIN, device_type })),
      JSON.stringify({ ...LOGIN, app_version: "2.3.1", device_type: null, ip: "192.0.2.2" }),
    ]);
    await bench.run(["drain"]);
    const { stdout } = await bench.run(["verify"]);
    const full = "█".repeat(40);
    expect(stdout).toContain(
      [
        "rows by device type",
        `  ios     ${full}  3  60%`,
        `  �[2J    █████████████▍${" ".repeat(26)}  1  20%`,
        `  (null)  █████████████▍${" ".repeat(26)}  1  20%`,
        "",
      ].join("\n"),
    );
    expect(stdout).toContain(`rows by app version\n  1.0.0  ${full}  4  80%\n  2.3.1  ██████████  `);
    expect(stdout).toContain(`addresses by number of rows\n  1       ${full}  1  50%\n`);
    expect(stdout).not.toContain("\u001b");
    const coloured = await bench.run(["verify"], { FORCE_COLOR: "1" });
    expect(coloured.stdout).toContain(`  ios     \u001b[36m${full}\u001b[39m  3`);
  }));

it("reads app versions in the style in which they were stored", () =>
  withBench(async (bench) => {
    await bench.send([JSON.stringify({ ...LOGIN, app_version: "2.3.1" })]);
    await bench.run(["drain", "--app-version", "major"]);
    const verified = json(await bench.run(["verify", "--json", "--app-version", "major"]));
    expect(verified).toMatchObject({ distributions: { appVersion: { values: [{ value: "2", rows: 1 }] } } });
  }));

it("exits 4 when the rows are not as many as --expect says", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(20));
    await bench.run(["drain"]);
    expect((await bench.run(["verify", "--expect", "19"])).code).toBe(0);
    const wrong = await bench.run(["verify", "--expect", "20", "--quiet"]);
    expect(wrong).toEqual({
      code: 4,
      stdout: "",
      stderr: "error: user_logins has 19 rows; --expect is 20.\n",
    });
  }));

it.for(["192.0.2.77", "h1.abcdefgh.short", "5d41402abc4b2a76b9719d911017c592"])(
  "exits 4 for a masked value that is no token, counts it and never prints it: %s",
  (leak) =>
    withBench(async (bench) => {
      await bench.run(["drain"]);
      await bench.sql`insert into public.user_logins (masked_ip, masked_device_id) values (${leak}, ${leak}), (${leak}, null)`;
      const verified = await bench.run(["verify", "--json"]);
      expect(verified.code).toBe(4);
      expect(json(verified)).toMatchObject({ unmasked: 3, ok: false });
      const human = await bench.run(["verify"]);
      expect(human.stderr).toMatch(/^error: 3 masked_ip or masked_device_id values/);
      for (const { stdout, stderr } of [verified, human]) expect(stdout + stderr).not.toContain(leak);
    }),
);

it("checks the rows when the queue cannot be reached, and says so", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(20));
    await bench.run(["drain"]);
    const verified = await bench.run(["verify", "--json", "--expect", "19"], {
      AWS_ENDPOINT_URL_SQS: NOTHING_LISTENS,
    });
    expect(verified.code).toBe(0);
    expect(verified.stderr).toMatch(/^warning: The queue was not checked\. .*ECONNREFUSED/);
    expect(json(verified)).toMatchObject({ rows: 19, queue: null, ok: true });
  }));

it("asks for no masking key", () =>
  withBench(async (bench) => {
    await bench.run(["drain"]);
    expect((await bench.run(["verify"], { FETCH_ETL_MASKING_KEY: undefined })).code).toBe(0);
  }));

it("exits 2 where there is no table yet, and names the command that makes it", () =>
  withBench(async (bench) => {
    const { code, stderr } = await bench.run(["verify"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/user_logins.*fetch-etl init/);
  }));

it("exits 5 when the database cannot be reached", () =>
  withBench(async (bench) => {
    const { code, stderr } = await bench.run(["verify"], { DATABASE_URL: "postgres://u:p@127.0.0.1:1/d" });
    expect(code).toBe(5);
    expect(stderr).toMatch(/^error: Postgres at \S+ is unreachable/);
  }));
