import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { BIN, json, withBench } from "../support/bench.ts";
import { noTerminal, onTerminal } from "../support/terminal.ts";
import { asRole, login, REASON, UNKNOWN_TOKEN, withVault } from "../support/vault.ts";

const it = test.concurrent;

const LOGINS = [login("u-1", "192.0.2.1", "d-1"), login("u-2", "192.0.2.2", "d-2")];

it("deletes the values, leaves the rows, and puts it on record", () =>
  withVault(async ({ drain, tokensOf, run, sql, reveal }) => {
    await drain(LOGINS);
    const [{ ip, device_id }, other] = [await tokensOf("u-1"), await tokensOf("u-2")];
    const rows = await sql`select * from public.user_logins order by user_id`;
    const forgotten = await run(["forget", ip, device_id, ip, "--reason", REASON, "--yes"]);
    expect({ code: forgotten.code, stderr: forgotten.stderr }).toEqual({ code: 0, stderr: "" });
    expect(forgotten.stdout).toMatch(/\nforgot 2 values; rows keep their tokens\n$/);
    expect(await sql`select * from public.user_logins order by user_id`).toEqual(rows);
    const revealed = await reveal([ip, other.ip]);
    expect({ code: revealed.code, stdout: revealed.stdout }).toEqual({ code: 2, stdout: "" });
    expect(revealed.stderr).toContain(`1 of 2 tokens`);
    expect(revealed.stderr).toContain(ip);
    expect(revealed.stderr).not.toContain(other.ip);
    expect((await reveal([other.ip, other.device_id])).stdout).toMatch(/192\.0\.2\.2\n.*d-2\n$/);
    expect(
      await sql`select action, reason, tokens, database_user from fetch_etl.reveal_log order by at limit 1`,
    ).toEqual([{ action: "forget", reason: REASON, tokens: [ip, device_id], database_user: "postgres" }]);
  }));

it("reads tokens from standard input, with the blanks that psql prints, and prints one JSON object with --json", () =>
  withVault(async ({ drain, tokensOf, run }) => {
    await drain(LOGINS);
    const { ip, device_id } = await tokensOf("u-1");
    const args = ["forget", "--reason", REASON, "--json"];
    const told = { inVault: true, rows: 1, people: 1, forgottenAt: null, request: null };
    const shown = {
      ...{ schemaVersion: 2, command: "forget", matched: null, rows: 1, people: 1 },
      tokens: [
        { token: ip, ...told },
        { token: device_id, ...told },
      ],
      quarantinedBodies: {
        ...{ found: [], toDelete: [], purged: 0, searched: 0, notOpened: 0, tokensNotSought: 0 },
      },
      otherKeys: [],
    };
    const input = ` ${ip}\n ${device_id}\n\n`;
    expect(json(await run([...args, "--dry-run"], {}, input))).toEqual({
      ...shown,
      dryRun: true,
      forgotten: 0,
    });
    expect(json(await run([...args, "--yes"], {}, input))).toEqual({ ...shown, forgotten: 2 });
  }));

it("names quarantined messages with the same values, and deletes them with --purge-quarantine, which needs the masking key", () =>
  withVault(async ({ drain, tokensOf, run, sql }) => {
    const held = { ...login("u-1", "192.0.2.1", "d-1"), app_version: "x" };
    await drain([
      ...LOGINS,
      held,
      { ...held, user_id: "u-3" },
      { ...login("u-4", "192.0.2.9", "d-9"), app_version: "x" },
    ]);
    const { ip, device_id } = await tokensOf("u-1");
    const found = await sql<{ id: string }[]>`
      select message_id as id from fetch_etl.quarantine order by message_id limit 3`;
    const withoutKey = { FETCH_ETL_MASKING_KEY: undefined };
    const refused = await run(["forget", ip, "--reason", REASON, "--purge-quarantine", "--yes"], withoutKey);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("FETCH_ETL_MASKING_KEY");
    const unsearched = await run(["forget", ip, "--reason", REASON, "--yes"], withoutKey);
    expect(unsearched.code).toBe(0);
    expect(unsearched.stderr).toMatch(/^warning: 3 quarantined messages were not searched[^\n]*\n$/);
    const warned = await run(["forget", device_id, "--reason", REASON, "--yes"]);
    expect(warned.code).toBe(0);
    expect(warned.stderr).toMatch(
      /^warning: 2 quarantined messages contain the same values[^\n]*--purge-quarantine[^\n]*\n$/,
    );
    expect(found.filter(({ id }) => warned.stderr.includes(id))).toHaveLength(2);
    // The vault has forgotten them: the messages go all the same.
    const purged = await run(["forget", ip, device_id, "--reason", REASON, "--purge-quarantine", "--yes"]);
    expect({ code: purged.code, stderr: purged.stderr }).toEqual({ code: 0, stderr: "" });
    expect(purged.stdout).toMatch(
      /\nforgot 0 values and deleted 2 quarantined messages; rows keep their tokens\n$/,
    );
    expect(await sql`select 1 from fetch_etl.quarantine`).toHaveLength(1);
  }));

