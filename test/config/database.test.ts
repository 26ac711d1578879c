import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { DEFAULT_TABLE } from "../../src/config/table.ts";
import { place, readDatabase } from "../../src/config/database.ts";
import { LOGIN } from "../../src/config/mapping.ts";
import { Secret } from "../../src/config/secret.ts";
import { reading } from "./told.ts";
import { sourcesOf, type Files } from "../support/sources.ts";

interface Read {
  /** With the password in clear. */
  readonly settings: object | undefined;
  readonly told: string[];
  readonly warned: string[];
}

function read(env: NodeJS.ProcessEnv, files: Files = {}, systemUser = (): string => "me"): Read {
  const warned: string[] = [];
  const sources = { ...sourcesOf(env, files, (sentence) => warned.push(sentence)), systemUser };
  const { value, told } = reading((problems) => readDatabase(sources, problems));
  if (value === undefined) return { settings: undefined, told, warned };
  const { password, ...settings } = value;
  return { settings: { ...settings, password: password?.reveal() }, told, warned };
}

const plain = {
  host: "db",
  port: 5432,
  database: "logins",
  user: "etl",
  password: undefined,
  passwordFile: undefined,
  address: undefined,
  sslMode: "prefer",
  sslNegotiation: "postgres",
  sslRootCert: undefined,
  clientCertificate: undefined,
  tlsVersions: { min: undefined, max: undefined },
  auth: "password",
  requireAuth: undefined,
  options: undefined,
  others: [],
  targetSession: "any",
  isRandom: false,
  connectTimeout: 10,
  applicationName: "fetch-etl",
  client: { user: "me", host: "this-machine" },
  table: DEFAULT_TABLE,
  columns: LOGIN.columns,
  hasKeys: false,
  source: "DATABASE_URL",
};

describe("DATABASE_URL", () => {
  it.each<[string, object]>([
    ["postgres://etl@db/logins", {}],
    ["postgresql://etl@db/logins", {}],
    ["POSTGRES://etl@db/logins", {}],
    ["postgres://etl:pw@db/logins", { password: "pw" }],
    ["postgres://etl:@db/logins", {}],
    ["postgres://etl@db:6543/logins", { port: 6543 }],
    ["postgres://etl@db:65535/logins", { port: 65_535 }],
    // the database is named as the user where nothing names it
    ["postgres://etl@db", { database: "etl" }],
    ["postgres://etl@db/", { database: "etl" }],
    // the host is this machine
    ["postgres:///logins?user=etl", { host: "localhost" }],
    // IPv6
    ["postgres://etl@[::1]/logins", { host: "::1" }],
    ["postgres://etl@[2001:db8::1]:6543/logins", { host: "2001:db8::1", port: 6543 }],
    // a Unix socket's folder
    ["postgres:///logins?host=/var/run/postgresql&user=etl", { host: "/var/run/postgresql" }],
    ["postgres://etl@%2Fvar%2Frun%2Fpostgresql/logins", { host: "/var/run/postgresql" }],
    ["postgres://etl@localhost/logins?host=/tmp", { host: "/tmp" }],
    // percent-encoding
    ["postgres://etl:p%40ss%3Aw%2Fr%23d%3F%25@db/logins", { password: "p@ss:w/r#d?%" }],
    ["postgres://etl:%C3%A4%F0%9F%93%B1@db/logins", { password: "ä📱" }],
    ["postgres://etl:p+w@db/logins", { password: "p+w" }],
    ["postgres://etl@db/logins?application_name=nightly%20load", { applicationName: "nightly load" }],
    ["postgres://etl@db/logins?channel_binding=prefer", {}],
    ["postgres://etl@db/logins?options=endpoint%3Dep-1%20-c%20a%3Db", { options: "endpoint=ep-1 -c a=b" }],
    ["postgres://etl@db/logins?hostaddr=192.0.2.1", { address: "192.0.2.1" }],
    ["postgres:///logins?user=etl&hostaddr=192.0.2.1", { host: "192.0.2.1", address: "192.0.2.1" }],
    ["postgres://etl@db/logins?require_auth=none,md5", { requireAuth: new Set(["md5", "none"]) }],
    [
      "postgres://etl@db/logins?require_auth=!none,!password,!md5",
      { requireAuth: new Set(["gss", "sspi", "scram-sha-256", "oauth"]) },
    ],
    [
      "postgres://etl@db/logins?sslmode=require&sslnegotiation=direct",
      { sslMode: "require", sslNegotiation: "direct" },
    ],
    ["postgres://etl:p%20w@db/logins", { password: "p w" }],
    [
      "postgres://etl%40tenant:pw@db/my%20logins",
      { user: "etl@tenant", password: "pw", database: "my logins" },
    ],
    // characters that stand as they are
    ["postgres://etl:a:b@db/logins", { password: "a:b" }],
    ["postgres://etl:a@b@db/logins", { password: "a@b" }],
    ["postgres://etl:!$&'()*,;=~@db/logins", { password: "!$&'()*,;=~" }],
    // parameters
    ["postgres://db?user=etl&password=pw&dbname=logins", { password: "pw" }],
    ["postgres://db/logins?user=etl@tenant", { user: "etl@tenant" }],
    ["postgres://nobody@db:1/none?user=etl&port=6543&dbname=logins", { port: 6543 }],
    ["postgres://etl@db/logins?sslmode=disable", { sslMode: "disable" }],
    ["postgres://etl@db/logins?sslmode=allow", { sslMode: "allow" }],
    ["postgres://etl@db/logins?sslmode=prefer", { sslMode: "prefer" }],
    ["postgres://etl@db/logins?sslmode=require", { sslMode: "require" }],
    ["postgres://etl@db/logins?sslmode=verify-ca", { sslMode: "verify-ca" }],
    ["postgres://etl@db/logins?sslmode=verify-full", { sslMode: "verify-full" }],
    ["postgres://etl@db/logins?sslrootcert=/etc/ca.pem", { sslRootCert: "/etc/ca.pem" }],
    ["postgres://etl@db/logins?sslrootcert=system", { sslMode: "verify-full", sslRootCert: "system" }],
    [
      "postgres://etl@db/logins?sslrootcert=system&sslmode=verify-full",
      { sslMode: "verify-full", sslRootCert: "system" },
    ],
    ["postgres://etl@db/logins?sslrootcert=rds", { sslMode: "verify-full", sslRootCert: "rds" }],
    [
      "postgres://etl@db/logins?sslrootcert=rds&sslmode=verify-ca",
      { sslMode: "verify-ca", sslRootCert: "rds" },
    ],
    ["postgres://etl@db/logins?connect_timeout=3", { connectTimeout: 3 }],
    ["postgres://etl@db/logins?connect_timeout=0", { connectTimeout: 0 }],
    ["postgres://etl@db/logins?ssl=true", { sslMode: "require" }],
    ["postgres://etl@db/logins?ssl=true&sslmode=verify-full", { sslMode: "verify-full" }],
    ["postgres://etl@:6543/logins", { host: "localhost", port: 6543 }],
    // a plus is one, also in a parameter
    ["postgres://db/logins?user=etl+night&password=p+w%2B", { user: "etl+night", password: "p+w+" }],
  ])("%s", (url, expected) => {
    expect(read({ DATABASE_URL: url })).toEqual({
      settings: { ...plain, ...expected },
      told: [],
      warned: [],
    });
  });
});

