import { createPrivateKey, X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { startPostgres, type PostgresServer } from "../../sandbox/postgres.ts";
import { readDatabase } from "../../src/config/database.ts";
import { connect } from "../../src/postgres/connection.ts";
import { asFailure } from "../../src/postgres/errors.ts";
import { reading } from "../config/told.ts";
import { createAuthority } from "../support/authority.ts";
import { sourcesOf } from "../support/sources.ts";
import { json, runCli, withBench, type Outcome } from "../support/bench.ts";

let folder: string;
let server: PostgresServer;

/** The server's certificate is for `localhost`, and it listens on 127.0.0.1. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetch-etl-tls-"));
  const [own, other] = [await createAuthority("own"), await createAuthority("other")];
  await writeFile(join(folder, "own.pem"), own.certificate);
  await writeFile(join(folder, "other.pem"), other.certificate);
  await writeFile(join(folder, "none.pem"), "no certificate\n");
  await writeFile(join(folder, "der.pem"), new X509Certificate(own.certificate).raw);
  server = await startPostgres({ inMemory: true, tls: await own.issue("localhost") });
  await requireCertificates(own.certificate);
  for (const [name, authority] of [
    ["own", own],
    ["other", other],
  ] as const) {
    const { certificate, key } = await authority.issue(CERTIFIED);
    await writeFile(join(folder, `${name}.crt`), certificate);
    await writeFile(join(folder, `${name}.key`), key, { mode: 0o600 });
    const encrypted = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hunter2" } as const;
    await writeFile(join(folder, `${name}-encrypted.key`), createPrivateKey(key).export(encrypted), {
      mode: 0o600,
    });
  }
  await copyFile(join(folder, "own.key"), join(folder, "open.key"));
  await chmod(join(folder, "open.key"), 0o640);
});

/** Logs in with a certificate for its name, and with nothing else. */
const CERTIFIED = "certified";

async function requireCertificates(authority: string): Promise<void> {
  const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
  try {
    const [files] = await sql<{ hba: string; folder: string }[]>`
      select current_setting('hba_file') as hba, current_setting('data_directory') as folder`;
    if (files === undefined) throw new Error("no files");
    const rules = await sql<{ line: string }[]>`
      select regexp_split_to_table(pg_read_file(${files.hba}), E'\n') as line`;
    const write = async (path: string, lines: readonly string[]): Promise<void> => {
      const values = lines.map((line) => `('${line.replaceAll("'", "''")}')`).join(", ");
      await sql.unsafe(`copy (values ${values}) to '${path}'`);
    };
    await write(files.hba, [`hostssl all ${CERTIFIED} 127.0.0.1/32 cert`, ...rules.map(({ line }) => line)]);
    await write(`${files.folder}/clients.pem`, authority.split("\n"));
    await sql.unsafe(`create role ${CERTIFIED} superuser login`);
    await sql`alter system set ssl_ca_file = 'clients.pem'`;
  } finally {
    await sql.end();
  }
  await server.restart();
}

afterAll(async () => {
  await server.dispose();
  await rm(folder, { recursive: true });
});

const RIGHT_NAME = "localhost";
const OTHER_NAME = "127.0.0.1";

function url(host: string, parameters: string): string {
  const { port } = new URL(server.url);
  const query = parameters.replace(
    /(sslrootcert|sslcert|sslkey)=([\w-]+\.\w+)/g,
    (_, name: string, file: string) => `${name}=${join(folder, file)}`,
  );
  return `postgres://postgres:postgres@${host}:${port}/postgres?${query}`;
}

function init(databaseUrl: string): Promise<Outcome> {
  return runCli(["init"], { DATABASE_URL: databaseUrl });
}

describe("a server with TLS is taken with", () => {
  it.each([
    [RIGHT_NAME, ""],
    [RIGHT_NAME, "sslmode=disable"],
    [OTHER_NAME, "sslmode=allow"],
    [OTHER_NAME, "sslmode=prefer"],
    [OTHER_NAME, "sslmode=require"],
    // A named authority is asked for in a weaker mode too, as by libpq.
    [OTHER_NAME, "sslmode=require&sslrootcert=own.pem"],
    [OTHER_NAME, "sslmode=verify-ca&sslrootcert=own.pem"],
    [RIGHT_NAME, "sslmode=verify-full&sslrootcert=own.pem"],
  ])("%s %s", async (host, parameters) => {
    expect(await init(url(host, parameters))).toMatchObject({ code: 0, stderr: "" });
  });
});

it("a drain loads over it", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(1200));
    const drained = await bench.run(["drain", "--json"], {
      DATABASE_URL: url(RIGHT_NAME, "sslmode=verify-full&sslrootcert=own.pem"),
    });
    expect(json(drained)).toMatchObject({ received: 1200, stoppedBy: "empty" });
    expect(drained.code).toBe(0);
  }));

