// Reads the database's settings: DATABASE_URL or libpq's PG* variables.
import { userInfo } from "node:os";
import type { Column, Mapping } from "../mapping/mapping.ts";
import { LOGIN } from "./mapping.ts";
import { oneOf, type Problems } from "./readers.ts";
import { Secret } from "./secret.ts";
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
  /** The variable to name in error messages. */
  readonly source: "DATABASE_URL" | "the PG* variables";
}

/** Host and port, for messages; contains no secret. */
export function place({ host, port }: DatabaseSettings): string {
  return `${host}:${port}`;
}

/** libpq's parameters, which a URL's query may contain, and the environment variables for them. */
const PARAMETERS = {
  host: "PGHOST",
  port: "PGPORT",
  dbname: "PGDATABASE",
  user: "PGUSER",
  password: "PGPASSWORD",
  sslmode: "PGSSLMODE",
  sslrootcert: "PGSSLROOTCERT",
  connect_timeout: "PGCONNECT_TIMEOUT",
  application_name: "PGAPPNAME",
  channel_binding: "PGCHANNELBINDING",
} as const;
type Parameter = keyof typeof PARAMETERS;
type Parameters = Partial<Record<Parameter, string>>;

const DEFAULT_CONNECT_TIMEOUT = "10";
/** The `sslrootcert` for the system's certificate authorities; it requires verify-full (libpq, "Connection Strings"). */
const SYSTEM = "system";

/**
 * Reads the settings of the database and its table. As in libpq, the PG* variables supply what DATABASE_URL omits, and the user
 * defaults to the operating system's.
 *
 * @param systemUser the operating system's user; throws if it has no name
 * @returns undefined, with the mistakes added to `problems`, if the settings are invalid
 */
export function readDatabase(
  env: NodeJS.ProcessEnv,
  problems: Problems,
  flags: TableFlags = {},
  mapping: Mapping = LOGIN,
  systemUser: () => string = () => userInfo().username,
): DatabaseSettings | undefined {
  const table = readTable(flags, env, problems, mapping.table);
  const target = { table, columns: mapping.columns, hasKeys: mapping.dedupe.length > 0 };
  const url = env["DATABASE_URL"] ?? "";
  const fromVariables = variables(env);
  if (url === "" && Object.keys(fromVariables).length === 0) {
    problems.add(
      "No database is configured. Set DATABASE_URL (postgres://user:password@host:5432/database), " +
        "or PGHOST, PGUSER, PGPASSWORD and PGDATABASE.",
    );
    return undefined;
  }
  const fromUrl = url === "" ? {} : parseUrl(url, problems);
  if (fromUrl === undefined) return undefined;
  const source = url === "" ? "the PG* variables" : "DATABASE_URL";
  const given = { ...fromVariables, ...fromUrl };
  const user = given.user ?? userOf(systemUser, problems);
  return user === undefined ? undefined : settings({ ...given, user }, source, target, problems);
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

function variables(env: NodeJS.ProcessEnv): Parameters {
  const found: Parameters = {};
  for (const [parameter, variable] of Object.entries(PARAMETERS)) {
    const value = env[variable] ?? "";
    if (value !== "" && isParameter(parameter)) found[parameter] = value;
  }
  return found;
}

function isParameter(name: string): name is Parameter {
  return Object.hasOwn(PARAMETERS, name);
}

const NO_HOST = "no-host.invalid";

/** RFC 3986 as libpq uses it: percent-encoding in every part, parameters in the query. */
function parseUrl(text: string, problems: Problems): Parameters | undefined {
  if (namesSeveralHosts(text)) {
    problems.add(severalHosts("DATABASE_URL"));
    return undefined;
  }
  let url: URL;
  const found: Parameters = {};
  try {
    // libpq's syntax for a Unix socket, `user@/database?host=/folder`, has no host, but URL requires one.
    url = new URL(text.replace(/@(?=[/?]|$)/, `@${NO_HOST}`));
    // A password with an unencoded `#` or `/` ends up here, and its user would be taken for the host.
    if (url.hash !== "" || url.pathname.includes("@")) throw new TypeError("not encoded");
    const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
    const parts: [Parameter, string][] = [
      ["host", host === NO_HOST ? "" : host],
      ["port", url.port],
      ["user", decodeURIComponent(url.username)],
      ["password", decodeURIComponent(url.password)],
      ["dbname", decodeURIComponent(url.pathname.slice(1))],
    ];
    for (const [name, value] of parts) if (value !== "") found[name] = value;
  } catch {
    problems.add(
      "DATABASE_URL is not a URL. Write postgres://user:password@host:5432/database, and percent-encode special characters in the password.",
    );
    return undefined;
  }
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    problems.add("DATABASE_URL must begin with postgres:// or postgresql://.");
    return undefined;
  }
  // libpq takes a plus literally; URLSearchParams would read it as a space.
  for (const [name, value] of new URLSearchParams(url.search.replaceAll("+", "%2B"))) {
    if (isParameter(name)) found[name] = value;
    else if (/^ssl(cert|key|password)$/.test(name)) {
      problems.add(
        `DATABASE_URL has a client certificate (${name}), which is not supported. Log in with a password.`,
      );
    } else problems.add(`DATABASE_URL has an unsupported parameter${shown(name)}. Remove it.`);
  }
  return found;
}

