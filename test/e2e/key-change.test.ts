// What is told when the masking key is not the one that the rows have.
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { deriveKeys } from "../../src/masking/keys.ts";
import { json } from "../support/bench.ts";
import { asRole, login, withVault } from "../support/vault.ts";

const it = test.concurrent;

const idOf = (key: string): string => deriveKeys(Buffer.from(key, "base64")).keyId;

it("a drain with another key than that of the most recent rows warns, or loads nothing with --strict-key", () =>
  withVault(async (bench) => {
    const { drain, run, env } = bench;
    const [a, b] = [env["FETCH_ETL_MASKING_KEY"] ?? "", randomBytes(32).toString("base64")];
    await drain([login("u-1", "192.0.2.1", "d-1")]);
    await bench.send([JSON.stringify(login("u-2", "192.0.2.2", "d-2"))]);
    // Without a usable key, nobody is sent to make another one.
    for (const key of [undefined, `"${a}`, a.slice(0, 41)]) {
      const { code, stderr } = await run(["drain"], { FETCH_ETL_MASKING_KEY: key });
      expect(code).toBe(2);
      expect(stderr).toMatch(
        new RegExp(`^error: .*\nerror: The database has rows that were masked with key ${idOf(a)}, last`),
      );
      if (key !== undefined) expect(stderr).not.toContain("keygen");
    }
    const strict = { FETCH_ETL_MASKING_KEY: b, FETCH_ETL_STRICT_KEY: "true" };
    const refused = await run(["drain"], strict);
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
    expect(refused.stderr).toContain(`masked with key ${idOf(a)}, last used on `);
    expect(await bench.contents()).toMatchObject({ ready: 1 });
    // On purpose: the earlier key is still configured.
    const changed = await run(["drain"], { ...strict, FETCH_ETL_MASKING_KEY: `${b},${a}` });
    expect(changed).toMatchObject({ code: 0, stderr: "" });
    // In the wrong order. Then its rows are the most recent ones.
    for (const told of [new RegExp(`^warning: .*key ${idOf(b)},.*key ${idOf(a)}:`), /^$/]) {
      await bench.send([JSON.stringify(login("u-3", "192.0.2.3", "d-3"))]);
      const warned = await run(["drain", "--quiet"], { FETCH_ETL_MASKING_KEY: `${a},${b}` });
      expect(warned.code).toBe(0);
      expect(warned.stderr).toMatch(told);
    }
    // A role with INSERT and SELECT alone, which may not read the history.
    const { env: least } = await asRole(
      bench,
      `grant usage on schema fetch_etl to somebody; grant insert on public.user_logins, fetch_etl.quarantine to somebody;
       grant select on fetch_etl.schema_version to somebody; grant insert, select on fetch_etl.ledger to somebody`,
    );
    expect(await run(["drain", "--quiet", "--strict-key"], { ...least, FETCH_ETL_MASKING_KEY: b })).toEqual({
      ...{ code: 0, stdout: "", stderr: "" },
    });
  }));

it("every command that needs the masking key names the key of the rows, if its own is missing or broken", () =>
  withVault(async (bench) => {
    const { drain, run, env } = bench;
    const key = env["FETCH_ETL_MASKING_KEY"] ?? "";
    const advice = new RegExp(
      `error: The database has rows that were masked with key ${idOf(key)}, last used`,
    );
    await drain([login("u-1", "192.0.2.1", "d-1")]);
    const reason = ["--reason", "x"];
    for (const [words, needsKey] of [
      [["quarantine", "replay"], true],
      [["forget", "--where", "user_id=u-1", ...reason, "--purge-quarantine"], true],
      [["forget", "--where", "user_id=u-1", ...reason, "--dry-run"], false],
      [["quarantine", "show", "an-id", "--raw", ...reason], false],
    ] as const) {
      for (const broken of [`"${key}`, key.slice(0, 41), ...(needsKey ? [undefined] : [])]) {
        const { code, stdout, stderr } = await run(words, { FETCH_ETL_MASKING_KEY: broken });
        expect({ words, code, stdout }).toEqual({ words, code: 2, stdout: "" });
        expect(stderr).toMatch(advice);
        // The mistake and the advice.
        expect(stderr.trimEnd().split("\n")).toHaveLength(2);
      }
    }
    // A key that may be there later is not to be sought, and the exit code stays that of a retry.
    const away = {
      FETCH_ETL_MASKING_KEY: "arn:aws:ssm:us-east-1:000000000000:parameter/key",
      AWS_ENDPOINT_URL_SSM: "http://127.0.0.1:1",
    };
    const later = await run(["quarantine", "replay"], away);
    expect(later.code).toBe(5);
    expect(later.stderr).not.toMatch(advice);
  }));