const ANOTHER_NAME =
  /certificate for another host name \(ERR_TLS_CERT_ALTNAME_INVALID\).*requires 127\.0\.0\.1.*host name in DATABASE_URL/;
const UNKNOWN_AUTHORITY =
  /has a certificate that could not be verified \((SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)\).*Set sslrootcert in DATABASE_URL/;

describe("a server with TLS is refused, with the way out and exit code 2, with", () => {
  it.each([
    [OTHER_NAME, "sslmode=verify-full&sslrootcert=own.pem", ANOTHER_NAME],
    [RIGHT_NAME, "sslmode=verify-ca&sslrootcert=other.pem", UNKNOWN_AUTHORITY],
    [RIGHT_NAME, "sslmode=verify-full&sslrootcert=other.pem", UNKNOWN_AUTHORITY],
    [RIGHT_NAME, "sslmode=require&sslrootcert=other.pem", UNKNOWN_AUTHORITY],
    // The authorities that Node knows do not know it.
    [RIGHT_NAME, "sslmode=verify-ca", UNKNOWN_AUTHORITY],
    [RIGHT_NAME, "sslmode=verify-full", UNKNOWN_AUTHORITY],
    [RIGHT_NAME, "sslrootcert=system", UNKNOWN_AUTHORITY],
    [
      RIGHT_NAME,
      "sslmode=verify-full&sslrootcert=missing.pem",
      /sslrootcert: the file .*missing\.pem does not exist \(ENOENT\)/,
    ],
    [RIGHT_NAME, "sslmode=verify-full&sslrootcert=der.pem", /der\.pem has no PEM certificate/],
    [RIGHT_NAME, "sslmode=verify-full&sslrootcert=none.pem", /none\.pem has no PEM certificate/],
  ])("%s %s", async (host, parameters, sentence) => {
    const { code, stdout, stderr } = await init(url(host, parameters));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain("postgres:postgres");
  });
});

/** What a session has that was opened with these parameters; the sentence where it was not. */
async function session(user: string, parameters: string): Promise<Record<string, unknown> | string> {
  const address = new URL(url(RIGHT_NAME, parameters));
  address.username = user;
  if (user !== "postgres") address.password = "";
  const { value: settings, told } = reading((problems) =>
    readDatabase(sourcesOf({ DATABASE_URL: address.href }), problems),
  );
  if (settings === undefined) return told.join();
  const { sql, close } = connect(settings);
  try {
    const [row] = await sql`
      select current_user::text as name, version as tls, current_setting('work_mem') as memory
      from pg_stat_ssl where pid = pg_backend_pid()`;
    return { ...row };
  } catch (error) {
    return asFailure(error, settings, "asking").message;
  } finally {
    await close();
  }
}

