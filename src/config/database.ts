// Finds the database: DATABASE_URL, or libpq's PG* variables.
import { userInfo } from "node:os";
import { oneOf, type Problems } from "./readers.ts";
import { Secret } from "./secret.ts";
import { readTable, type TableFlags, type TableName } from "./table.ts";

/** libpq's `sslmode`; `allow` is taken as `prefer`. */
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof SSL_MODES)[number];

export interface DatabaseSettings {
  /** A host name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly sslMode: SslMode;
  /** Path of a PEM file with certificate authorities; undefined for those that Node knows. */
  readonly sslRootCert: string | undefined;
  /** Seconds; 0 for no limit. */
  readonly connectTimeout: number;
  /** What Postgres shows of the connection (`pg_stat_activity`). */
  readonly applicationName: string;
  /** Where the logins are. */
  readonly table: TableName;
  /** The variable to name when something is wrong with these settings. */
  readonly source: "DATABASE_URL" | "the PG* variables";
}

/** Where the database is, for a sentence; holds no secret. */
export function place({ host, port }: DatabaseSettings): string {
  return `${host}:${port}`;
}

/** libpq's parameter names, as a URL's query may hold them, and the variables that stand for them. */
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
/** The `sslrootcert` for the authorities that everybody knows; it asks for the host's name too (libpq, "Connection Strings"). */
const SYSTEM = "system";

/**
 * Reads where the database is, and the table in it. What DATABASE_URL leaves out is taken from the PG* variables, and the user, where
 * neither names one, is the operating system's, all as by libpq.
 *
 * @param systemUser the operating system's user; throws where it has no name for it
 * @returns undefined, with the mistakes added to `problems`, where the settings cannot be used
 */
export function readDatabase(
  env: NodeJS.ProcessEnv,
  problems: Problems,
  flags: TableFlags = {},
  systemUser: () => string = () => userInfo().username,
): DatabaseSettings | undefined {
  const table = readTable(flags, env, problems);
  const url = env["DATABASE_URL"] ?? "";
  const fromVariables = variables(env);
  if (url === "" && Object.keys(fromVariables).length === 0) {
    problems.add(
      "There is no database: set DATABASE_URL (postgres://user:password@host:5432/database), or PGHOST, PGUSER, PGPASSWORD and PGDATABASE.",
    );
    return undefined;
  }
  const fromUrl = url === "" ? {} : parseUrl(url, problems);
  if (fromUrl === undefined) return undefined;
  const source = url === "" ? "the PG* variables" : "DATABASE_URL";
  const given = { ...fromVariables, ...fromUrl };
  const user = given.user ?? userOf(systemUser, problems);
  return user === undefined ? undefined : settings({ ...given, user }, source, table, problems);
}

function userOf(systemUser: () => string, problems: Problems): string | undefined {
  try {
    return systemUser();
  } catch {
    problems.add(
      "No database user is set, and this process's user has no name in the operating system: set PGUSER, or name the user in DATABASE_URL.",
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
    // libpq's way to name a Unix socket, `user@/database?host=/folder`, has no host, and no URL may be without.
    url = new URL(text.replace(/@(?=[/?]|$)/, `@${NO_HOST}`));
    // The end of a password with a `#` or a `/` in it, which would be looked for on a host named as the user.
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
      "DATABASE_URL is not a URL: write postgres://user:password@host:5432/database, with special characters of the password percent-encoded.",
    );
    return undefined;
  }
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    problems.add("DATABASE_URL must begin with postgres:// or postgresql://.");
    return undefined;
  }
  // A plus is a plus for libpq; a form's fields would have it stand for a blank.
  for (const [name, value] of new URLSearchParams(url.search.replaceAll("+", "%2B"))) {
    if (isParameter(name)) found[name] = value;
    else if (/^ssl(cert|key|password)$/.test(name)) {
      problems.add(
        `DATABASE_URL names a client's certificate (${name}), which is not known here: log in with a password.`,
      );
    } else problems.add(`DATABASE_URL has a parameter that is not known here${shown(name)}. Remove it.`);
  }
  return found;
}

/** An `@` in what looks like the path is the end of a password with a `/` in it. */
function namesSeveralHosts(url: string): boolean {
  const start = url.indexOf("://") + "://".length;
  const found = url.slice(start).search(/[/?#]/);
  const end = found === -1 ? url.length : start + found;
  const authority = url.slice(start, end);
  const [path = ""] = url.slice(end).split("?", 1);
  return authority.slice(authority.lastIndexOf("@") + 1).includes(",") && !path.includes("@");
}

function severalHosts(source: DatabaseSettings["source"]): string {
  return `The host of ${source} must be one host: several hosts are not supported yet. Name the one to use.`;
}

/** What does not look like a parameter's name may be the end of a password with a `?` in it. */
function shown(name: string): string {
  return /^[a-z_]+$/i.test(name) ? `: ${name}` : "";
}

function digits(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : NaN;
}

function settings(
  given: Parameters & { user: string },
  source: DatabaseSettings["source"],
  table: TableName,
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
      `The channel_binding of ${source} is require, which is not known here: take it out. ` +
        "sslmode=verify-full makes sure that it is the right server.",
    );
  }
  const asked = given.sslmode ?? (isSystem ? "verify-full" : "prefer");
  const sslMode = oneOf(asked, `The sslmode of ${source}`, SSL_MODES, problems);
  if (sslMode === undefined) return undefined;
  if (isSystem && sslMode !== "verify-full") {
    problems.add(
      `The sslrootcert of ${source} is system, which goes with sslmode verify-full alone: not ${sslMode}.`,
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
    table,
    source,
  };
}