it("doctor compares the masking key with that of the rows", () =>
  withVault(async (bench) => {
    const { drain, run, env } = bench;
    const [a, b] = [env["FETCH_ETL_MASKING_KEY"] ?? "", randomBytes(32).toString("base64")];
    const found = async (keys: string | undefined): Promise<unknown> => {
      const outcome = await run(["doctor", "--json"], { FETCH_ETL_MASKING_KEY: keys });
      const { checks } = json(outcome) as { checks: { name: string }[] };
      return { code: outcome.code, ...checks.find(({ name }) => name === "key of rows") };
    };
    expect(await found(undefined)).toMatchObject({
      code: 2,
      status: "ok",
      finding: expect.stringMatching(/^no rows yet/),
    });
    await drain([login("u-1", "192.0.2.1", "d-1")]);
    const finding = `${idOf(a)}, last used on ${new Date().toISOString().slice(0, 10)}`;
    for (const keys of [a, `${b},${a}`]) {
      expect(await found(keys)).toEqual({ code: 0, name: "key of rows", status: "ok", finding });
    }
    for (const keys of [undefined, a.slice(0, 41)]) {
      expect(await found(keys)).toMatchObject({
        ...{ code: 2, status: "warning", finding },
        wayOut: expect.stringContaining(`masked with key ${idOf(a)}, last used on `),
      });
    }
    expect(await found(b)).toMatchObject({
      ...{ code: 0, status: "warning", finding },
      wayOut: expect.stringContaining(`but this drain masks with key ${idOf(b)}:`),
    });
    // Another session may hold the history, such as one that alters it.
    await bench.sql.begin(async (tx) => {
      await tx`lock table fetch_etl.runs in access exclusive mode`;
      expect(await found(b)).toMatchObject({
        code: 0,
        status: "skipped",
        finding: expect.stringMatching(/^not checked: the run history/),
      });
    });
    const { env: least } = await asRole(bench, "grant usage on schema fetch_etl to somebody");
    const unread = await run(["doctor", "--json"], { ...least, FETCH_ETL_MASKING_KEY: b });
    expect(unread.stdout).toContain('"no rows yet, as far as this user may read"');
  }));

it("a drain counts a rotation as a change of the key, whether its own key is the one before or after it", () =>
  withVault(async (bench) => {
    const { drain, run, env, holder } = bench;
    const [a, b] = [env["FETCH_ETL_MASKING_KEY"] ?? "", randomBytes(32).toString("base64")];
    const forward = { FETCH_ETL_MASKING_KEY: `${b},${a}` };
    const strictly = (key: string, more = {}): ReturnType<typeof run> =>
      run(["drain", "--quiet", "--strict-key"], { FETCH_ETL_MASKING_KEY: key, ...more });
    await drain([login("u-1", "192.0.2.1", "d-1")]);
    const rotated = await run(["rotate", "--identity", holder.file], forward);
    expect(rotated).toMatchObject({ code: 0, stderr: "" });
    // No drain has used the new key yet, and nothing is in the queue.
    const quiet = { code: 0, stdout: "", stderr: "" };
    for (const keys of [b, `${b},${a}`]) expect(await strictly(keys)).toEqual(quiet);
    const late = `The rows were rotated to key ${idOf(b)} on ${new Date().toISOString().slice(0, 10)}, but this drain masks with key ${idOf(a)}:`;
    for (const keys of [a, `${a},${b}`]) {
      const refused = await strictly(keys);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain(late);
      expect(refused.stderr).toContain(`put key ${idOf(b)} before it in FETCH_ETL_MASKING_KEY`);
    }
    // A late host is warned each time, and makes no other host's key wrong.
    for (const id of ["u-2", "u-3"]) {
      await bench.send([JSON.stringify(login(id, "192.0.2.2", "d-2"))]);
      const warned = await run(["drain", "--quiet"], { FETCH_ETL_MASKING_KEY: a });
      expect(warned).toMatchObject({ code: 0, stderr: expect.stringContaining(`warning: ${late}`) });
    }
    for (const keys of [b, `${b},${a}`]) expect(await strictly(keys)).toEqual(quiet);
    const back = await run(["rotate", "--identity", holder.file], { FETCH_ETL_MASKING_KEY: `${a},${b}` });
    expect(back.code).toBe(2);
    expect(back.stderr).toContain(`is an earlier key than ${idOf(b)}`);
    // The rotation was that of one table.
    const other = ["drain", "--quiet", "--table", "public.others"];
    await bench.send([JSON.stringify(login("u-4", "192.0.2.4", "d-4"))]);
    expect(await run(other, { FETCH_ETL_MASKING_KEY: a })).toEqual(quiet);
    expect(await run([...other, "--strict-key"], { FETCH_ETL_MASKING_KEY: a })).toEqual(quiet);
  }));