describe("a client certificate", () => {
  it.each([
    "sslcert=own.crt&sslkey=own.key",
    "sslcert=own.crt&sslkey=own-encrypted.key&sslpassword=hunter2",
    "sslcert=own.crt&sslkey=own.key&sslmode=verify-full&sslrootcert=own.pem&require_auth=none",
    "sslcert=own.crt&sslkey=own.key&ssl_max_protocol_version=TLSv1.2",
  ])("logs in where pg_hba.conf has cert: %s", async (parameters) => {
    expect(await session(CERTIFIED, parameters)).toMatchObject({ name: CERTIFIED });
  });

  it.each([
    [
      "",
      /rejected the login of user "certified" \(SQLSTATE 28000\).*requires a client certificate \(sslcert\)/,
    ],
    ["sslcert=other.crt&sslkey=other.key", /rejected the client certificate \((ERR_SSL_\w+|sslcert)\)/],
    [
      "sslcert=other.crt&sslkey=other.key&ssl_max_protocol_version=TLSv1.2",
      /rejected the client certificate \(ERR_SSL_\w+\)\. Check sslcert/,
    ],
    [
      "sslcert=own.crt&sslkey=other.key",
      /cannot be used \(ERR_OSSL_\w+\)\. Check sslcert and sslkey in DATABASE_URL/,
    ],
    [
      "sslcert=own.crt&sslkey=own-encrypted.key",
      /cannot be used \(ERR_\w+\).*sslpassword if the key is encrypted/,
    ],
    ["sslcert=own.crt&sslkey=own-encrypted.key&sslpassword=hunter3", /cannot be used \(ERR_OSSL_\w+\)/],
    ["sslcert=none.pem&sslkey=own.key", /cannot be used \(ERR_OSSL_\w+\)/],
    ["sslcert=missing.crt&sslkey=own.key", /sslcert: the file .*missing\.crt does not exist \(ENOENT\)/],
    ["sslcert=own.crt&sslkey=missing.key", /sslkey: the file .*missing\.key does not exist \(ENOENT\)/],
    [
      "sslcert=own.crt&sslkey=own.key&require_auth=!none",
      /asked for no authentication, and require_auth allows/,
    ],
  ])("that cannot be used is told: %s", async (parameters, sentence) => {
    const told = await session(CERTIFIED, parameters);
    expect(told).toMatch(sentence);
    expect(told).not.toContain("hunter");
  });

  it("must not be readable by others, unless root owns it and lets its group read it", async () => {
    const told = await session(CERTIFIED, "sslcert=own.crt&sslkey=open.key");
    const isRoots = statSync(join(folder, "open.key")).uid === 0;
    if (isRoots) expect(told).toMatchObject({ name: CERTIFIED });
    else expect(told).toMatch(/open\.key is accessible to its group or to others\. Run chmod 600 on it/);
    await chmod(join(folder, "open.key"), 0o604);
    expect(await session(CERTIFIED, "sslcert=own.crt&sslkey=open.key")).toMatch(/open\.key is accessible/);
  });

  it("is found in the home folder, with the authority", async () => {
    const own = join(folder, ".postgresql");
    await mkdir(own);
    for (const [from, to] of [
      ["own.crt", "postgresql.crt"],
      ["own.key", "postgresql.key"],
      ["own.pem", "root.crt"],
    ] as const) {
      await copyFile(join(folder, from), join(own, to));
    }
    const address = new URL(url(RIGHT_NAME, "sslmode=verify-full"));
    [address.username, address.password] = [CERTIFIED, ""];
    expect(await runCli(["init"], { DATABASE_URL: address.href, HOME: folder })).toMatchObject({
      code: 0,
      stderr: "",
    });
  });
});

describe("a session", () => {
  it.each([
    ["options=-c%20work_mem%3D8MB", { memory: "8MB" }],
    ["ssl_max_protocol_version=TLSv1.2", { tls: "TLSv1.2" }],
    ["ssl_min_protocol_version=TLSv1.3", { tls: "TLSv1.3" }],
    ["require_auth=scram-sha-256", {}],
    ["require_auth=!password,!md5,!none", {}],
    ["host=db.invalid&hostaddr=127.0.0.1&sslmode=require", {}],
  ])("is opened with %s", async (parameters, found) => {
    expect(await session("postgres", parameters)).toMatchObject({ name: "postgres", ...found });
  });

  it.each([
    [
      "require_auth=password,md5",
      /asked for authentication by scram-sha-256, and require_auth allows password, md5\./,
    ],
    [
      "host=db.invalid&hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=own.pem",
      /another host name .* requires db\.invalid/,
    ],
  ])("is not opened with %s", async (parameters, sentence) => {
    expect(await session("postgres", parameters)).toMatch(sentence);
  });

  it("negotiates TLS directly with Postgres 17 and later", async () => {
    const found = await session("postgres", "sslmode=verify-full&sslrootcert=own.pem&sslnegotiation=direct");
    if (Number.parseInt(server.version) >= 17)
      expect(found).toMatchObject({ name: "postgres", tls: expect.stringMatching(/^TLS/) });
    else
      expect(found).toMatch(/did not accept TLS without being asked for it \(ECONN\w+\).*needs Postgres 17/);
  });
});

