import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { json, withBench } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";

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
    const keyId = keyIdOf(bench.env["FETCH_ETL_MASKING_KEY"]);
    expect(json(verified)).toEqual({
      schemaVersion: 2,
      command: "verify",
      table: "public.user_logins",
      rows: 4,
      columns: {
        user_id: {
          ...{ type: "text", nulls: 0, distinct: 3 },
          values: [
            { value: "u-1", rows: 2 },
            { value: "u-2", rows: 1 },
            { value: "u-3", rows: 1 },
          ],
        },
        device_type: { type: "text", nulls: 0, distinct: 1, values: [{ value: "ios", rows: 4 }] },
        masked_ip: {
          ...{ type: "ip", nulls: 0, distinct: 2, unmasked: 0, keyIds: { [keyId]: 4 } },
          repeats: [
            { min: 1, max: 1, values: 1 },
            { min: 2, max: 2, values: 0 },
            { min: 3, max: 3, values: 1 },
          ],
          mostRepeated: [{ token, rows: 3 }],
        },
        masked_device_id: {
          ...{ type: "text", nulls: 1, distinct: 2, unmasked: 0, keyIds: { [keyId]: 3 } },
          repeats: [
            { min: 1, max: 1, values: 1 },
            { min: 2, max: 2, values: 1 },
          ],
          mostRepeated: [{ token, rows: 2 }],
        },
        locale: { type: "text", nulls: 4, distinct: 0, values: [{ value: null, rows: 4 }] },
        app_version: { type: "version", nulls: 0, distinct: 1, values: [{ value: "1.0.0", rows: 4 }] },
        create_date: {
          ...{ type: "date", nulls: 0, distinct: 3, min: "2023-01-01", max: "2023-01-09" },
          values: [
            { value: "2023-01-09", rows: 2 },
            { value: "2023-01-01", rows: 1 },
            { value: "2023-01-05", rows: 1 },
          ],
        },
      },
      unmasked: 0,
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
      columns: {
        masked_ip: { keyIds: { [keyIdOf(a)]: 2, [keyIdOf(b)]: 1 } },
        masked_device_id: { keyIds: { [keyIdOf(a)]: 1, [keyIdOf(b)]: 2 } },
      },
    });
    const { stdout } = await bench.run(["verify"]);
    expect(stdout).toContain("\nrows by masking key\n");
    expect(stdout).toContain(`\n  ${keyIdOf(a)}  2 masked_ip  1 masked_device_id\n`);
    expect(stdout).toContain(`\n  ${keyIdOf(b)}  1 masked_ip  2 masked_device_id\n`);
    await bench.sql`truncate public.user_logins`;
    expect((await bench.run(["verify", "--json"])).stdout).not.toContain(keyIdOf(a));
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
        "rows by device_type",
        `  ios     ${full}  3  60%`,
        `  �[2J    █████████████▍${" ".repeat(26)}  1  20%`,
        `  (null)  █████████████▍${" ".repeat(26)}  1  20%`,
        "",
      ].join("\n"),
    );
    expect(stdout).toContain(`rows by app_version\n  1.0.0  ${full}  4  80%\n  2.3.1  ██████████  `);
    expect(stdout).toContain(`masked_ip values by number of rows\n  1       ${full}  1  50%\n`);
    expect(stdout).not.toContain("\u001b");
    const coloured = await bench.run(["verify"], { FORCE_COLOR: "1" });
    expect(coloured.stdout).toContain(`  ios     \u001b[36m${full}\u001b[39m  3`);
  }));

it("reads app versions in the style in which they were stored", () =>
  withBench(async (bench) => {
    await bench.send([JSON.stringify({ ...LOGIN, app_version: "2.3.1" })]);
    await bench.run(["drain", "--app-version", "major"]);
    const verified = json(await bench.run(["verify", "--json", "--app-version", "major"]));
    expect(verified).toMatchObject({
      columns: { app_version: { type: "version_major", values: [{ value: "2", rows: 1 }] } },
    });
  }));

const EVENTS = `
version: 1
table: shop.events
columns:
  id: { type: uuid }
  customer: { from: customer.email, mask: token, field: email }
  amount: { type: numeric }
  paid at: { from: paid_at, type: timestamptz }
`;

it("reads the table and the columns of a mapping", () =>
  withBench(async (bench) => {
    await withFolder(async (folder) => {
      const file = join(folder, "events.yaml");
      await writeFile(file, EVENTS);
      const mapping = ["--mapping", file];
      const event = {
        id: "5d41402a-bc4b-2a76-b971-9d911017c592",
        customer: { email: "a@example.com" },
        amount: 12.5,
        paid_at: "2024-03-10T02:30:00-05:00",
      };
      await bench.send([JSON.stringify(event), JSON.stringify({ ...event, amount: "7.25", paid_at: null })]);
      await bench.run(["drain", ...mapping]);
      const { code, stdout } = await bench.run(["verify", ...mapping]);
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^ {2}column +type +distinct +null +range\n {2}id +uuid +1 +0\n {2}customer +text +1 +0\n {2}amount +numeric +2 +0 +7\.25 to 12\.5\n {2}paid at +timestamptz +1 +1 +2024-03-10T07:30:00Z to 2024-03-10T07:30:00Z\n/m,
      );
      expect(stdout).toContain("\nmost repeated customer\n");
      expect(json(await bench.run(["verify", "--json"], { FETCH_ETL_MAPPING: file }))).toMatchObject({
        table: "shop.events",
        columns: { amount: { min: "7.25", max: "12.5" }, customer: { unmasked: 0 } },
      });
      const both = await bench.run(["verify", ...mapping, "--app-version", "major"]);
      expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("--app-version") });
      const other = await bench.run(["verify", ...mapping, "--table", "fetch_shop.events"]);
      expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("fetch-etl init") });
      await bench.sql`alter table shop.events drop amount`;
      const missing = await bench.run(["verify", ...mapping]);
      expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("has no column amount,") });
    });
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
      expect(human.stderr).toMatch(
        /^error: 3 masked_ip or masked_device_id values in user_logins are not tokens: /,
      );
      for (const { stdout, stderr } of [verified, human]) expect(stdout + stderr).not.toContain(leak);
      // The query that it prints finds both rows, and none of a row with tokens.
      const [, query = ""] = /\nto find unmasked values.*:\n([^;]*);\n/.exec(human.stdout) ?? [];
      const token = `h1.abcdefgh.${"x".repeat(43)}`;
      await bench.sql`insert into public.user_logins (masked_ip, masked_device_id) values (${token}, ${token}), (null, null)`;
      expect(await bench.sql.unsafe(query)).toMatchObject([{ masked_ip: leak }, { masked_ip: leak }]);
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
