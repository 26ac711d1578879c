import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import postgres from "postgres";
import { expect, it } from "vitest";
import { generateLogins, generateMessages } from "../../sandbox/messages.ts";
import { json, withBench, type Bench, type Outcome } from "../support/bench.ts";
import { runScript } from "../support/catalogue.ts";

const ROLES = await readFile(new URL("../../deploy/roles.sql", import.meta.url), "utf8");

/** A bench with tables and roles, and a drained queue; `login` makes a user in a role and gives a connection URL. */
async function withRoles(
  use: (bench: Bench, login: (role: string) => Promise<string>, recipient: string) => Promise<void>,
): Promise<void> {
  const recipient = await identityToRecipient(await generateX25519Identity());
  await withBench(async (bench) => {
    await runScript(bench.databaseUrl, (await bench.run(["init", "--print"])).stdout);
    // Twice: it can be run again.
    await runScript(bench.databaseUrl, ROLES);
    await runScript(bench.databaseUrl, ROLES);
    await bench.send(generateMessages(100));
    expect((await bench.run(["drain", "--quiet"], { FETCH_ETL_RECOVERY_RECIPIENT: recipient })).code).toBe(0);
    const users: string[] = [];
    const login = async (role: string): Promise<string> => {
      const user = `${bench.queue}_${role}`;
      await bench.sql.unsafe(`create role "${user}" login password 'p' in role ${role}`);
      users.push(user);
      const url = new URL(bench.databaseUrl);
      url.username = user;
      url.password = "p";
      return url.href;
    };
    try {
      await use(bench, login, recipient);
    } finally {
      for (const user of users) await bench.sql.unsafe(`drop role "${user}"`);
    }
  });
}

/** What each statement of a user comes to: `ok`, or the SQLSTATE. */
async function attempts(url: string, statements: readonly string[]): Promise<Record<string, string>> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  const results: Record<string, string> = {};
  try {
    for (const statement of statements) {
      results[statement] = await sql.unsafe(statement).then(
        () => "ok",
        (error: unknown) => (error instanceof postgres.PostgresError ? error.code : "lost"),
      );
    }
  } finally {
    await sql.end();
  }
  return results;
}

const DENIED = "42501";
const READS_OF_QUARANTINE = [
  "select queue, sent_at, message_id, reasons, replayed_at from fetch_etl.quarantine limit 1",
  // Each of the others: a body, even sealed, is not for the loader, which has the key.
  "select sealed from fetch_etl.quarantine limit 1",
  "select key_id from fetch_etl.quarantine limit 1",
  "select records from fetch_etl.quarantine limit 1",
  "select quarantined_at from fetch_etl.quarantine limit 1",
];
const everything = [
  "select 1 from public.user_logins limit 1",
  "update public.user_logins set locale = locale",
  "update public.user_logins set masked_ip = masked_ip",
  "delete from public.user_logins",
  "select 1 from fetch_etl.schema_version",
  "update fetch_etl.schema_version set version = 0",
  "select 1 from fetch_etl.ledger limit 1",
  ...READS_OF_QUARANTINE,
  "select 1 from fetch_etl.vault limit 1",
  "delete from fetch_etl.vault where token = ''",
  "select 1 from fetch_etl.vault_keys limit 1",
  "delete from fetch_etl.vault_keys",
  "select 1 from fetch_etl.runs limit 1",
  "update fetch_etl.runs set host = host",
  "update fetch_etl.runs set ended_at = ended_at",
  "delete from fetch_etl.runs where host = ''",
  "select 1 from fetch_etl.reveal_log",
  "insert into fetch_etl.reveal_log (id, action, reason, tokens, messages, client_user, client_host) values (null, 'reveal', 'test', '{}', '{}', 'u', 'h')",
  "insert into fetch_etl.reveal_log (action, reason, tokens, database_user) values ('reveal', 'test', '{}', 'x')",
  "update fetch_etl.reveal_log set reason = ''",
  "delete from fetch_etl.reveal_log",
  "select 1 from fetch_etl.reveal_outcomes",
  "insert into fetch_etl.reveal_outcomes (id, outcome) values ('00000000-0000-4000-8000-000000000000', 'opened')",
  "insert into fetch_etl.reveal_outcomes (id, outcome, at) values ('00000000-0000-4000-8000-000000000001', 'opened', now())",
  "update fetch_etl.reveal_outcomes set outcome = ''",
  "delete from fetch_etl.reveal_outcomes",
  "select 1 from fetch_etl.remasked",
  "update fetch_etl.remasked set token = ''",
];

/** All that a role may do; anything else is denied. */
function only(...allowed: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    everything.map((statement) => [
      statement,
      allowed.some((start) => statement.startsWith(start)) ? "ok" : DENIED,
    ]),
  );
}

it("the loader drains into table and vault, and reads neither", () =>
  withRoles(async (bench, login, recipient) => {
    const url = await login("fetch_etl_loader");
    await bench.send(generateMessages(50, 2));
    const drained = await bench.run(["drain", "--json"], {
      DATABASE_URL: url,
      FETCH_ETL_RECOVERY_RECIPIENT: recipient,
    });
    expect(json(drained)).toMatchObject({ loaded: 49, quarantined: 1 });
    const status = json(await bench.run(["status", "--json"], { DATABASE_URL: url }));
    expect(status).toMatchObject({ quarantined: 2, runs: [{ counts: { loaded: 49 } }, { exitCode: 0 }] });
    expect(await attempts(url, everything)).toEqual(
      only(
        "select 1 from fetch_etl.schema_version",
        "select 1 from fetch_etl.ledger",
        // To count: its own messages' ids, which the ledger has too, and reasons, which name fields and never a value.
        "select queue, sent_at, message_id, reasons, replayed_at from fetch_etl.quarantine",
        "select 1 from fetch_etl.runs",
        "update fetch_etl.runs set ended_at",
        "delete from fetch_etl.runs",
      ),
    );
  }));