describe("the PG* variables", () => {
  it("stand for everything that a URL could say", () => {
    const env = {
      ...{ PGHOST: "db", PGPORT: "6543", PGDATABASE: "logins", PGUSER: "etl", PGPASSWORD: "p@ss:/#?%41" },
      ...{
        PGSSLMODE: "verify-full",
        PGSSLROOTCERT: "/etc/ca.pem",
        PGCONNECT_TIMEOUT: "3",
        PGHOSTADDR: "::1",
      },
      ...{
        PGAPPNAME: "nightly",
        PGCHANNELBINDING: "disable",
        PGSSLNEGOTIATION: "direct",
        PGSSLCERT: "/a.crt",
      },
      ...{ PGSSLKEY: "/a.key", PGSSLMINPROTOCOLVERSION: "TLSv1.3", PGSSLMAXPROTOCOLVERSION: "TLSv1.3" },
      ...{ PGOPTIONS: "-c work_mem=1MB", PGREQUIREAUTH: "scram-sha-256", PGGSSENCMODE: "prefer" },
    };
    expect(read(env)).toEqual({
      settings: {
        ...plain,
        ...{
          host: "db",
          address: "::1",
          port: 6543,
          database: "logins",
          user: "etl",
          password: "p@ss:/#?%41",
        },
        ...{
          sslMode: "verify-full",
          sslRootCert: "/etc/ca.pem",
          connectTimeout: 3,
          sslNegotiation: "direct",
        },
        clientCertificate: { certificate: "/a.crt", key: "/a.key", password: undefined },
        tlsVersions: { min: "TLSv1.3", max: "TLSv1.3" },
        ...{ options: "-c work_mem=1MB", requireAuth: new Set(["scram-sha-256"]) },
        applicationName: "nightly",
        source: "the PG* variables",
      },
      told: [],
      warned: [],
    });
  });

  it("add what the URL leaves out, and give way to what it says", () => {
    const env = {
      ...{ PGHOST: "other", PGPORT: "1", PGDATABASE: "other", PGUSER: "other" },
      ...{ PGPASSWORD: "pw", PGSSLMODE: "require" },
    };
    expect(read({ ...env, DATABASE_URL: "postgres://etl@db:6543/logins" })).toEqual({
      settings: { ...plain, port: 6543, password: "pw", sslMode: "require" },
      told: [],
      warned: [],
    });
  });

  it("that are empty are not set", () => {
    const env = { PGHOST: "", PGPORT: "", PGPASSWORD: "", PGSSLMODE: "" };
    expect(read({ ...env, DATABASE_URL: "postgres://etl@db/logins" })).toMatchObject({
      settings: plain,
      told: [],
    });
    expect(read({ ...env, DATABASE_URL: "" }).settings).toBeUndefined();
  });

  it("need no user: it is the operating system's, as for libpq", () => {
    expect(read({ PGHOST: "db", USER: "other" }).settings).toMatchObject({ user: "me", database: "me" });
    expect(read({ DATABASE_URL: "postgres://db/logins" }).settings).toMatchObject({ user: "me" });
    expect(read({ PGHOST: "db", PGUSER: "etl" }).settings).toMatchObject({ user: "etl" });
  });

  it("need a user where the operating system has no name for it", () => {
    const nameless = (): never => {
      throw new Error("ENOENT: no such file or directory, uv_os_get_passwd");
    };
    expect(read({ PGHOST: "db" }, {}, nameless).told).toEqual([
      "No database user is configured, and the operating system has no name for this process's user. Set PGUSER, or add the user to DATABASE_URL.",
    ]);
    expect(read({ PGHOST: "db", PGUSER: "etl" }, {}, nameless).told).toEqual([]);
  });

  it.each(["postgres://etl:hunter2@/logins?host=/run/pg", "postgres://etl:hunter2@/logins"])(
    "may leave the host out, as libpq's own do: %s",
    (url) => {
      const env = { DATABASE_URL: url, PGHOST: "/run/pg" };
      expect(read(env)).toMatchObject({
        settings: { host: "/run/pg", user: "etl", database: "logins" },
        told: [],
      });
    },
  );

  it.each(["?host=", "?host=a,,b", "?port=0x10"])(
    "must name hosts and a port in digits: %s",
    (parameters) => {
      const { told } = read({ DATABASE_URL: `postgres://etl:hunter2@db/logins${parameters}` });
      expect(told.join()).toMatch(/^The (host|port) of DATABASE_URL/);
    },
  );

  it("may name a Unix socket's folder", () => {
    expect(read({ PGHOST: "/var/run/postgresql" }).settings).toMatchObject({ host: "/var/run/postgresql" });
  });
});

