import { expect, test } from "vitest";
import { json } from "../support/bench.ts";
import { asRole, login, REASON, UNKNOWN_TOKEN, withVault } from "../support/vault.ts";

const it = test.concurrent;

const LOGINS = [login("u-1", "192.0.2.1", "d-1"), login("u-2", "192.0.2.2", "d-2")];

it("deletes the values, leaves the rows, and puts it on record", () =>
  withVault(async ({ drain, tokensOf, run, sql, reveal }) => {
    await drain(LOGINS);
    const [{ ip, device_id }, other] = [await tokensOf("u-1"), await tokensOf("u-2")];
    const rows = await sql`select * from public.user_logins order by user_id`;
    const forgotten = await run(["forget", ip, device_id, ip, "--reason", REASON]);
    expect(forgotten).toEqual({
      code: 0,
      stdout: "forgot 2 values; rows keep their tokens\n",
      stderr: "",
    });
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
    const forgotten = await run(["forget", "--reason", REASON, "--json"], {}, ` ${ip}\n ${device_id}\n\n`);
    expect(json(forgotten)).toEqual({
      schemaVersion: 2,
      command: "forget",
      forgotten: 2,
      quarantinedBodies: { found: [], purged: 0, notOpened: 0, tokensNotSought: 0 },
      otherKeys: [],
    });
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
    const refused = await run(["forget", ip, "--reason", REASON, "--purge-quarantine"], withoutKey);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("FETCH_ETL_MASKING_KEY");
    const unsearched = await run(["forget", ip, "--reason", REASON], withoutKey);
    expect(unsearched.code).toBe(0);
    expect(unsearched.stderr).toMatch(/^warning: 3 quarantined messages were not searched[^\n]*\n$/);
    const warned = await run(["forget", device_id, "--reason", REASON]);
    expect(warned.code).toBe(0);
    expect(warned.stderr).toMatch(
      /^warning: 2 quarantined messages contain the same values[^\n]*--purge-quarantine[^\n]*\n$/,
    );
    expect(found.filter(({ id }) => warned.stderr.includes(id))).toHaveLength(2);
    // The vault has forgotten them: the messages go all the same.
    expect(await run(["forget", ip, device_id, "--reason", REASON, "--purge-quarantine"])).toEqual({
      code: 0,
      stdout: "forgot 0 values and deleted 2 quarantined messages; rows keep their tokens\n",
      stderr: "",
    });
    expect(await sql`select 1 from fetch_etl.quarantine`).toHaveLength(1);
  }));

it("forgets nothing, and records nothing, when the vault does not hold one of the tokens", () =>
  withVault(async ({ drain, tokensOf, run, reveal, sql }) => {
    await drain(LOGINS);
    const { ip } = await tokensOf("u-1");
    const { code, stdout, stderr } = await run(["forget", ip, UNKNOWN_TOKEN, "--reason", REASON]);
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
    const forget = (): ReturnType<typeof bench.run> => bench.run(["forget", ip, "--reason", REASON], env);
    const refused = await forget();
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
    const grants = [
      `GRANT INSERT (id, action, reason, tokens, messages, client_user, client_host) ON fetch_etl.reveal_log TO "${role}";`,
      `GRANT INSERT (id, outcome) ON fetch_etl.reveal_outcomes TO "${role}";`,
      `GRANT DELETE ON fetch_etl.vault TO "${role}";`,
    ];
    expect(refused.stderr).toContain(grants.join(" "));
    await bench.sql.unsafe(grants.join(" "));
    expect((await forget()).code).toBe(0);
    expect(await bench.sql`select database_user from fetch_etl.reveal_log`).toEqual([
      { database_user: role },
    ]);
  }));
