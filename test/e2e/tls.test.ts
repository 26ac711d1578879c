import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { startPostgres, type PostgresServer } from "../../sandbox/postgres.ts";
import { createAuthority } from "../support/authority.ts";
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
});

afterAll(async () => {
  await server.dispose();
  await rm(folder, { recursive: true });
});

const RIGHT_NAME = "localhost";
const OTHER_NAME = "127.0.0.1";

function url(host: string, parameters: string): string {
  const { port } = new URL(server.url);
  const query = parameters.replace(
    /sslrootcert=(\w+\.pem)/,
    (_, file: string) => `sslrootcert=${join(folder, file)}`,
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

it("variables of libpq's that say nothing of one host do not trouble it", async () => {
  const databaseUrl = url(RIGHT_NAME, "sslmode=verify-full&sslrootcert=own.pem");
  for (const attribute of ["any", "read-write", "prefer-standby", "standby"]) {
    const env = { DATABASE_URL: databaseUrl, PGTARGETSESSIONATTRS: attribute };
    expect(await runCli(["init"], env)).toMatchObject({ code: 0, stderr: "" });
  }
});

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
    [RIGHT_NAME, "sslmode=verify-full&sslrootcert=missing.pem", /cannot be read: .*missing\.pem/],
    [RIGHT_NAME, "sslmode=verify-full&sslrootcert=der.pem", /has no PEM certificate: .*der\.pem/],
    [RIGHT_NAME, "sslmode=verify-full&sslrootcert=none.pem", /has no PEM certificate: .*none\.pem/],
  ])("%s %s", async (host, parameters, sentence) => {
    const { code, stdout, stderr } = await init(url(host, parameters));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toContain("postgres:postgres");
  });
});

describe("doctor tells what of the certificate is checked", () => {
  it.each([
    [RIGHT_NAME, "sslmode=disable", "off; the server is on this machine"],
    [OTHER_NAME, "sslmode=prefer", "on, certificate not verified (sslmode prefer)"],
    [OTHER_NAME, "sslmode=require", "on, certificate not verified (sslmode require)"],
    [
      OTHER_NAME,
      "sslmode=verify-ca&sslrootcert=own.pem",
      "on, certificate verified, host name not verified (sslmode verify-ca)",
    ],
    [
      RIGHT_NAME,
      "sslmode=verify-full&sslrootcert=own.pem",
      "on, certificate and host name verified (sslmode verify-full)",
    ],
  ])("%s %s: %s", (host, parameters, finding) =>
    withBench(async ({ run }) => {
      const checks = checksOf(await run(["doctor", "--json"], { DATABASE_URL: url(host, parameters) }));
      expect(checks).toContainEqual({ name: "TLS", status: "ok", finding });
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