const none =
  "No database is configured. Set DATABASE_URL (postgres://user:password@host:5432/database), or PGHOST, PGUSER, PGPASSWORD and PGDATABASE.";
const noUrl =
  "DATABASE_URL is not a URL. Write postgres://user:password@host:5432/database, and percent-encode special characters in the password.";
const badScheme = "DATABASE_URL must begin with postgres:// or postgresql://.";
const badPort = "The port of DATABASE_URL is not a number from 1 to 65535.";
const badTimeout = "The connect_timeout of DATABASE_URL is not a whole number of seconds, 0 for no limit.";
const portCount = "The port of DATABASE_URL must name one port, or as many as there are hosts.";
const badMode =
  "The sslmode of DATABASE_URL must be one of: disable, allow, prefer, require, verify-ca, verify-full.";
const systemRequire =
  "The sslrootcert of DATABASE_URL is system, which requires sslmode verify-full, not require.";
const noBinding =
  "The channel_binding of DATABASE_URL has a value that is not supported. Remove it, and use sslmode=verify-full to authenticate " +
  "the server.";
const badAuth =
  "The require_auth of DATABASE_URL must be a list of: password, md5, gss, sspi, scram-sha-256, oauth, none; with a ! before all of " +
  "them, or before none.";
const unknown = "DATABASE_URL has an unsupported parameter";