it("forgets nothing, and records nothing, when the vault does not hold one of the tokens", () =>
  withVault(async ({ drain, tokensOf, run, reveal, sql }) => {
    await drain(LOGINS);
    const { ip } = await tokensOf("u-1");
    const { code, stdout, stderr } = await run(["forget", ip, UNKNOWN_TOKEN, "--reason", REASON, "--yes"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(UNKNOWN_TOKEN);
    expect(await sql`select * from fetch_etl.reveal_log`).toEqual([]);
    expect((await reveal([ip])).code).toBe(0);
  }));

it("needs the rights to record and to delete and no others, and names what is missing", () =>
  withVault(async (bench) => {
    await bench.drain(LOGINS);
    const { ip } = await bench.tokensOf("u-1");
    const { role, env } = await asRole(
      bench,
      "grant usage on schema fetch_etl to somebody; grant select (token) on fetch_etl.vault to somebody",
    );
    const forget = (): ReturnType<typeof bench.run> =>
      bench.run(["forget", ip, "--reason", REASON, "--yes"], env);
    const refused = await forget();
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
    const grants = [
      `GRANT INSERT (id, action, reason, tokens, messages, client_user, client_host) ON fetch_etl.reveal_log TO "${role}";`,
      `GRANT INSERT (id, outcome) ON fetch_etl.reveal_outcomes TO "${role}";`,
      `GRANT DELETE ON fetch_etl.vault TO "${role}";`,
    ];
    expect(refused.stderr).toContain(grants.join(" "));
    await bench.sql.unsafe(grants.join(" "));
    const forgotten = await forget();
    expect(forgotten.code).toBe(0);
    expect(forgotten.stdout).toContain(
      `GRANT SELECT (masked_ip, masked_device_id, user_id) ON public.user_logins`.replaceAll(
        /masked_ip|masked_device_id|user_id/g,
        '"$&"',
      ),
    );
    expect(await bench.sql`select database_user from fetch_etl.reveal_log`).toEqual([
      { database_user: role },
    ]);
  }));

it("shows how many users share a value, deletes nothing without --yes or in a dry run, and tells a repetition when it was forgotten", () =>
  withVault(async ({ drain, tokensOf, run, sql }) => {
    await drain([
      login("u-1", "192.0.2.1", "d-1"),
      login("u-2", "192.0.2.1", "d-2"),
      ...Array.from({ length: 2 }, () => login("u-3", "192.0.2.1", "d-3")),
    ]);
    const { ip, device_id } = await tokensOf("u-1");
    const args = ["forget", ip, "--reason", "request 12"];
    const entries = async (): Promise<number> =>
      (await sql`select from fetch_etl.vault where token = ${ip}`).length;

    const refused = await run(args);
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("in 4 rows of 3 users");
    expect(refused.stderr).toContain("add --yes");
    const shown = `${ip}\n  in the vault; in 4 rows of 3 users\nTo delete: 1 value.\nThe tokens are in 4 rows of 3 users. Rows stay, with their tokens.\n`;
    expect(await run([...args, "--dry-run"])).toEqual({
      code: 0,
      stdout: `${shown}This was a dry run: nothing was deleted.\n`,
      stderr: "",
    });
    expect([await entries(), (await sql`select from fetch_etl.reveal_log`).length]).toEqual([1, 0]);
    expect((await run([...args, "--yes"])).stdout).toBe(`${shown}forgot 1 value; rows keep their tokens\n`);
    expect(await entries()).toBe(0);

    // Again: without a question where nothing is left, and with the rest where something is.
    const again = await run([...args, "--yes"]);
    const today = new Date().toISOString().slice(0, 10);
    const past = `${ip}\n  forgotten on ${today} (request 12); in 4 rows of 3 users\n`;
    expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: "" });
    expect(again.stdout).toContain(`${past}There is nothing left to delete.\n`);
    const rest = await run(["forget", ip, device_id, "--reason", "request 13", "--yes"]);
    expect(rest.stdout).toContain(past);
    expect(rest.stdout).toMatch(/\nforgot 1 value; rows keep their tokens\n$/);
    expect(
      (await sql`select reason from fetch_etl.reveal_log order by at`).map(({ reason }) => String(reason)),
    ).toEqual(["request 12", "request 13"]);
  }));