it("a drain that may not read the record of rotations says so", () =>
  withVault(async (bench) => {
    const { drain, run, env, holder } = bench;
    const [a, b] = [env["FETCH_ETL_MASKING_KEY"] ?? "", randomBytes(32).toString("base64")];
    await drain([login("u-1", "192.0.2.1", "d-1")]);
    await run(["rotate", "--identity", holder.file], { FETCH_ETL_MASKING_KEY: `${b},${a}` });
    const { env: least } = await asRole(
      bench,
      `grant usage on schema fetch_etl to somebody; grant insert on public.user_logins, fetch_etl.quarantine to somebody;
       grant select on fetch_etl.schema_version, fetch_etl.runs to somebody; grant insert, select on fetch_etl.ledger to somebody`,
    );
    const { code, stderr } = await run(["drain", "--quiet"], { ...least, FETCH_ETL_MASKING_KEY: b });
    expect(code).toBe(0);
    expect(stderr).toContain(`masked with key ${idOf(a)}, last used on `);
    expect(stderr).toContain("this user may not read the record of rotations");
    expect(await run(["drain", "--quiet"], { ...least, FETCH_ETL_MASKING_KEY: `${b},${a}` })).toEqual({
      ...{ code: 0, stdout: "", stderr: "" },
    });
  }));

it("rotate --dry-run counts what would move and what cannot, and a rotation back needs --yes", () =>
  withVault(async (bench) => {
    const { drain, run, sql, env, holder } = bench;
    const [a, b] = [env["FETCH_ETL_MASKING_KEY"] ?? "", randomBytes(32).toString("base64")];
    const [forward, back] = [{ FETCH_ETL_MASKING_KEY: `${b},${a}` }, { FETCH_ETL_MASKING_KEY: `${a},${b}` }];
    await drain([login("u-1", "192.0.2.1", "d-1"), login("u-2", "192.0.2.1", "d-2")]);
    // Without a recipient, so that the vault does not have it.
    await bench.send([JSON.stringify(login("u-3", "192.0.2.3", "d-1"))]);
    await run(["drain"]);
    const before = await bench.tokensOf("u-1");
    const rows = await sql`select * from public.user_logins order by user_id`;
    const told = await run(["rotate", "--dry-run"], forward);
    expect(told).toEqual({
      code: 0,
      stdout:
        `A rotation of user_logins to key ${idOf(b)} would change 3 rows.\n` +
        `  from key ${idOf(a)}: 6 tokens in rows, 3 vault entries\n` +
        "    cannot be re-masked: 1 token that the vault does not contain\n" +
        "This was a dry run: nothing was changed, and no entry was decrypted.\n",
      stderr: "",
    });
    expect(json(await run(["rotate", "--dry-run", "--json"], forward))).toMatchObject({
      ...{
        dryRun: true,
        keyId: idOf(b),
        rows: 3,
        vault: 3,
        tokens: { [idOf(a)]: 6 },
        left: { [idOf(a)]: 1 },
      },
      ...{ entriesOfOthers: 0, keptFor: [], laterKey: null },
    });
    expect(await sql`select * from public.user_logins order by user_id`).toEqual(rows);
    expect(await sql`select from fetch_etl.reveal_log`).toHaveLength(0);

    const identity = ["--identity", holder.file];
    const done = json(await run(["rotate", ...identity, "--json"], forward));
    expect(done).toMatchObject({ rows: 3, vault: 3, left: { [idOf(a)]: 1 } });
    const { ip: now } = await bench.tokensOf("u-1");
    const revealed = await bench.reveal([before.ip], { env: forward });
    expect(revealed).toEqual({
      code: 0,
      stdout: `${now}  192.0.2.1\n`,
      stderr: `${before.ip} was re-masked on ${new Date().toISOString().slice(0, 10)}. The token of its value is now ${now}.\n`,
    });
    expect(json(await bench.reveal([before.ip], { env: forward, flags: ["--json"] }))).toMatchObject({
      values: [{ token: now }],
      remasked: [{ token: before.ip, now }],
    });
    const unknown = await bench.reveal([before.ip]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("re-masked under a key that is not configured");
    const again = await run(["forget", before.ip, "--reason", "x", "--dry-run"], forward);
    expect(again.stdout).toContain(`${now}\n  in the vault; in 2 rows of 2 users\n`);
    // Who has the earlier key alone finds neither the earlier token nor what replaced it.
    const stored = await sql<{ all: string }[]>`select r::text as all from fetch_etl.remasked r`;
    expect(stored.map(({ all }) => all).join()).not.toContain(before.ip);
    const rotated = await sql`select * from public.user_logins order by user_id`;
    const refused = await run(["rotate", ...identity], back);
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 2, stdout: "" });
    expect(refused.stderr).toContain(
      `Key ${idOf(a)}, the first in FETCH_ETL_MASKING_KEY, is an earlier key than ${idOf(b)}`,
    );
    expect(await sql`select * from public.user_logins order by user_id`).toEqual(rotated);
    expect(await sql`select from fetch_etl.reveal_log`).toHaveLength(4);
    const dry = await run(["rotate", "--dry-run"], back);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain("this rotation goes back, and needs --yes.");
    expect((await run(["rotate", ...identity, "--yes"], back)).code).toBe(0);
    expect(await sql`select * from public.user_logins order by user_id`).toEqual(rows);
    const without = await run(["rotate"], forward);
    expect(without.code).toBe(2);
    expect(without.stderr).toContain("--identity");
  }));