describe("a mistake is told:", () => {
  it("no database at all", () => {
    expect(read({ USER: "me" })).toEqual({ settings: undefined, told: [none], warned: [] });
  });

  it.each<[string, string | RegExp]>([
    ["hunter2", noUrl],
    ["db/logins", noUrl],
    ["postgres://etl:hunter2@db:port/logins", noUrl],
    ["postgres://etl:hunter2@db:65536/logins", noUrl],
    ["postgres://etl:hunter2%zz@db/logins", noUrl],
    ["postgres://etl:hunter2%ff@db/logins", noUrl],
    ["postgres://etl:hunter2@[::1/logins", noUrl],
    ["host=db user=etl password=hunter2", noUrl],
    ["mysql://etl:hunter2@db/logins", badScheme],
    ["http://etl:hunter2@db/logins", badScheme],
    ["jdbc:postgresql://db/logins?password=hunter2", badScheme],
    ["db:5432/hunter2", badScheme],
    ["postgres://etl:hunter2@db:0/logins", badPort],
    ["postgres://etl:hunter2@db/logins?port=", badPort],
    ["postgres://etl:hunter2@db/logins?port=65536", badPort],
    ["postgres://etl:hunter2@db/logins?port=hunter2", badPort],
    ["postgres://etl:hunter2@db/logins?port=5432,5433", portCount],
    ["postgres://etl:hunter2@a,b,c/logins?port=5432,5433", portCount],
    ["postgres://etl:hunter2@a:1,b:0/logins", badPort],
    ["postgres://etl:hunter2@a,,b/logins", "The host of DATABASE_URL has an empty entry."],
    [
      "postgres://etl:hunter2@a,b/logins?hostaddr=192.0.2.1",
      "The hostaddr of DATABASE_URL must name as many addresses as there are hosts.",
    ],
    [
      "postgres://etl:hunter2@db/logins?target_session_attrs=hunter2",
      "The target_session_attrs of DATABASE_URL must be one of: any, read-write, read-only, primary, standby, prefer-standby.",
    ],
    [
      "postgres://etl:hunter2@db/logins?load_balance_hosts=yes",
      "The load_balance_hosts of DATABASE_URL must be one of: disable, random.",
    ],
    [
      "postgres://etl:hunter2@db/logins?targetServerType=master",
      `${unknown}: targetServerType. Set target_session_attrs instead.`,
    ],
    ["postgres://etl:hunter2@db/logins?connect_timeout=-1", badTimeout],
    // a password with a comma and a slash, not encoded, is no list of hosts
    ["postgres://etl:pass,/hunter2@db/logins", noUrl],
    ["postgres://etl:hunter2@db/logins?connect_timeout=1.5", badTimeout],
    ["postgres://etl:hunter2@db/logins?connect_timeout=hunter2", badTimeout],
    ["postgres://etl:hunter2@db/logins?sslmode=", badMode],
    ["postgres://etl:hunter2@db/logins?sslmode=hunter2", badMode],
    ["postgres://etl:hunter2@db/logins?sslmode=Require", badMode],
    ["postgres://etl:hunter2@db/logins?sslrootcert=system&sslmode=require", systemRequire],
    ["postgres://etl:hunter2@db/logins?ssl=false", `${unknown}: ssl. Set sslmode instead.`],
    ["postgres://etl:hunter2@db/logins?ssl=no-verify", `${unknown}: ssl. Set sslmode instead.`],
    [
      "postgres://etl:hunter2@db/logins?ssl=true&sslmode=prefer",
      "DATABASE_URL has ssl=true, and an sslmode that allows a connection without TLS. Remove one.",
    ],
    [
      "postgres://etl:hunter2@db/logins?sslaccept=strict",
      `${unknown}: sslaccept. Set sslmode=verify-full instead.`,
    ],
    [
      "postgres://etl:hunter2@db/logins?sslidentity=id.p12",
      `${unknown}: sslidentity. Convert the file with openssl pkcs12, and set sslcert and sslkey instead.`,
    ],
    ["postgres://etl:hunter2@db/logins?channel_binding=require", noBinding],
    [
      "postgres://etl:hunter2@db/logins?sslmode=no-verify",
      "The sslmode of DATABASE_URL is no-verify, which libpq does not have. Set sslmode=require, which does not verify the certificate either.",
    ],
    [
      "postgres://etl:hunter2@db/logins?sslnegotiation=direct",
      "The sslnegotiation of DATABASE_URL is direct, which requires sslmode require, verify-ca or verify-full, not prefer.",
    ],
    [
      "postgres://etl:hunter2@db/logins?sslnegotiation=hunter2",
      "The sslnegotiation of DATABASE_URL must be one of: postgres, direct.",
    ],
    [
      "postgres://etl:hunter2@db/logins?ssl_min_protocol_version=SSLv3",
      "The ssl_min_protocol_version of DATABASE_URL must be one of: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3.",
    ],
    [
      "postgres://etl:hunter2@db/logins?hostaddr=hunter2",
      "The hostaddr of DATABASE_URL is not an IP address.",
    ],
    ["postgres://etl:hunter2@db/logins?require_auth=hunter2", badAuth],
    ["postgres://etl:hunter2@db/logins?require_auth=md5,!none", badAuth],
    [
      "postgres://etl:hunter2@db/logins?require_auth=gss,oauth",
      "The require_auth of DATABASE_URL allows only methods that fetch-etl does not have. It has: password, md5, scram-sha-256, none.",
    ],
    ...[
      "gssencmode=require",
      "requirepeer=hunter2",
      "sslcertmode=require",
      "sslcrl=hunter2",
      "sslcrldir=hunter2",
    ].map((parameter): [string, RegExp] => [
      `postgres://etl:hunter2@db/logins?${parameter}`,
      /^The \w+ of DATABASE_URL has a value that is not supported\. Remove it, and (set|use) .*\.$/,
    ]),
    ["postgres://etl:hunter2@db/logins?toString=hunter2", `${unknown}: toString. Remove it.`],
    // a password that is not encoded would end up as a host, a database or a parameter
    ["postgres://etl:pass#hunter2@db/logins", noUrl],
    ["postgres://etl:pass/hunter2@db/logins", noUrl],
    ["postgres://etl:pass?hunter2@db/logins", noUrl],
    ["postgres://etl:12#hunter2@db/logins", noUrl],
    ["postgres://etl:12/hunter2@db/logins", noUrl],
    ["postgres://etl:12?hunter2@db/logins", `${unknown}. Remove it.`],
  ])("%s", (url, sentence) => {
    const { told } = read({ DATABASE_URL: url });
    expect(told).toEqual([typeof sentence === "string" ? sentence : expect.stringMatching(sentence)]);
    expect(told.join()).not.toContain("hunter2");
  });

  it("with the variables, as such", () => {
    expect(read({ PGPORT: "x", PGSSLMODE: "y", PGCONNECT_TIMEOUT: "z" }).told).toEqual([
      "The port of the PG* variables is not a number from 1 to 65535.",
      "The connect_timeout of the PG* variables is not a whole number of seconds, 0 for no limit.",
      "The sslmode of the PG* variables must be one of: disable, allow, prefer, require, verify-ca, verify-full.",
    ]);
  });

  it("and all of them together", () => {
    const url = "postgres://db:0/logins?sslmode=x&connect_timeout=x&ssl=1&speed=1";
    expect(read({ DATABASE_URL: url }).told).toEqual([
      `${unknown}: ssl. Set sslmode instead.`,
      `${unknown}: speed. Remove it.`,
      badPort,
      badTimeout,
      badMode,
    ]);
  });
});