it("--where deletes the values in a person's rows and that person's quarantined messages, and records no value of the column", () =>
  withVault(async (bench) => {
    const { drain, tokensOf, run, sql } = bench;
    const rejected = { app_version: "x" };
    await drain([
      ...[
        login("u-secret", "192.0.2.1", "d-1"),
        login("u-secret", "192.0.2.2", "d-1"),
        login("u-2", "192.0.2.1", "d-2"),
      ],
      { ...login("u-secret", "192.0.2.7", "d-7"), ...rejected },
      { ...login("u-2", "192.0.2.2", "d-8"), ...rejected },
      { ...login("u-2", "192.0.2.9", "d-9"), ...rejected },
    ]);
    // A user id of the wrong type is why it was rejected.
    await bench.send([JSON.stringify({ ...login("", "192.0.2.7", "d-7"), user_id: 42 })]);
    await run(["drain"]);
    const other = await tokensOf("u-2");
    const args = ["forget", "--where", "user_id=u-secret", "--reason", "request 12"];
    const dry = await run([...args, "--dry-run"]);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain("2 rows with this value in column user_id have these tokens:\n");
    expect(dry.stdout).toContain(
      `${other.ip}\n  in the vault; in 2 rows of 2 users, shared with 1 other user\n`,
    );
    expect(dry.stdout).toContain("1 quarantined message to delete:\n");
    expect(dry.stdout).toContain("To delete: 3 values and 1 quarantined message.\n");
    expect(dry.stderr).toMatch(/^warning: 1 quarantined message contains the same values[^\n]*\n$/);

    const forgotten = json(await run([...args, "--yes", "--json"]));
    expect(forgotten).toMatchObject({
      ...{ forgotten: 3, matched: 2, rows: 3, people: 2 },
      quarantinedBodies: { purged: 1, searched: 4, notOpened: 0 },
    });
    expect(await sql`select from fetch_etl.vault`).toHaveLength(1);
    expect(await sql`select from fetch_etl.quarantine`).toHaveLength(3);
    expect(await sql`select from public.user_logins where user_id = 'u-secret'`).toHaveLength(2);
    const [record] = await sql<
      { reason: string; tokens: string[]; messages: string[]; all: string }[]
    >`select reason, tokens, messages, l::text as all from fetch_etl.reveal_log l`;
    expect(record?.reason).toBe("request 12 (tokens of rows found by user_id)");
    expect([record?.tokens.length, record?.messages.length]).toEqual([3, 1]);
    expect(record?.all).not.toContain("u-secret");

    const again = await run([...args, "--yes"]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("There is nothing left to delete.\n");
    const byNumber = await run(["forget", "--where", "user_id=42", "--reason", "request 13", "--yes"]);
    expect(byNumber.stdout).toMatch(
      /^No rows with this value in column user_id\.\n1 quarantined message to delete:/,
    );
    expect(byNumber.code).toBe(0);
    const nobody = await run(["forget", "--where", "user_id=u-nobody", "--reason", "request 13", "--yes"]);
    expect({ code: nobody.code, stdout: nobody.stdout }).toEqual({ code: 2, stdout: "" });
    expect(nobody.stderr).toContain("No row of public.user_logins has this value in column user_id");
    for (const [where, sentence] of [
      ["masked_ip=x", "neither masked nor jsonb: user_id, device_type, locale, app_version, create_date."],
      [
        `user_id=${"u".repeat(129)}`,
        "no row can have this value in column user_id: longer than 128 characters.",
      ],
    ] as const) {
      const wrong = await run(["forget", "--where", where, "--reason", "request 13", "--yes"]);
      expect(wrong.code).toBe(2);
      expect(wrong.stderr).toContain(sentence);
      expect(wrong.stderr).not.toContain(where);
    }
  }));

it("without a vault names the command that creates it, and then deletes a person's quarantined messages", () =>
  withBench(async (bench) => {
    await bench.send([JSON.stringify({ ...login("u-1", "192.0.2.1", "d-1"), app_version: "x" })]);
    expect((await bench.run(["drain", "--quiet"])).code).toBe(0);
    const forget = ["forget", "--where", "user_id=u-1", "--reason", REASON, "--yes"];
    expect(await bench.run(forget)).toMatchObject({
      ...{ code: 2, stdout: "" },
      stderr: expect.stringMatching(
        /^error: There is no vault in this database\. "fetch-etl init" creates it\./,
      ),
    });
    expect((await bench.run(["init"])).code).toBe(0);
    const forgotten = await bench.run(forget);
    expect(forgotten.code).toBe(0);
    expect(forgotten.stdout).toContain("forgot 0 values and deleted 1 quarantined message");
    expect(await bench.sql`select from fetch_etl.quarantine`).toHaveLength(0);
  }));

(noTerminal === undefined ? it : it.skip)("asks on a terminal, and deletes only after yes", () =>
  withVault(async ({ drain, tokensOf, sql, env }) => {
    await drain(LOGINS);
    const { ip } = await tokensOf("u-1");
    const command = `'${process.execPath}' '${BIN}' forget ${ip} --reason x; echo "exit $?"`;
    const session = onTerminal(`${command}; ${command}`, 80, {
      env: { PATH: process.env["PATH"] ?? "", TERM: "xterm-256color", ...env },
      cwd: tmpdir(),
    });
    const entries = async (): Promise<number> => (await sql`select from fetch_etl.vault`).length;
    await session.shows("in the vault; in 1 row of 1 user");
    await session.shows("Delete for ever? [y/N]");
    expect(await entries()).toBe(4);
    session.type("\r");
    await session.shows("Nothing was changed.");
    expect(await entries()).toBe(4);
    session.type("y\r");
    await session.shows("forgot 1 value");
    expect(await entries()).toBe(3);
    await session.ended;
  }),
);
