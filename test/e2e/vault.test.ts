// What a drain keeps for recovery, and for whom.
import { Decrypter } from "age-encryption";
import { expect, test } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { json, withBench } from "../support/bench.ts";
import { asRole, login, UNKNOWN_TOKEN, withVault } from "../support/vault.ts";

const it = test.concurrent;

it("the vault holds one entry a token, however often it comes, under data keys that age itself opens", () =>
  withVault(async ({ drain, sql, holder, tokensOf, reveal }) => {
    await drain(Array.from({ length: 5 }, (_, user) => login(`u-${user}`, "192.0.2.1", "d-1")));
    await drain([login("u-9", "192.0.2.1", "d-9")]);
    const entries =
      await sql`select field, count(*)::integer from fetch_etl.vault group by field order by field`;
    expect(entries).toEqual([
      { field: "device_id", count: 2 },
      { field: "ip", count: 1 },
    ]);
    const keys = await sql<{ sealed: Uint8Array }[]>`select sealed from fetch_etl.vault_keys`;
    expect(keys).toHaveLength(2);
    const decrypter = new Decrypter();
    decrypter.addIdentity(holder.identity);
    for (const { sealed } of keys) expect(await decrypter.decrypt(sealed)).toHaveLength(32);
    const [early, late] = [await tokensOf("u-0"), await tokensOf("u-9")];
    const { stdout } = await reveal([late.device_id, early.device_id, early.ip]);
    expect(stdout).toMatch(/d-9\n.*d-1\n.*192\.0\.2\.1\n$/);
  }));

it("either of two recipients' identities opens; a third one does not, is not shown, and leaves a record too", () =>
  withVault(async ({ drain, tokensOf, reveal, holder, makeHolder, sql }) => {
    const [second, third] = [await makeHolder("second"), await makeHolder("third")];
    await drain([login("u-1", "192.0.2.1", "d-1")], {
      FETCH_ETL_RECOVERY_RECIPIENT: `${holder.recipient}, ${second.recipient}`,
    });
    const { ip } = await tokensOf("u-1");
    for (const { file } of [holder, second]) {
      expect(await reveal([ip], { file })).toEqual({ code: 0, stdout: `${ip}  192.0.2.1\n`, stderr: "" });
    }
    const { code, stdout, stderr } = await reveal([ip], { file: third.file });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: [^\n]*--identity[^\n]*\n$/);
    expect(stderr).not.toContain("AGE-SECRET-KEY");
    expect(await sql`select tokens from fetch_etl.reveal_log`).toEqual(Array(3).fill({ tokens: [ip] }));
  }));

it("without a recipient a drain makes no vault, and is otherwise the same", () =>
  withVault((kept) =>
    withBench(async (plain) => {
      const bodies = [
        ...generateLogins(40, 3).map((each) => ({ ...each, create_date: "2023-01-02" })),
        { foo: "no login" },
      ].map((each) => JSON.stringify(each));
      const key = { FETCH_ETL_MASKING_KEY: plain.env["FETCH_ETL_MASKING_KEY"] };
      const recipient = { FETCH_ETL_RECOVERY_RECIPIENT: kept.holder.recipient };
      const reports = [];
      const contents = [];
      for (const [bench, env] of [[plain, key] as const, [kept, { ...key, ...recipient }] as const]) {
        await bench.send(bodies);
        const { loaded, quarantined, deleted } = json(await bench.run(["drain", "--json"], env));
        reports.push({ loaded, quarantined, deleted });
        contents.push([
          await bench.sql`select * from public.user_logins order by user_id`,
          await bench.sql`select reasons, key_id from fetch_etl.quarantine`,
          await bench.sql`select count(*) from fetch_etl.ledger`,
        ]);
      }
      expect(reports[0]).toEqual({ loaded: 40, quarantined: 1, deleted: 41 });
      expect(reports[1]).toEqual(reports[0]);
      expect(contents[1]).toEqual(contents[0]);
      const tables =
        await plain.sql`select tablename from pg_tables where schemaname = 'fetch_etl' order by 1`;
      expect(tables).toEqual(
        ["ledger", "quarantine", "reveal_log", "reveal_outcomes", "runs", "schema_version"].map(
          (tablename) => ({ tablename }),
        ),
      );
      const refused = await kept.reveal([UNKNOWN_TOKEN], { env: { DATABASE_URL: plain.databaseUrl } });
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain("FETCH_ETL_RECOVERY_RECIPIENT");
    }),
  ));

it("a role that may only insert can drain into the vault, and read nothing of it", () =>
  withVault(async (bench) => {
    await bench.drain([]);
    const { env, role } = await asRole(
      bench,
      `grant usage on schema fetch_etl to somebody;
       grant insert on public.user_logins, fetch_etl.quarantine, fetch_etl.ledger to somebody;
       grant select on fetch_etl.ledger, fetch_etl.schema_version to somebody;
       grant insert on fetch_etl.vault, fetch_etl.vault_keys to somebody`,
    );
    await bench.drain([login("u-1", "192.0.2.1", "d-1")], env);
    await bench.drain([login("u-2", "192.0.2.1", "d-2")], env);
    const { ip, device_id } = await bench.tokensOf("u-2");
    const refused = await bench.reveal([ip], { env });
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
    expect(refused.stderr).toContain(
      `GRANT SELECT (token, field, type, key_id, sealed) ON fetch_etl.vault TO "${role}";`,
    );
    expect((await bench.reveal([ip, device_id])).stdout).toBe(`${ip}  192.0.2.1\n${device_id}  d-2\n`);
  }));