describe("parameters of other tools that change nothing", () => {
  it.each([
    ["pgbouncer=true&connection_limit=1&schema=public", "pgbouncer, connection_limit, schema"],
    ["sslmode=require&sslaccept=accept_invalid_certs&pool_timeout=0", "sslaccept, pool_timeout"],
    ["supa=base-pooler.x&pool_mode=transaction&pool_mode=session", "supa, pool_mode"],
    ["conn_max_age=600", "conn_max_age"],
    ["keepalives=1&krbsrvname=hunter2&sslsni=1", "keepalives, krbsrvname, sslsni"],
    ["ApplicationName=hunter2&encoding=unicode", "ApplicationName, encoding"],
  ])("are named in one warning: %s", (query, names) => {
    const { settings, told, warned } = read({ DATABASE_URL: `postgres://etl@db/logins?${query}` });
    expect(settings).toMatchObject({ host: "db" });
    expect(told).toEqual([]);
    expect(warned).toEqual([`fetch-etl ignores parameters of DATABASE_URL: ${names}.`]);
  });
});

describe("the password file", () => {
  const env = { DATABASE_URL: "postgres://etl@db:6543/logins" };
  const file = "/home/me/.pgpass";

  it.each([
    ["db:6543:logins:etl:pw", "pw"],
    ["*:*:*:*:pw", "pw"],
    ["# db\n\nother:6543:logins:etl:no\r\ndb:*:logins:etl:pw\r\n*:*:*:*:late", "pw"],
    ["db:6543:*:etl:p\\:w\\\\", "p:w\\"],
    ["d\\b:6543:logins:etl:pw", "pw"],
    ["db:6543:logins:etl:pw:rest", "pw"],
    ["db:6543:logins:etl:pw ", "pw "],
    ["db:6543:logins:etl:p#w", "p#w"],
    // no match
    ["", undefined],
    ["db:6543:logins:etl", undefined],
    ["#db:6543:logins:etl:pw", undefined],
    ["db:5432:logins:etl:pw", undefined],
    ["DB:6543:logins:etl:pw", undefined],
    ["\\*:*:*:*:pw", undefined],
    ["**:*:*:*:pw", undefined],
    // the first that matches decides
    ["db:6543:logins:etl:\n*:*:*:*:pw", undefined],
  ])("has for %j the password %j", (text, password) => {
    const found = read(env, { [file]: text });
    expect(found).toMatchObject({ settings: { password }, told: [], warned: [] });
  });

  it.each([
    ["/tmp", "localhost"],
    ["/var/run/postgresql", "localhost"],
    ["/run/other", "/run/other"],
    ["localhost", "localhost"],
    ["", "localhost"],
    ["::1", "\\:\\:1"],
  ])("names the server at %j %j", (host, name) => {
    const files = { [file]: `x:*:*:*:no\n${name}:*:*:*:pw` };
    expect(read({ PGHOST: host, PGUSER: "u" }, files).settings).toMatchObject({ password: "pw" });
  });

  it("is named by passfile, PGPASSFILE, or the home folder, in this order", () => {
    const files = { "/a": "*:*:*:*:a", "/b": "*:*:*:*:b", [file]: "*:*:*:*:home" };
    const url = `${env.DATABASE_URL}?passfile=/a`;
    expect(read({ DATABASE_URL: url, PGPASSFILE: "/b" }, files).settings).toMatchObject({ password: "a" });
    expect(read({ ...env, PGPASSFILE: "/b" }, files).settings).toMatchObject({ password: "b" });
    expect(read(env, files).settings).toMatchObject({ password: "home" });
    expect(read({ ...env, PGPASSFILE: "/none" }, files)).toMatchObject({
      settings: { password: undefined },
      warned: [],
    });
  });

  it("is not looked at where a password is given, but for an empty one", () => {
    const files = { [file]: { text: "*:*:*:*:home", mode: 0o644 } };
    expect(read({ ...env, PGPASSWORD: "pw" }, files)).toMatchObject({
      settings: { password: "pw" },
      warned: [],
    });
    const empty = { DATABASE_URL: `${env.DATABASE_URL}?password=` };
    expect(read(empty, { [file]: "*:*:*:*:home" }).settings).toMatchObject({ password: "home" });
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o610])("is ignored, with a warning, where its mode is %o", (mode) => {
    expect(read(env, { [file]: { text: "*:*:*:*:hunter2", mode } })).toEqual({
      settings: { ...plain, port: 6543 },
      told: [],
      warned: [
        `The password file ${file} is ignored: it is accessible to its group or to others. Run chmod 600 on it.`,
      ],
    });
  });

  it("is ignored where it cannot be read, with a warning if it is named", () => {
    const files = { [file]: { text: "", error: "EACCES" }, "/a": { text: "", error: "EACCES" } };
    const { settings, warned } = read({ ...env, PGPASSFILE: "/a" }, files);
    expect(settings).toMatchObject({ password: undefined });
    expect(warned.join()).toMatch(
      /^The password file \/a is ignored: it cannot be read by this user: .* \(EACCES\)\.$/,
    );
    // HOME may be the folder of another user.
    expect(read(env, files)).toMatchObject({ settings: { password: undefined }, warned: [] });
  });

  it("is remembered, to be named where the server rejects the password", () => {
    expect(read(env, { [file]: "*:*:*:*:pw" }).settings).toMatchObject({ passwordFile: file });
    expect(read({ ...env, PGPASSWORD: "pw" }, { [file]: "*:*:*:*:no" }).settings).toMatchObject({
      passwordFile: undefined,
    });
  });
});

