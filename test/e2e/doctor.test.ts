import { EventEmitter, once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { DATABASE_CHECKS, LOCAL_CHECKS, QUEUE_CHECKS } from "../../src/doctor/check.ts";
import { DEFAULT_TABLE } from "../../src/config/table.ts";
import { fullName } from "../../src/postgres/quote.ts";
import { tablesFor } from "../../src/postgres/migrations.ts";
import { json, startCli, withBench, type Bench, type Outcome } from "../support/bench.ts";
import { definitions, rights } from "../support/catalogue.ts";
import { sqsError, startProxy } from "../support/proxy.ts";
import { startQueryServer } from "../support/query-server.ts";
import { asRole } from "../support/vault.ts";

const ALL = [...LOCAL_CHECKS, ...QUEUE_CHECKS, ...DATABASE_CHECKS];

interface Told {
  readonly name: string;
  readonly status: string;
  readonly finding: string;
  readonly wayOut?: string;
}

async function doctor(
  bench: Bench,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<{ code: number | null; ok: unknown; checks: Readonly<Record<string, Told>> }> {
  const outcome = await bench.run(["doctor", "--json"], env);
  expect(outcome.stderr).toBe("");
  const { ok, checks } = json(outcome) as { ok: unknown; checks: Told[] };
  // Each is told once, in its place, whatever fails.
  expect(checks.map(({ name }) => name)).toEqual(ALL);
  return { code: outcome.code, ok, checks: Object.fromEntries(checks.map((check) => [check.name, check])) };
}

/** The names of the checks that are not `ok`, with what they are. */
function notOk(checks: Readonly<Record<string, Told>>): Record<string, string> {
  const found = Object.values(checks).filter(({ status }) => status !== "ok");
  return Object.fromEntries(found.map(({ name, status }) => [name, status]));
}

function expectNoSecret(bench: Bench, { stdout, stderr }: Outcome): void {
  for (const secret of [
    bench.env["FETCH_ETL_MASKING_KEY"],
    bench.env["AWS_SECRET_ACCESS_KEY"],
    bench.databaseUrl,
  ])
    expect(stdout + stderr).not.toContain(secret);
}

/** A digest of each table's rows. */
function contents({ sql }: Bench): Promise<unknown> {
  const digests = tablesFor(DEFAULT_TABLE, true).map(
    (table) => `(select md5(string_agg(t::text, '' order by t::text)) from ${fullName(table)} t)`,
  );
  return sql.unsafe(`select array[${digests.join(", ")}]`);
}

it("finds everything right, and changes nothing anywhere", () =>
  withBench(async (bench) => {
    const recipient = await identityToRecipient(await generateX25519Identity());
    const vault = { FETCH_ETL_RECOVERY_RECIPIENT: recipient };
    await bench.send(generateMessages(100));
    await bench.run(["drain"], vault);
    await bench.send(generateMessages(20, 2));
    const look = async (): Promise<unknown> => ({
      queue: await bench.sqs.inspect(bench.queue),
      definitions: await definitions(bench.sql),
      rights: await rights(bench.sql),
      rows: await contents(bench),
    });
    const before = await look();
    const { code, ok, checks } = await doctor(bench, vault);
    expect({ code, ok, notOk: notOk(checks) }).toEqual({ code: 0, ok: true, notOk: {} });
    expect(checks["queue"]?.finding).toContain(
      `${bench.queue} at ${bench.sqs.endpoint}, JSON protocol, 20 visible`,
    );
    expect(checks["tables"]?.finding).toBe("all 9 exist");
    expect(await look()).toEqual(before);
  }));

it("prints a line a check, no secret, and nothing to stderr", () =>
  withBench(async (bench) => {
    const outcome = await bench.run(["doctor"]);
    expectNoSecret(bench, outcome);
    const lines = outcome.stdout.trimEnd().split("\n");
    expect(lines.at(-1)).toBe("ok, 5 not checked");
    const checks = lines.filter((line) => /^\S /.test(line));
    expect(checks.map((line) => line.slice(2, 18).trim())).toEqual(ALL);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
  }));

it("looks at a server of the older protocol too", () =>
  withBench(async (bench) => {
    const server = await startQueryServer();
    try {
      server.send(generateMessages(5));
      const env = { AWS_ENDPOINT_URL_SQS: server.endpoint, FETCH_ETL_QUEUE: "login-queue" };
      const { code, checks } = await doctor(bench, env);
      expect(code).toBe(0);
      expect(checks["queue"]?.finding).toContain("query protocol, 5 visible, 0 in flight");
      expect(server.counts()).toEqual({ visible: 5, inFlight: 0, delayed: 0 });
    } finally {
      await server.stop();
    }
  }));

describe("what is wrong", () => {
  it.each([
    ["no key", { FETCH_ETL_MASKING_KEY: undefined }, 2, "masking key", "fetch-etl keygen"],
    ["no credentials", { AWS_ACCESS_KEY_ID: undefined }, 2, "credentials", "AWS_ACCESS_KEY_ID"],
    ["no region", { AWS_REGION: undefined }, 2, "queue", "AWS_REGION"],
    ["a queue that is none", { FETCH_ETL_QUEUE: "nothing" }, 2, "queue", "--queue / FETCH_ETL_QUEUE"],
    [
      "a queue's name that is none",
      { FETCH_ETL_QUEUE: "no name" },
      2,
      "settings",
      "--queue / FETCH_ETL_QUEUE",
    ],
    ["no SQS", { AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1" }, 5, "queue", "AWS_ENDPOINT_URL_SQS"],
    ["no database", { DATABASE_URL: undefined }, 2, "settings", "DATABASE_URL"],
    ["no Postgres", { DATABASE_URL: "postgres://u:hidden-pw@127.0.0.1:1/d" }, 5, "database", "DATABASE_URL"],
    ["a recipient that is none", { FETCH_ETL_RECOVERY_RECIPIENT: "me" }, 2, "recipient", "age1"],
  ] as const)("%s", (_what, env, code, name, wayOut) =>
    withBench(async (bench) => {
      const found = await doctor(bench, env);
      expect({ code: found.code, ok: found.ok }).toEqual({ code, ok: false });
      const failures = Object.values(found.checks).filter(({ status }) => status === "failed");
      expect(failures).toMatchObject([{ name, wayOut: expect.stringContaining(wayOut) }]);
      expect(JSON.stringify(found)).not.toContain("hidden-pw");
    }),
  );

  it("is told in a line with a line for the way out, and all of it, the exit code being that of what must be changed", () =>
    withBench(async (bench) => {
      const outcome = await bench.run(["doctor"], {
        FETCH_ETL_MASKING_KEY: "too short",
        AWS_ENDPOINT_URL_SQS: "http://127.0.0.1:1",
      });
      expect(outcome.code).toBe(2);
      expect(outcome.stdout).toMatch(/^✖ masking key {7}no usable key\n {20}\S.*Restore the key.*$/m);
      expect(outcome.stdout).toMatch(/^✖ queue {13}not reached\n {20}\S.*ECONNREFUSED.*$/m);
      expect(outcome.stdout).toMatch(/^✔ database/m);
      expect(outcome.stdout).toMatch(/\n2 failed, 10 not checked\n$/);
    }));

  it("a right that is missing on the queue", () =>
    withBench(async (bench) => {
      const proxy = await startProxy(bench.sqs.endpoint, ({ action }) =>
        action === "DeleteMessageBatch" ? sqsError("AccessDenied", 403) : undefined,
      );
      try {
        const { code, checks } = await doctor(bench, { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
        expect(code).toBe(2);
        expect(checks["delete right"]?.wayOut).toContain("are not authorized to call sqs:DeleteMessage");
      } finally {
        await proxy.stop();
      }
    }));

  it("a user who may neither make tables nor write to those that are there", () =>
    withBench(async (bench) => {
      await bench.run(["init"]);
      await bench.sql.unsafe("drop table fetch_etl.ledger");
      const { role, env } = await asRole(bench, "grant select on public.user_logins to somebody");
      const { code, checks } = await doctor(bench, env);
      expect(code).toBe(2);
      expect(notOk(checks)).toEqual({
        tables: "failed",
        "database rights": "failed",
        writing: "skipped",
        ledger: "skipped",
        "run history": "warning",
      });
      expect(checks["tables"]?.wayOut).toContain(`GRANT USAGE, CREATE ON SCHEMA fetch_etl TO "${role}";`);
      expect(checks["database rights"]?.wayOut).toContain(`GRANT INSERT ON public.user_logins TO "${role}";`);
    }));

  it("columns that a drain does not write", () =>
    withBench(async (bench) => {
      await bench.run(["init"]);
      await bench.sql.unsafe("alter table public.user_logins drop locale");
      const { code, checks } = await doctor(bench);
      expect({ code, notOk: notOk(checks) }).toEqual({ code: 2, notOk: { columns: "failed" } });
      expect(checks["columns"]?.wayOut).toContain("locale is missing");
    }));

  it("a vault that is missing where a recipient is set is to be made", () =>
    withBench(async (bench) => {
      await bench.run(["drain", "--quiet"]);
      const recipient = await identityToRecipient(await generateX25519Identity());
      const { checks } = await doctor(bench, { FETCH_ETL_RECOVERY_RECIPIENT: recipient });
      expect(checks["tables"]?.finding).toBe(
        'to be created by "fetch-etl init" or the first drain: fetch_etl.vault_keys, fetch_etl.vault, fetch_etl.remasked',
      );
    }));
});

it("a warning is no failure: a host that is not this machine's, without TLS", () =>
  withBench(async (bench) => {
    const url = new URL(bench.databaseUrl);
    // Leads here, and no address of this machine's own.
    url.hostname = "0.0.0.0";
    const { code, ok, checks } = await doctor(bench, { DATABASE_URL: url.href });
    expect({ code, ok, status: checks["TLS"]?.status }).toEqual({ code: 0, ok: true, status: "warning" });
  }));

it("warns of a .env that others may read", () =>
  withBench(async (bench) => {
    const folder = await mkdtemp(join(tmpdir(), "fetch-etl-test-"));
    try {
      const file = join(folder, ".env");
      await writeFile(file, `FETCH_ETL_MASKING_KEY=${bench.env["FETCH_ETL_MASKING_KEY"] ?? ""}\n`);
      for (const [mode, mark] of [
        [0o644, "!"],
        [0o600, "✔"],
      ] as const) {
        await chmod(file, mode);
        const env = { ...bench.env, FETCH_ETL_MASKING_KEY: undefined };
        const outcome = await startCli(["doctor"], env, folder).outcome;
        expectNoSecret(bench, outcome);
        expect(outcome.stdout).toContain(`${mark} .env`);
        expect(outcome.code).toBe(0);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }));

it.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("ends at once at %s, while a server does not answer", (signal, code) =>
  withBench(async (bench) => {
    const calls = new EventEmitter();
    const asked = once(calls, "call");
    const proxy = await startProxy(bench.sqs.endpoint, () => {
      calls.emit("call");
      return { kind: "silent" };
    });
    try {
      const { child, outcome } = bench.start(["doctor"], { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
      await asked;
      child.kill(signal);
      expect(await outcome).toMatchObject({ code, stderr: "" });
    } finally {
      await proxy.stop();
    }
  }),
);
