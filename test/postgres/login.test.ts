// A login with a password that changes during a run, and one with IAM tokens, on a real Postgres with TLS.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startPostgres, type PostgresServer } from "../../sandbox/postgres.ts";
import { readDatabase, type DatabaseSettings } from "../../src/config/database.ts";
import { newCounts } from "../../src/drain/counts.ts";
import { systemClock } from "../../src/drain/clock.ts";
import { drain } from "../../src/drain/loop.ts";
import { connect, type Sql } from "../../src/postgres/connection.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { asFailure } from "../../src/postgres/errors.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { createAuthority } from "../support/authority.ts";
import { withFolder } from "../support/folder.ts";
import { loginEntries } from "../support/login-entries.ts";
import { MemoryQueue } from "../support/memory-queue.ts";
import { rdsTokenParameters } from "../support/rds-token.ts";
import { sourcesOf } from "../support/sources.ts";
import { accessKeyId, secretAccessKey, stubAwsEnvironment } from "../sqs/servers.ts";
import { reading } from "../config/told.ts";

let server: PostgresServer;
let admin: postgres.Sql;
let authority: string;

beforeAll(async () => {
  const own = await createAuthority("own");
  authority = own.certificate;
  server = await startPostgres({ inMemory: true, tls: await own.issue("localhost") });
  admin = postgres(server.url, { max: 1, onnotice: () => undefined });
  await admin.unsafe("create role etl superuser login; create role etl_next superuser login password 'next'");
  // RDS asks for the token as a password in clear text (PAM).
  const [hba] = await admin<{ file: string; text: string }[]>`
    select current_setting('hba_file') as file, pg_read_file(current_setting('hba_file')) as text`;
  const lines = [
    "hostssl all iam 127.0.0.1/32 password",
    "host all etl_md5 127.0.0.1/32 md5",
    ...(hba?.text.split("\n") ?? []),
  ];
  await admin.unsafe(
    `copy (values ${lines.map((line) => `('${line.replaceAll("'", "''")}')`).join(", ")}) to '${hba?.file ?? ""}'`,
  );
  await admin.unsafe("create role iam superuser login");
  await admin.unsafe(
    "set password_encryption = md5; create role etl_md5 superuser login password 'md5'; reset password_encryption",
  );
  await admin`select pg_reload_conf()`;
});

afterAll(async () => {
  await admin.end();
  await server.dispose();
});

function settingsFor(
  user: string,
  password: string,
  parameters = "",
  env: NodeJS.ProcessEnv = {},
): DatabaseSettings {
  const login = password === "" ? user : `${user}:${password}`;
  const url = `postgres://${login}@localhost:${server.port}/postgres?${parameters}`;
  const { value, told } = reading((problems) =>
    readDatabase(sourcesOf({ DATABASE_URL: url, ...env }), problems),
  );
  if (value === undefined) throw new Error(told.join(" "));
  return value;
}

/** Opens a session, and gives its user, or the sentence. */
async function userOf(settings: DatabaseSettings): Promise<string> {
  const { sql, close } = connect(settings);
  try {
    const [row] = await sql<{ user: string }[]>`select session_user::text as user`;
    return row?.user ?? "";
  } catch (error) {
    return asFailure(error, settings, "asking").message;
  } finally {
    await close();
  }
}

/** Ends the session from the server's side, and waits for another one. */
async function endSession(sql: Sql): Promise<void> {
  const pid = async (): Promise<number> =>
    (await sql<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid ?? 0;
  const before = await pid();
  await admin`select pg_terminate_backend(${before})`;
  // The first statements may still meet the end of the old session.
  for (let failures = 0, now = before; now === before;) {
    now = await pid().catch((error: unknown) => {
      if ((failures += 1) > 3) throw error;
      return before;
    });
  }
}

const REJECTED = /rejected the login of user "etl" \(SQLSTATE 28P01\)/;

describe("a login that is rejected", () => {
  beforeEach(() => admin.unsafe("alter role etl password 'changed'"));

  /** Settings with the old password, and a reading that returns other settings each time. */
  function renewing(...renewed: DatabaseSettings[]) {
    const renew = vi.fn(() => Promise.resolve(renewed.shift() ?? settingsFor("etl", "none")));
    return { renew, settings: { ...settingsFor("etl", "old"), renew } };
  }

  it("is retried once with a password that was read again, and later sessions use it", async () => {
    const { renew, settings } = renewing(settingsFor("etl", "changed"), settingsFor("etl", "again"));
    const { sql, close } = connect(settings);
    try {
      await endSession(sql);
      await endSession(sql);
      expect(renew).toHaveBeenCalledTimes(1);
      await admin.unsafe("alter role etl password 'again'");
      await endSession(sql);
      expect(renew).toHaveBeenCalledTimes(2);
    } finally {
      await close();
    }
  });

  it("may be renewed with another user, with another database or at another server", async () => {
    expect(await userOf(renewing(settingsFor("etl_next", "next")).settings)).toBe("etl_next");
    // It hashes the password together with the user.
    expect(await userOf(renewing(settingsFor("etl_md5", "md5")).settings)).toBe("etl_md5");
    const standIn = settingsFor("etl_next", "next", "options=-c%20search_path%3Dnone");
    expect(await userOf(renewing(standIn).settings)).toBe("etl_next");
    const old = renewing(settingsFor("etl", "changed"));
    expect(await userOf({ ...old.settings, others: [settingsFor("etl", "old")] })).toBe("etl");
    expect(old.renew).toHaveBeenCalledOnce();
  });

  it("fails if nothing has changed, or the new password is rejected too, after one reading", async () => {
    const same = renewing(settingsFor("etl", "old"));
    expect(await userOf(same.settings)).toMatch(REJECTED);
    const wrong = renewing({ ...settingsFor("etl_next", "wrong"), renew: same.renew });
    expect(await userOf(wrong.settings)).toMatch(REJECTED);
    expect([same.renew.mock.calls, wrong.renew.mock.calls]).toEqual([[[]], [[]]]);
  });

  it("is not renewed for any other failure", async () => {
    const { renew } = renewing();
    const settings = { ...settingsFor("etl", "changed"), renew };
    expect(await userOf(settings)).toBe("etl");
    expect(await userOf({ ...settings, database: "none" })).toMatch(/has no database "none"/);
    expect(await userOf({ ...settings, port: 1 })).toMatch(/is unreachable \(ECONNREFUSED\)/);
    expect(renew).not.toHaveBeenCalled();
  });
});

it("a drain continues if the password changes during the run, and loads each message once", async () => {
  await admin.unsafe("alter role etl password 'first'");
  const renew = vi.fn(() => Promise.resolve({ ...settingsFor("etl", "second"), renew }));
  const queue = new MemoryQueue(systemClock);
  const users = Array.from({ length: 300 }, (_, index) => `u${String(index).padStart(3, "0")}`);
  const nothing = { app_version: null, device_type: null, ip: null, locale: null, device_id: null };
  const send = (from: number, to: number): void => {
    for (const user of users.slice(from, to)) {
      queue.send(user, JSON.stringify({ user_id: user, ...nothing }), Date.UTC(2026, 6, 3));
    }
  };
  send(0, 100);
  // The first delete comes after the first commit.
  queue.before = async ({ action }) => {
    if (action !== "delete") return;
    queue.before = () => undefined;
    send(100, 300);
    await admin.unsafe("alter role etl password 'second'");
    await admin`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'etl'`;
  };
  const loader = await openLoader({ ...settingsFor("etl", "first"), renew }, queue.id);
  try {
    const report = await drain(
      {
        ...{ concurrency: 2, batchSize: 50, maxMessages: undefined, maxSeconds: undefined },
        ...{ retryForSeconds: 30, onReject: "quarantine" },
      },
      {
        ...{ queue, loader, entries: loginEntries({ queueId: queue.id }), clock: systemClock },
        ...{ random: () => 0, stop: new AbortController().signal, counts: newCounts() },
      },
    );
    expect(report).toMatchObject({ loaded: 300, duplicates: 0, deleted: 300, stoppedBy: "empty" });
  } finally {
    await loader.close();
  }
  const rows = await admin<{ user: string }[]>`select user_id as user from user_logins order by user_id`;
  expect(rows.map(({ user }) => user)).toEqual(users);
  expect(queue.left).toEqual([]);
  expect(renew).toHaveBeenCalledOnce();
});

describe("with FETCH_ETL_DATABASE_AUTH=rds-iam", () => {
  const START = Date.UTC(2026, 10, 26, 12);

  beforeEach(() => {
    stubAwsEnvironment();
    vi.useFakeTimers({ now: START, toFake: ["Date"] });
  });
  afterEach(() => vi.useRealTimers());

  const iam = (parameters = "", host = "localhost"): DatabaseSettings => {
    const settings = settingsFor("iam", "", parameters, { FETCH_ETL_DATABASE_AUTH: "rds-iam" });
    return { ...settings, host };
  };

  /** Makes the current token the role's password, so that Postgres accepts no other. */
  async function accept(now: number, host = "localhost", region = "us-east-1"): Promise<void> {
    const { port } = server;
    const given = { host, port, user: "iam", region, accessKeyId, secretAccessKey, now };
    const query = [...rdsTokenParameters(given)].map((pair) => pair.map(encodeURIComponent).join("="));
    // The order of the SDK, which a real RDS does not require.
    await admin.unsafe(`alter role iam password '${host}:${port}/?${query.sort().join("&")}'`);
  }

  it("the password is the token, a new one for each session", async () => {
    await accept(START);
    expect(await userOf(iam())).toBe("iam");
    expect(await userOf(iam("require_auth=password"))).toBe("iam");
    const { sql, close } = connect(iam());
    try {
      await sql`select 1`;
      vi.setSystemTime(START + 60_000);
      await accept(START + 60_000);
      await endSession(sql);
    } finally {
      await close();
    }
  });

  it("the token is for the server's name, which hostaddr does not change, and for its region", async () => {
    const endpoint = "mydb.abc123.eu-west-1.rds.amazonaws.com";
    await accept(START, endpoint, "eu-west-1");
    expect(await userOf(iam("hostaddr=127.0.0.1", endpoint))).toBe("iam");
    const other = { ...iam(), port: 1 };
    const several = { ...other, others: [{ ...iam("hostaddr=127.0.0.1", endpoint) }] };
    expect(await userOf(several)).toBe("iam");
  });

  it("the error for a rejected token says what to check, and does not show the token", async () => {
    await accept(START - 60_000);
    const told = await userOf(iam());
    expect(told).toMatch(
      /rejected the login of user "iam" \(SQLSTATE 28P01\)\. For FETCH_ETL_DATABASE_AUTH=rds-iam, check .*GRANT rds_iam.*rds-db:connect.*DbiResourceId.*region.*clock/,
    );
    expect(told).not.toMatch(/X-Amz|test-access/);
  });

  it("missing credentials fail the login before anything is sent", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    expect(await userOf({ ...iam(), port: 1 })).toMatch(/^No usable AWS credentials\./);
  });
});

describe("the authorities", () => {
  const ENDPOINT = "mydb.abc123.eu-west-1.rds.amazonaws.com";

  /** What doctor says about TLS to this server under the name of an endpoint. */
  async function tls(parameters: string, host = ENDPOINT): Promise<string> {
    const settings = { ...settingsFor("postgres", "postgres", parameters), host, address: "127.0.0.1" };
    const checks = await checkDatabase(settings, false, Date.now);
    const [database, found] = checks;
    return database?.status === "ok"
      ? (found?.finding ?? "")
      : database?.status === "failed"
        ? database.wayOut
        : "";
  }

  it("of a host of Amazon RDS are RDS's and those of Node.js, with the extra ones", () =>
    withFolder(async (folder) => {
      expect(await tls("sslmode=verify-ca")).toMatch(/SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_/);
      expect(await tls("sslmode=verify-ca")).toContain(
        "Neither the authorities of Amazon RDS nor those of Node.js issued it.",
      );
      expect(await tls("sslrootcert=system&sslmode=verify-full")).toContain(
        "Set sslrootcert=rds in DATABASE_URL, or, for RDS Proxy, remove sslrootcert.",
      );
      await writeFile(join(folder, "extra.pem"), authority);
      vi.stubEnv("NODE_EXTRA_CA_CERTS", join(folder, "extra.pem"));
      expect(await tls("sslmode=verify-ca")).toBe(
        "on, certificate verified against the authorities of Amazon RDS and Node.js, host name not verified (sslmode verify-ca)",
      );
      expect(await tls("sslrootcert=rds&sslmode=verify-ca")).toContain(
        "remove sslrootcert=rds from DATABASE_URL",
      );
      vi.unstubAllEnvs();
    }));

  it("are not used by a weaker mode", async () => {
    expect(await tls("sslmode=require")).toBe("on, certificate not verified (sslmode require)");
  });
});