describe("a service", () => {
  const file = "/home/me/.pg_service.conf";
  const prod =
    "[test]\nhost=no\n\n [prod] \n# comment\nhost=db\nport=6543\nhost=late\nuser=etl\npassword= \ndbname=logins\n[z]\nx";

  it("gives way to the URL, and goes before the variables", () => {
    const files = { [file]: prod.replace("password= ", "password=a=b") };
    const env = { PGSERVICE: "prod", PGHOST: "no", PGSSLMODE: "require", DATABASE_URL: "postgres:///other" };
    expect(read(env, files)).toEqual({
      settings: {
        ...{ ...plain, port: 6543, database: "other", password: "a=b", sslMode: "require" },
        source: "DATABASE_URL or service prod",
      },
      told: [],
      warned: [],
    });
  });

  it("is named by the URL or PGSERVICE, in the file of PGSERVICEFILE, the home folder, or PGSYSCONFDIR", () => {
    const of = (host: string): string => `[s]\nhost=${host}`;
    const files = {
      "/a": of("a"),
      [file]: of("home"),
      "/etc/pg/pg_service.conf": `${of("system")}\n[t]\nhost=t`,
    };
    const env = { PGSYSCONFDIR: "/etc/pg" };
    const host = (own: NodeJS.ProcessEnv, present = files): unknown =>
      read({ ...env, ...own }, present).settings;
    expect(host({ PGSERVICE: "s", PGSERVICEFILE: "/a" })).toMatchObject({
      host: "a",
      source: "the PG* variables or service s",
    });
    expect(host({ DATABASE_URL: "postgres://?service=s&servicefile=/a", PGSERVICE: "t" })).toMatchObject({
      host: "a",
    });
    expect(host({ PGSERVICE: "s" })).toMatchObject({ host: "home" });
    expect(host({ PGSERVICE: "t" })).toMatchObject({ host: "t" });
    expect(host({ PGSERVICE: "s" }, { ...files, [file]: "" })).toBeUndefined();
  });

  it.each([
    [{ PGSERVICE: "none" }, prod, /^No file defines service none\. Check PGSERVICE/],
    [{ PGSERVICE: "hunter 2" }, prod, /^No file defines service \(not shown\)\./],
    [
      { PGSERVICE: "z" },
      prod,
      /^PGSERVICEFILE: line 13 of the file .*\.pg_service\.conf is not a parameter\. Write name=value/,
    ],
    [{ PGSERVICE: "a" }, "[a]\nhost = db", /line 2 .* without blanks/],
    [{ PGSERVICE: "a" }, "[a]\nservice=b", /line 2 /],
    [{ PGSERVICE: "a" }, "[a]\nldap://x/y?z", /line 2 /],
    [{ PGSERVICE: "a" }, "[a]\nhots=db", /^Service a has an unsupported parameter: hots\. Remove it\.$/],
    [{ PGSERVICE: "a" }, "[a]\nport=0", /^The port of service a is not a number/],
    [
      { PGSERVICE: "a", PGSERVICEFILE: "/none" },
      "[a]\nport=1",
      /^PGSERVICEFILE: the file \/none does not exist/,
    ],
  ])("has a mistake that is told: %j in %j", (env, text, sentence) => {
    const { told } = read(env, { [file]: text });
    expect(told.join("\n")).toMatch(sentence);
  });

  it("names what it has for other tools", () => {
    expect(read({ PGSERVICE: "a" }, { [file]: "[a]\nhost=db\nkeepalives=1" }).warned).toEqual([
      "fetch-etl ignores parameters of service a: keepalives.",
    ]);
  });
});

