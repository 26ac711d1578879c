import { isIPv4 } from "node:net";
import { expect, test } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json } from "../support/bench.ts";
import { asRole, login, REASON, UNKNOWN_TOKEN, withVault } from "../support/vault.ts";

const it = test.concurrent;

it("gives back what was sent, in the order asked, and leaves a record", () =>
  withVault(async ({ drain, tokensOf, reveal, sql }) => {
    const logins = [...new Map(generateLogins(200, 7).map((each) => [each.device_id, each])).values()];
    await drain(logins);
    const asked = [
      ...logins.filter(({ ip }) => isIPv4(ip)).slice(0, 3),
      ...logins.filter(({ ip }) => !isIPv4(ip)).slice(0, 2),
    ];
    const expected = [];
    for (const { user_id, ip, device_id } of asked) {
      const tokens = await tokensOf(user_id);
      expected.push({ token: tokens.device_id, field: "device_id", value: device_id });
      expected.push({ token: tokens.ip, field: "ip", value: ip });
    }
    const tokens = expected.map(({ token }) => token);
    expect(new Set(tokens).size).toBe(10);
    expect(await reveal(tokens)).toEqual({
      code: 0,
      stdout: expected.map(({ token, value }) => `${token}  ${value}\n`).join(""),
      stderr: "",
    });
    expect(await sql`select database_user, action, reason, tokens from fetch_etl.reveal_log`).toEqual([
      { database_user: "postgres", action: "reveal", reason: REASON, tokens },
    ]);
    expect(json(await reveal(tokens, { flags: ["--json"] }))).toEqual({
      schemaVersion: 2,
      command: "reveal",
      values: expected,
    });
  }));

it("answers a token twice that is asked twice, spells addresses in one way, and steers no terminal", () =>
  withVault(async ({ drain, tokensOf, reveal }) => {
    await drain([
      login("u-1", "2001:DB8:0:0:1:0:0:1", "gerät 📱"),
      login("u-2", "::ffff:192.0.2.9", "a\u001b[2Jb"),
    ]);
    const [first, second] = [await tokensOf("u-1"), await tokensOf("u-2")];
    const { stdout } = await reveal([first.ip, first.device_id, first.ip, second.ip, second.device_id]);
    expect(stdout.split("\n").map((line) => line.slice(57))).toEqual([
      "2001:db8::1:0:0:1",
      "gerät 📱",
      "2001:db8::1:0:0:1",
      "192.0.2.9",
      "a\u{FFFD}[2Jb",
      "",
    ]);
    const device = json(await reveal([second.device_id], { flags: ["--json"] }));
    expect(device).toMatchObject({ values: [{ value: "a\u001b[2Jb" }] });
  }));

it("reads tokens from standard input", () =>
  withVault(async ({ drain, tokensOf, run, holder }) => {
    await drain([login("u-1", "192.0.2.1", "d-1")]);
    const { ip, device_id } = await tokensOf("u-1");
    const args = ["reveal", "--identity", holder.file, "--reason", REASON];
    const { stdout } = await run(args, {}, `${device_id}\n${ip}\n`);
    expect(stdout).toBe(`${device_id}  d-1\n${ip}  192.0.2.1\n`);
  }));

it("reveals nothing when the vault does not hold one of the tokens, and records what was asked for", () =>
  withVault(async ({ drain, tokensOf, reveal, sql }) => {
    await drain([login("u-1", "192.0.2.1", "d-1")]);
    const { ip } = await tokensOf("u-1");
    const { code, stdout, stderr } = await reveal([ip, UNKNOWN_TOKEN]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`1 of 2 tokens`);
    expect(stderr).toContain(UNKNOWN_TOKEN);
    expect(await sql`select tokens from fetch_etl.reveal_log`).toEqual([{ tokens: [ip, UNKNOWN_TOKEN] }]);
  }));

it("reports every mistake at once, and shows neither a value in a token's place nor an identity in the file's", () =>
  withVault(async ({ holder, run }) => {
    const { code, stdout, stderr } = await run(
      ["reveal", UNKNOWN_TOKEN, "192.0.2.1", "--identity", holder.identity, "--reason", " "],
      { DATABASE_URL: undefined },
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const said of ["argument 2", "--reason", "--identity", "DATABASE_URL"])
      expect(stderr).toContain(said);
    expect(stderr).not.toContain("192.0.2.1");
    expect(stderr).not.toContain(holder.identity);
    const none = await run(["reveal", "--identity", holder.file, "--reason", REASON]);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("No tokens given");
  }));

it("opens nothing for who may read the vault but not write the record, and names what is missing", () =>
  withVault(async (bench) => {
    await bench.drain([login("u-1", "192.0.2.1", "d-1")]);
    const { ip } = await bench.tokensOf("u-1");
    const { role, env } = await asRole(
      bench,
      "grant usage on schema fetch_etl to somebody; grant select on fetch_etl.vault, fetch_etl.vault_keys to somebody",
    );
    const refused = await bench.reveal([ip], { env });
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
    const grant =
      `GRANT INSERT (id, action, reason, tokens, messages, client_user, client_host) ON fetch_etl.reveal_log TO "${role}"; ` +
      `GRANT INSERT (id, outcome) ON fetch_etl.reveal_outcomes TO "${role}";`;
    expect(refused.stderr).toContain(grant);
    await bench.sql.unsafe(grant);
    expect((await bench.reveal([ip], { env })).stdout).toBe(`${ip}  192.0.2.1\n`);
    expect(await bench.sql`select database_user, tokens from fetch_etl.reveal_log`).toEqual([
      { database_user: role, tokens: [ip] },
    ]);
  }));

it("has the record on disk before it shows a value, also where the database would answer before", () =>
  withVault(async ({ drain, tokensOf, reveal, sql }) => {
    await drain([login("u-1", "192.0.2.1", "d-1")]);
    await sql.unsafe(`
      do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$;
      create table public.seen (synchronous_commit text);
      create function public.look() returns trigger language plpgsql as $$
        begin insert into public.seen values (current_setting('synchronous_commit')); return new; end $$;
      create trigger look before insert on fetch_etl.reveal_log for each row execute procedure public.look()`);
    expect((await reveal([(await tokensOf("u-1")).ip])).code).toBe(0);
    expect(await sql`select * from public.seen`).toEqual([{ synchronous_commit: "on" }]);
  }));