/** Not if the path contains an `@`: then a password contains a `/`. */
function namesSeveralHosts(url: string): boolean {
  const start = url.indexOf("://") + "://".length;
  const found = url.slice(start).search(/[/?#]/);
  const end = found === -1 ? url.length : start + found;
  const authority = url.slice(start, end);
  const [path = ""] = url.slice(end).split("?", 1);
  return authority.slice(authority.lastIndexOf("@") + 1).includes(",") && !path.includes("@");
}

function severalHosts(source: DatabaseSettings["source"]): string {
  return `The host of ${source} names several hosts, which is not supported. Name one host.`;
}

/** The name if it looks like a parameter's; anything else may be part of a password that contains a `?`. */
function shown(name: string): string {
  return /^[a-z_]+$/i.test(name) ? `: ${name}` : "";
}

function digits(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : NaN;
}

function settings(
  given: Parameters & { user: string },
  source: DatabaseSettings["source"],
  target: Pick<DatabaseSettings, "table" | "columns">,
  problems: Problems,
): DatabaseSettings | undefined {
  const { user } = given;
  const port = digits(given.port ?? "5432");
  const connectTimeout = digits(given.connect_timeout ?? DEFAULT_CONNECT_TIMEOUT);
  const isSystem = given.sslrootcert === SYSTEM;
  if (given.host === "") problems.add(`The host of ${source} is empty.`);
  if (given.host?.includes(",") === true) problems.add(severalHosts(source));
  if (!(port >= 1 && port <= 65_535)) {
    problems.add(`The port of ${source} is not a number from 1 to 65535.`);
  }
  if (Number.isNaN(connectTimeout)) {
    problems.add(`The connect_timeout of ${source} is not a whole number of seconds, 0 for no limit.`);
  }
  if (given.channel_binding === "require") {
    problems.add(
      `The channel_binding of ${source} is require, which is not supported. Remove it, and use sslmode=verify-full to authenticate ` +
        "the server.",
    );
  }
  const asked = given.sslmode ?? (isSystem ? "verify-full" : "prefer");
  const sslMode = oneOf(asked, `The sslmode of ${source}`, SSL_MODES, problems);
  if (sslMode === undefined) return undefined;
  if (isSystem && sslMode !== "verify-full") {
    problems.add(
      `The sslrootcert of ${source} is system, which requires sslmode verify-full, not ${sslMode}.`,
    );
  }
  return {
    host: given.host ?? "localhost",
    port,
    database: given.dbname ?? user,
    user,
    password: given.password === undefined ? undefined : new Secret(given.password),
    sslMode,
    sslRootCert: isSystem ? undefined : given.sslrootcert,
    connectTimeout,
    applicationName: given.application_name ?? "fetch-etl",
    ...target,
    source,
  };
}