describe("several servers", () => {
  const servers = (env: NodeJS.ProcessEnv, files: Files = {}): unknown => {
    const { value, told } = reading((problems) => readDatabase(sourcesOf(env, files), problems));
    expect(told).toEqual([]);
    if (value === undefined) return undefined;
    return [value, ...value.others].map(
      ({ host, address, port, password }) => `${host} ${address ?? "-"} ${port} ${password?.reveal() ?? "-"}`,
    );
  };

  it.each([
    ["postgres://u@a,b/d", ["a - 5432 -", "b - 5432 -"]],
    ["postgres://u:p@a:1,b:2/d", ["a - 1 p", "b - 2 p"]],
    ["postgres://u@a,b:2/d", ["a - 5432 -", "b - 2 -"]],
    ["postgres://u@[::1]:1,[::2]/d?connect_timeout=3", ["::1 - 1 -", "::2 - 5432 -"]],
    ["postgres://u@/d?host=a,/run/pg&port=7", ["a - 7 -", "/run/pg - 7 -"]],
    ["postgres://u@/d?host=a,b&port=1,2", ["a - 1 -", "b - 2 -"]],
    ["postgres://u@a,b/d?hostaddr=192.0.2.1,::2", ["a 192.0.2.1 5432 -", "b ::2 5432 -"]],
    [
      "postgres://u@/d?hostaddr=192.0.2.1,192.0.2.2",
      ["192.0.2.1 192.0.2.1 5432 -", "192.0.2.2 192.0.2.2 5432 -"],
    ],
  ])("are named by %s", (url, expected) => {
    expect(servers({ DATABASE_URL: url })).toEqual(expected);
  });

  it("are named by the variables", () => {
    expect(servers({ PGHOST: "a,b", PGPORT: "1,2", PGUSER: "u" })).toEqual(["a - 1 -", "b - 2 -"]);
    // The ports of the URL are those of its hosts.
    expect(servers({ DATABASE_URL: "postgres://u@a,b/d", PGPORT: "7" })).toEqual([
      "a - 5432 -",
      "b - 5432 -",
    ]);
  });

  it("each have a password of their own in the password file", () => {
    const files = { "/home/me/.pgpass": "a:*:*:*:pa\n*:2:*:*:pb\n" };
    expect(servers({ DATABASE_URL: "postgres://u@a:1,b:2,c:3/d" }, files)).toEqual([
      "a - 1 pa",
      "b - 2 pb",
      "c - 3 -",
    ]);
  });

  it("are chosen by target_session_attrs and load_balance_hosts", () => {
    const url = "postgres://etl@a,b/logins?target_session_attrs=read-write&load_balance_hosts=random";
    expect(read({ DATABASE_URL: url }).settings).toMatchObject({
      targetSession: "read-write",
      isRandom: true,
    });
    const env = { PGHOST: "a", PGTARGETSESSIONATTRS: "standby", PGLOADBALANCEHOSTS: "disable" };
    expect(read(env).settings).toMatchObject({ targetSession: "standby", isRandom: false });
  });

  it("are all named in a sentence", () => {
    const { value } = reading((problems) =>
      readDatabase(sourcesOf({ DATABASE_URL: "postgres://u@a:1,b/d" }), problems),
    );
    expect(value && place(value)).toBe("a:1, b:5432");
  });
});