it("the loader counts what the quarantine holds for its metrics, and doctor warns if it may not", () =>
  withRoles(async (bench, login) => {
    const env = { DATABASE_URL: await login("fetch_etl_loader") };
    const folder = await mkdtemp(join(tmpdir(), "fetch-etl-roles-"));
    const held = async (): Promise<string[]> => {
      const path = join(folder, "held.prom");
      expect((await bench.run(["drain", "--quiet", "--metrics", path], env)).code).toBe(0);
      const lines = (await readFile(path, "utf8")).split("\n");
      return lines.filter((line) => line.startsWith("fetch_etl_quarantine_held{"));
    };
    const rightsCheck = async (): Promise<unknown> => {
      const outcome = await bench.run(["doctor", "--json"], env);
      expect(outcome.code).toBe(0);
      const { checks } = json(outcome) as { checks: { name: string }[] };
      return checks.find(({ name }) => name === "database rights");
    };
    try {
      expect(await rightsCheck()).toMatchObject({ status: "ok" });
      // The sample has one message that is not a login: each of its fields is missing.
      const samples = await held();
      expect(samples).toHaveLength(6);
      expect(samples).toContain(
        `fetch_etl_quarantine_held{queue="${bench.queue}",reason="user_id: missing"} 1`,
      );
      await rm(join(folder, "held.prom"));
      await bench.sql.unsafe("revoke select (reasons) on fetch_etl.quarantine from fetch_etl_loader");
      expect(await held()).toEqual([]);
      expect(await rightsCheck()).toMatchObject({
        status: "warning",
        wayOut: expect.stringContaining(
          "GRANT SELECT (queue, sent_at, message_id, reasons, replayed_at) ON fetch_etl.quarantine TO",
        ),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  }));

it("the analyst reads the rows, and nothing else", () =>
  withRoles(async (_bench, login) => {
    const url = await login("fetch_etl_analyst");
    expect(await attempts(url, everything)).toEqual(only("select 1 from public.user_logins"));
  }));

it("the operator lists and replays the quarantine, and can neither open nor delete a message or a value", () =>
  withRoles(async (bench, login, recipient) => {
    const url = await login("fetch_etl_operator");
    expect(await attempts(url, everything)).toEqual(
      only(
        "select 1 from public.user_logins",
        "select 1 from fetch_etl.schema_version",
        "select 1 from fetch_etl.ledger",
        ...READS_OF_QUARANTINE,
        "select 1 from fetch_etl.runs",
      ),
    );
    const run = (...args: string[]): Promise<Outcome> =>
      bench.run(args, { DATABASE_URL: url, FETCH_ETL_RECOVERY_RECIPIENT: recipient });
    const [valid = {}] = generateLogins(1);
    await bench.send([JSON.stringify({ ...valid, app_version: "20240115" })]);
    await bench.run(["drain", "--quiet"]);
    expect(json(await run("verify", "--json"))).toMatchObject({ ok: true, quarantined: 2 });
    expect(json(await run("status", "--json"))).toMatchObject({ quarantined: 2 });
    const listed = json(await run("quarantine", "list", "--reason", "out of range", "--messages", "--json"));
    const [{ messageId }] = listed["messages"] as [{ messageId: string }];
    expect((await run("quarantine", "show", messageId)).code).toBe(0);
    expect(await run("quarantine", "show", messageId, "--raw", "--reason", "x")).toMatchObject({
      ...{ code: 2, stdout: "" },
      stderr: expect.stringContaining("fetch_etl.reveal_log"),
    });
    expect(await run("quarantine", "purge", messageId, "--never-replayed", "--yes")).toMatchObject({
      ...{ code: 2, stdout: "" },
      stderr: expect.stringContaining("lacks a permission for purging the quarantine"),
    });
    const replayed = await run("quarantine", "replay", messageId, "--app-version", "major", "--json");
    expect(json(replayed)).toMatchObject({ loaded: 1, rejected: 0 });
  }));

it("the privacy officer opens and deletes values, and can neither skip, forge nor change the log", () =>
  withRoles(async (bench, login, recipient) => {
    const url = await login("fetch_etl_privacy_officer");
    expect(await attempts(url, everything)).toEqual(
      only(
        "select 1 from public.user_logins",
        "update public.user_logins set masked_ip",
        "select 1 from fetch_etl.schema_version",
        "select 1 from fetch_etl.ledger",
        ...READS_OF_QUARANTINE,
        "select 1 from fetch_etl.vault ",
        "delete from fetch_etl.vault ",
        "select 1 from fetch_etl.vault_keys",
        "select 1 from fetch_etl.reveal_log",
        "insert into fetch_etl.reveal_log (id, ",
        "select 1 from fetch_etl.reveal_outcomes",
        "insert into fetch_etl.reveal_outcomes (id, outcome) ",
        "select 1 from fetch_etl.runs",
        "select 1 from fetch_etl.remasked",
      ),
    );
    const verified = await bench.run(["verify", "--json"], { DATABASE_URL: url });
    expect(json(verified)).toMatchObject({ ok: true, repeatedBodies: 0 });
    const replayed = await bench.run(["quarantine", "replay", "--json"], {
      DATABASE_URL: url,
      FETCH_ETL_RECOVERY_RECIPIENT: recipient,
    });
    expect(json(replayed)).toMatchObject({ loaded: 0, rejected: 1 });
  }));