it("the password comes from the password file, and the server from a service", async () => {
  const { port } = new URL(server.url);
  const files = { service: join(folder, "service.conf"), pass: join(folder, "pass") };
  await writeFile(
    files.service,
    `[tls]\nhost=localhost\nport=${port}\nuser=postgres\nsslmode=verify-full\nsslrootcert=${folder}/own.pem\n`,
  );
  await writeFile(files.pass, `localhost:${port}:*:postgres:postgres\n`, { mode: 0o600 });
  const env = { PGSERVICE: "tls", PGSERVICEFILE: files.service, PGPASSFILE: files.pass };
  expect(await runCli(["init"], env)).toMatchObject({ code: 0, stderr: "" });
  await chmod(files.pass, 0o644);
  const { code, stderr } = await runCli(["init"], env);
  expect(code).toBe(2);
  expect(stderr).toContain(`The password file ${files.pass} is ignored`);
  expect(stderr).toContain('rejected the login of user "postgres" (SQLSTATE 28P01)');
  await writeFile(files.pass, `*:*:*:*:hunter2\n`);
  await chmod(files.pass, 0o600);
  const wrong = await runCli(["init"], env);
  expect(wrong.stderr).toContain(
    `Check the user in the PG* variables or service tls, and the password in ${files.pass}.`,
  );
  expect(wrong.stderr).not.toContain("hunter2");
});

describe("doctor tells what of the certificate is checked", () => {
  it.each([
    [RIGHT_NAME, "sslmode=disable", "off; the server is on this machine"],
    [OTHER_NAME, "sslmode=prefer", "on, certificate not verified (sslmode prefer)"],
    [OTHER_NAME, "sslmode=require", "on, certificate not verified (sslmode require)"],
    [
      OTHER_NAME,
      "sslmode=verify-ca&sslrootcert=own.pem",
      "on, certificate verified against the authorities of own.pem, host name not verified (sslmode verify-ca)",
    ],
    [
      RIGHT_NAME,
      "sslmode=verify-full&sslrootcert=own.pem",
      "on, certificate and host name verified against the authorities of own.pem (sslmode verify-full)",
    ],
  ])("%s %s: %s", (host, parameters, finding) =>
    withBench(async ({ run }) => {
      const checks = checksOf(await run(["doctor", "--json"], { DATABASE_URL: url(host, parameters) }));
      const named = finding.replace("own.pem", join(folder, "own.pem"));
      expect(checks).toContainEqual({ name: "TLS", status: "ok", finding: named });
    }),
  );

  it("and the way out where it is refused", () =>
    withBench(async ({ run }) => {
      const databaseUrl = url(OTHER_NAME, "sslmode=verify-full&sslrootcert=own.pem");
      const outcome = await run(["doctor", "--json"], { DATABASE_URL: databaseUrl });
      expect(outcome.code).toBe(2);
      expect(checksOf(outcome)).toEqual(
        expect.arrayContaining([
          {
            name: "database",
            status: "failed",
            finding: "cannot be used",
            wayOut: expect.stringMatching(ANOTHER_NAME),
          },
          { name: "TLS", status: "skipped", finding: "not checked: see database" },
        ]),
      );
    }));
});

function checksOf(outcome: Outcome): unknown {
  return json(outcome)["checks"];
}

describe("a server without TLS", () => {
  it.each(["require", "verify-ca", "verify-full"])("is refused with sslmode %s", (sslMode) =>
    withBench(async ({ run, databaseUrl }) => {
      const { code, stderr } = await run(["init"], { DATABASE_URL: `${databaseUrl}?sslmode=${sslMode}` });
      expect(code).toBe(2);
      expect(stderr).toContain(`does not offer TLS, and sslmode is ${sslMode}. Enable TLS in the server`);
    }),
  );

  it.each(["disable", "allow", "prefer"])("is taken with sslmode %s", (sslMode) =>
    withBench(async ({ run, databaseUrl }) => {
      expect((await run(["init"], { DATABASE_URL: `${databaseUrl}?sslmode=${sslMode}` })).code).toBe(0);
    }),
  );
});
