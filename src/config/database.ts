// Reads the database's settings: DATABASE_URL or libpq's PG* variables.
import { userInfo } from "node:os";
import type { Column, Mapping } from "../mapping/mapping.ts";
import { parseUrl } from "./connection-url.ts";
import { LOGIN } from "./mapping.ts";
import { Given, variables, type Parameter } from "./parameters.ts";
import { passwordFor, readPasswordFile, type Login } from "./password-file.ts";
import { oneOf, type Problems } from "./readers.ts";
import { Secret } from "./secret.ts";
import { readService } from "./service-file.ts";
import { homeFile, type Sources } from "./sources.ts";
import { readTable, type TableFlags, type TableName } from "./table.ts";

/** libpq's `sslmode`; `allow` is treated as `prefer`. */
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof SSL_MODES)[number];

export interface DatabaseSettings {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly sslMode: SslMode;
  /** Path of a PEM file with certificate authorities; undefined for Node's own. */
  readonly sslRootCert: string | undefined;
  /** Seconds; 0 for no limit. */
  readonly connectTimeout: number;
  /** The connection's name in `pg_stat_activity`. */
  readonly applicationName: string;
  /** The table that rows are written to, and its columns that a mapping fills. */
  readonly table: TableName;
  readonly columns: readonly Column[];
  /** Whether rows have idempotency keys. */
  readonly hasKeys?: boolean;
  /** What names the database, for error messages: `DATABASE_URL` or `the PG* variables`, and a service. */
  readonly source: string;
}

/** Host and port, for messages; contains no secret. */
export function place({ host, port }: DatabaseSettings): string {
  return `${host}:${port}`;
}

const DEFAULT_CONNECT_TIMEOUT = "10";
/** The `sslrootcert` for the system's certificate authorities; it requires verify-full (libpq, "Connection Strings"). */
const SYSTEM = "system";

/** A database is configured if one of these is given. */
const LOCATION: readonly Parameter[] = ["host", "port", "dbname", "user", "password", "service"];

/**
 * Reads the settings of the database and its table, as libpq does: the PG* variables supply what DATABASE_URL omits, the user defaults to
 * the operating system's, and the password is looked up in the password file.
 *
 * @returns undefined, with the mistakes added to `problems`, if the settings are invalid
 */
export function readDatabase(
  sources: Sources,
  problems: Problems,
  flags: TableFlags = {},
  mapping: Mapping = LOGIN,
): DatabaseSettings | undefined {
  const { env, systemUser = () => userInfo().username } = sources;
  const table = readTable(flags, env, problems, mapping.table);
  const target = { table, columns: mapping.columns, hasKeys: mapping.dedupe.length > 0 };
  const url = env["DATABASE_URL"] ?? "";
  const fromVariables = variables(env);
  if (url === "" && LOCATION.every((name) => fromVariables[name] === undefined)) {
    problems.add(
      "No database is configured. Set DATABASE_URL (postgres://user:password@host:5432/database), " +
        "or PGHOST, PGUSER, PGPASSWORD and PGDATABASE.",
    );
    return undefined;
  }
  const fromUrl = url === "" ? {} : parseUrl(url, "DATABASE_URL", problems, sources.log);
  if (fromUrl === undefined) return undefined;
  const fromService = readService({ ...fromVariables, ...fromUrl }, sources, problems);
  if (fromService === undefined) return undefined;
  const given = new Given([
    { name: "DATABASE_URL", parameters: fromUrl },
    ...fromService,
    { name: "the PG* variables", parameters: fromVariables },
  ]);
  const mainSource = url === "" ? "the PG* variables" : "DATABASE_URL";
  const user = given.text("user") ?? userOf(systemUser, problems);
  const found = user === undefined ? undefined : connectionOf(given, user, problems);
  if (found === undefined) return undefined;
  return {
    ...found,
    password: passwordOf(given, found, sources),
    ...target,
    source: [mainSource, ...fromService.map(({ name }) => name)].join(" or "),
  };
}

function userOf(systemUser: () => string, problems: Problems): string | undefined {
  try {
    return systemUser();
  } catch {
    problems.add(
      "No database user is configured, and the operating system has no name for this process's user. " +
        "Set PGUSER, or add the user to DATABASE_URL.",
    );
    return undefined;
  }
}

/** As in libpq, an empty password is none. */
function passwordOf(given: Given, login: Login, sources: Sources): Secret | undefined {
  const password = given.text("password") ?? "";
  if (password !== "") return new Secret(password);
  const path = given.text("passfile") ?? homeFile(sources.env, ".pgpass");
  const found = path === undefined ? undefined : passwordFor(readPasswordFile(path, sources), login);
  return found === undefined ? undefined : new Secret(found);
}

type ConnectionSettings = Omit<DatabaseSettings, "password" | "table" | "columns" | "hasKeys" | "source">;

function connectionOf(given: Given, user: string, problems: Problems): ConnectionSettings | undefined {
  const port = digits(given.text("port") ?? "5432");
  const connectTimeout = digits(given.text("connect_timeout") ?? DEFAULT_CONNECT_TIMEOUT);
  const host = given.text("host") ?? "localhost";
  if (host === "") problems.add(`${given.setting("host")} is empty.`);
  if (host.includes(",")) {
    problems.add(`${given.setting("host")} names several hosts, which is not supported. Name one host.`);
  } else if (!(port >= 1 && port <= 65_535)) {
    problems.add(`${given.setting("port")} is not a number from 1 to 65535.`);
  }
  if (Number.isNaN(connectTimeout)) {
    problems.add(`${given.setting("connect_timeout")} is not a whole number of seconds, 0 for no limit.`);
  }
  if (given.text("channel_binding") === "require") {
    problems.add(
      `${given.setting("channel_binding")} is require, which is not supported. Remove it, and use sslmode=verify-full to authenticate ` +
        "the server.",
    );
  }
  const isSystem = given.text("sslrootcert") === SYSTEM;
  const asked = given.text("sslmode") ?? (isSystem ? "verify-full" : "prefer");
  const sslMode = oneOf(asked, given.setting("sslmode"), SSL_MODES, problems);
  if (sslMode === undefined) return undefined;
  if (isSystem && sslMode !== "verify-full") {
    problems.add(
      `${given.setting("sslrootcert")} is system, which requires sslmode verify-full, not ${sslMode}.`,
    );
  }
  return {
    host,
    port,
    database: given.text("dbname") ?? user,
    user,
    sslMode,
    sslRootCert: isSystem ? undefined : given.text("sslrootcert"),
    connectTimeout,
    applicationName: given.text("application_name") ?? "fetch-etl",
  };
}

function digits(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : NaN;
}
