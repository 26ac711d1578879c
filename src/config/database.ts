// Reads the database's settings: DATABASE_URL or libpq's PG* variables.
import { userInfo } from "node:os";
import type { Column, Mapping } from "../mapping/mapping.ts";
import { parseUrl } from "./connection-url.ts";
import { LOGIN } from "./mapping.ts";
import { Given, variables, type Parameter } from "./parameters.ts";
import { passwordFor, readPasswordFile } from "./password-file.ts";
import { checkRdsIam, defaultSslMode, readDatabaseAuth, type DatabaseAuth } from "./rds.ts";
import { Problems } from "./readers.ts";
import { readRequireAuth, type AuthenticationMethod } from "./require-auth.ts";
import { Secret } from "./secret.ts";
import { originOf } from "./secret-settings.ts";
import { digits, readServerChoice, readServers, type ServerAddress, type ServerChoice } from "./servers.ts";
import { readService } from "./service-file.ts";
import type { Sources } from "./sources.ts";
import { readTls, type TlsSettings } from "./tls.ts";
import { readTable, type TableFlags, type TableName } from "./table.ts";

interface Server extends ServerAddress {
  readonly password: Secret | undefined;
  /** The path of the password file that has the password, if one has. */
  readonly passwordFile: string | undefined;
}

/** Its own host, address, port and password are those of the first server. */
export interface DatabaseSettings extends Server, TlsSettings, ServerChoice {
  /** The servers to try after the first. */
  readonly others: readonly Server[];
  readonly database: string;
  readonly user: string;
  readonly auth: DatabaseAuth;
  /** How the server may authenticate the client; undefined for any way. */
  readonly requireAuth: ReadonlySet<AuthenticationMethod> | undefined;
  /** Seconds; 0 for no limit. */
  readonly connectTimeout: number;
  /** The connection's name in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Who runs this process, for the record of access. */
  readonly client: {
    /** The operating system's user; `unknown` if it has no name. */
    readonly user: string;
    readonly host: string;
  };
  /** The server's command-line options for the session, such as `-c statement_timeout=5min`. */
  readonly options: string | undefined;
  /** The table that rows are written to, and its columns that a mapping fills. */
  readonly table: TableName;
  readonly columns: readonly Column[];
  /** Whether rows have idempotency keys. */
  readonly hasKeys?: boolean;
  /** What names the database, for error messages: `DATABASE_URL` or `the PG* variables`, and a service. */
  readonly source: string;
  /**
   * Reads the secrets again, because a password can change during a run. Undefined if all of them are in variables.
   *
   * @throws {Failure} if that fails
   */
  readonly renew?: (() => Promise<DatabaseSettings>) | undefined;
}

/** Host and port of each server, for messages; contains no secret. */
export function place(settings: DatabaseSettings): string {
  return [settings, ...settings.others].map(({ host, port }) => `${host}:${port}`).join(", ");
}

/** Hides a text that does not look like a name: a password may have been set in its place. */
export function shown(name: string): string {
  return /^[\w.-]{1,63}$/.test(name) ? `"${name}"` : "(not shown)";
}

/** The settings for each server alone, of any kind, without {@link DatabaseSettings.renew}. */
export function eachServer(settings: DatabaseSettings): DatabaseSettings[] {
  return [settings, ...settings.others].map((server) => ({
    ...settings,
    host: server.host,
    address: server.address,
    port: server.port,
    password: server.password,
    passwordFile: server.passwordFile,
    others: [],
    targetSession: "any",
    renew: undefined,
  }));
}

const DEFAULT_CONNECT_TIMEOUT = "10";

/** A database is configured if one of these is given. */
const LOCATION: readonly Parameter[] = ["host", "hostaddr", "port", "dbname", "user", "password", "service"];