describe("the certificates", () => {
  const folder = "/home/me/.postgresql";
  const files = {
    [`${folder}/root.crt`]: "",
    [`${folder}/postgresql.crt`]: "",
    [`${folder}/postgresql.key`]: "",
  };
  const url = (query: string): NodeJS.ProcessEnv => ({ DATABASE_URL: `postgres://etl@db/logins?${query}` });
  const own = {
    certificate: `${folder}/postgresql.crt`,
    key: `${folder}/postgresql.key`,
    password: undefined,
  };

  it("are those of the home folder where none are named", () => {
    expect(read(url(""), files).settings).toMatchObject({
      sslRootCert: `${folder}/root.crt`,
      clientCertificate: own,
    });
    expect(read(url("sslrootcert=system"), files).settings).toMatchObject({ sslRootCert: "system" });
    expect(read(url("sslrootcert=/ca&sslcert=/c&sslkey=/k&sslpassword=pw"), files).settings).toMatchObject({
      sslRootCert: "/ca",
      clientCertificate: { certificate: "/c", key: "/k", password: expect.any(Secret) },
    });
  });

  it.each(["sslmode=disable", "sslcertmode=disable"])("are not sent with %s", (query) => {
    expect(read(url(query), files).settings).toMatchObject({ clientCertificate: undefined });
  });

  it("have their key in the same file, where no other is there", () => {
    expect(read(url("sslcert=/both.pem")).settings).toMatchObject({
      clientCertificate: { certificate: "/both.pem", key: "/both.pem" },
    });
  });

  it("of a home folder that cannot be entered are none", () => {
    const closed = Object.fromEntries(
      Object.keys(files).map((path) => [path, { text: "", error: "EACCES" }]),
    );
    expect(read(url(""), closed).settings).toMatchObject({
      sslRootCert: undefined,
      clientCertificate: undefined,
    });
  });

  it("are none with a key alone", () => {
    expect(read(url("sslkey=/k")).settings).toMatchObject({ clientCertificate: undefined });
  });
});

it("PGREQUIRESSL is the older name of sslmode=require", () => {
  const settings = (env: NodeJS.ProcessEnv): unknown => read({ PGHOST: "db", ...env }).settings;
  expect(settings({ PGREQUIRESSL: "1" })).toMatchObject({ sslMode: "require" });
  expect(settings({ PGREQUIRESSL: "0" })).toMatchObject({ sslMode: "prefer" });
  expect(settings({ PGREQUIRESSL: "1", PGSSLMODE: "verify-full" })).toMatchObject({ sslMode: "verify-full" });
});

it("no secret is in the settings as they are printed", () => {
  const url = "postgres://etl:hunter2@a,b/logins?sslcert=/c&sslkey=/k&sslpassword=hunter2";
  const service = "[prod]\npassword=hunter2\n";
  const files = { "/home/me/.pgpass": "*:*:*:*:hunter2", "/home/me/.pg_service.conf": service };
  for (const env of [
    { DATABASE_URL: url },
    { PGSERVICE: "prod" },
    { PGHOST: "a" },
    { PGHOST: "a", PGPASSWORD: "hunter2" },
  ]) {
    const { value } = reading((problems) => readDatabase(sourcesOf(env, files), problems));
    expect(value?.password?.reveal()).toBe("hunter2");
    expect(inspect(value, { depth: null, showHidden: true }) + JSON.stringify(value)).not.toContain(
      "hunter2",
    );
  }
});