/** Parameters that are not supported, the values that change nothing, and what to do instead. */
const UNSUPPORTED: readonly (readonly [name: Parameter, harmless: RegExp, instead: string])[] = [
  ["channel_binding", /^(disable|prefer)$/, "use sslmode=verify-full to authenticate the server"],
  ["gssencmode", /^(disable|prefer)$/, "use sslmode=verify-full to encrypt the connection"],
  ["requirepeer", /^$/, "use a socket in a folder that only the server's user can write to"],
  ["sslcertmode", /^(disable|allow)$/, "set clientcert in pg_hba.conf"],
  ["sslcrl", /^$/, "use an authority whose certificates are valid for a short time"],
  ["sslcrldir", /^$/, "use an authority whose certificates are valid for a short time"],
];

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
  const { env, secrets, systemUser = systemUserName } = sources;
  const table = readTable(flags, problems, mapping.table);
  const target = { table, columns: mapping.columns, hasKeys: mapping.dedupe.length > 0 };
  if (secrets.failed.has("DATABASE_URL") || secrets.failed.has("PGPASSWORD")) return undefined;
  const url = env["DATABASE_URL"] ?? "";
  const fromVariables = variables(env);
  if (url === "" && LOCATION.every((name) => fromVariables[name] === undefined)) {
    problems.add(
      "No database is configured. Set DATABASE_URL (postgres://user:password@host:5432/database), " +
        "or PGHOST, PGUSER, PGPASSWORD and PGDATABASE.",
    );
    return undefined;
  }
  const fromUrl = url === "" ? {} : parseUrl(url, originOf("DATABASE_URL", secrets), problems, sources.log);
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
  const addresses = readServers(given, problems);
  const found = user === undefined ? undefined : connectionOf(given, { user, addresses }, sources, problems);
  if (found === undefined) return undefined;
  const [first, ...others] = withPasswords(given, addresses, found, sources);
  return {
    ...first,
    others,
    ...found,
    ...target,
    source: [mainSource, ...fromService.map(({ name }) => name)].join(" or "),
    renew: renewal(sources, flags, mapping),
  };
}

function renewal(
  { renewed }: Sources,
  flags: TableFlags,
  mapping: Mapping,
): (() => Promise<DatabaseSettings>) | undefined {
  if (renewed === undefined) return undefined;
  return async () => {
    const problems = new Problems();
    // The warnings have already been printed.
    const again = { ...(await renewed()), log: { warn: () => undefined } };
    return problems.complete({ settings: readDatabase(again, problems, flags, mapping) }).settings;
  };
}

function clientUser({ systemUser = systemUserName }: Sources): string {
  try {
    return systemUser();
  } catch {
    return "unknown";
  }
}

function systemUserName(): string {
  return userInfo().username;
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

/** Adds the password for each server. As in libpq, an empty one is none. */
function withPasswords(
  given: Given,
  servers: readonly [ServerAddress, ...ServerAddress[]],
  login: Pick<DatabaseSettings, "database" | "user" | "auth">,
  sources: Sources,
): [Server, ...Server[]] {
  const password = given.text("password") ?? "";
  const file =
    password === "" && login.auth === "password"
      ? readPasswordFile(given.text("passfile"), sources)
      : undefined;
  const add = (server: ServerAddress): Server => {
    if (file === undefined) return { ...server, password: new Secret(password), passwordFile: undefined };
    const found = passwordFor(file.text, { ...server, ...login });
    return found === undefined
      ? { ...server, password: undefined, passwordFile: undefined }
      : { ...server, password: new Secret(found), passwordFile: file.path };
  };
  const [first, ...others] = servers;
  return [add(first), ...others.map(add)];
}

type ConnectionSettings = Omit<
  DatabaseSettings,
  keyof Server | "others" | "table" | "columns" | "hasKeys" | "source" | "renew"
>;

function connectionOf(
  given: Given,
  { user, addresses }: { readonly user: string; readonly addresses: readonly ServerAddress[] },
  sources: Sources,
  problems: Problems,
): ConnectionSettings | undefined {
  const connectTimeout = digits(given.text("connect_timeout") ?? DEFAULT_CONNECT_TIMEOUT);
  if (Number.isNaN(connectTimeout)) {
    problems.add(`${given.setting("connect_timeout")} is not a whole number of seconds, 0 for no limit.`);
  }
  for (const [name, harmless, instead] of UNSUPPORTED) {
    const text = given.text(name) ?? "";
    if (text !== "" && !harmless.test(text)) {
      problems.add(`${given.setting(name)} has a value that is not supported. Remove it, and ${instead}.`);
    }
  }
  const requireAuth = readRequireAuth(given, problems);
  const choice = readServerChoice(given, problems);
  const auth = readDatabaseAuth(sources.env, problems);
  const tls = readTls(given, sources, problems, defaultSslMode(auth, addresses));
  if (tls === undefined) return undefined;
  if (auth === "rds-iam") checkRdsIam(given, addresses, { ...tls, requireAuth }, problems);
  return {
    ...tls,
    ...choice,
    ...{ user, auth, requireAuth, connectTimeout },
    database: given.text("dbname") ?? user,
    applicationName: given.text("application_name") ?? "fetch-etl",
    client: { user: clientUser(sources), host: sources.host },
    options: given.text("options"),
  };
}
