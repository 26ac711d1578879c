// libpq's connection parameters, and those of other tools (PostgreSQL documentation, "Database Connection Control Functions").
import type { Problems } from "./readers.ts";
import { sentence } from "./secret-settings.ts";
import type { Warnings } from "./sources.ts";

/** The parameters that are read, and the environment variables for them. */
export const PARAMETERS = {
  host: "PGHOST",
  hostaddr: "PGHOSTADDR",
  port: "PGPORT",
  dbname: "PGDATABASE",
  user: "PGUSER",
  password: "PGPASSWORD",
  passfile: "PGPASSFILE",
  service: "PGSERVICE",
  servicefile: "PGSERVICEFILE",
  sslmode: "PGSSLMODE",
  sslnegotiation: "PGSSLNEGOTIATION",
  sslrootcert: "PGSSLROOTCERT",
  sslcert: "PGSSLCERT",
  sslkey: "PGSSLKEY",
  // libpq has no variable for it.
  sslpassword: undefined,
  sslcertmode: "PGSSLCERTMODE",
  ssl_min_protocol_version: "PGSSLMINPROTOCOLVERSION",
  ssl_max_protocol_version: "PGSSLMAXPROTOCOLVERSION",
  sslcrl: "PGSSLCRL",
  sslcrldir: "PGSSLCRLDIR",
  target_session_attrs: "PGTARGETSESSIONATTRS",
  load_balance_hosts: "PGLOADBALANCEHOSTS",
  connect_timeout: "PGCONNECT_TIMEOUT",
  application_name: "PGAPPNAME",
  options: "PGOPTIONS",
  require_auth: "PGREQUIREAUTH",
  channel_binding: "PGCHANNELBINDING",
  gssencmode: "PGGSSENCMODE",
  requirepeer: "PGREQUIREPEER",
} as const;
export type Parameter = keyof typeof PARAMETERS;
export type Parameters = Partial<Record<Parameter, string>>;

/** The parameters from one place. */
export interface Source {
  /** For sentences, such as `DATABASE_URL`. */
  readonly name: string;
  readonly parameters: Parameters;
}

/** The parameters from several places. */
export class Given {
  readonly #sources: readonly Source[];

  /** @param sources the first that has a parameter decides it */
  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  text(name: Parameter): string | undefined {
    return this.#sourceOf(name)?.parameters[name];
  }

  /** The parameter in a sentence: `The port of DATABASE_URL`. */
  setting(name: Parameter): string {
    return `The ${name} of ${this.#sourceOf(name)?.name ?? "the database"}`;
  }

  #sourceOf(name: Parameter): Source | undefined {
    return this.#sources.find(({ parameters }) => parameters[name] !== undefined);
  }
}

/** An empty variable counts as unset. */
export function variables(env: NodeJS.ProcessEnv): Parameters {
  const found: Parameters = {};
  for (const [parameter, variable] of Object.entries(PARAMETERS)) {
    const value = variable === undefined ? "" : (env[variable] ?? "");
    if (value !== "" && isParameter(parameter)) found[parameter] = value;
  }
  // Its older name.
  if (env["PGREQUIRESSL"]?.startsWith("1") === true) found.sslmode ??= "require";
  return found;
}

function isParameter(name: string): name is Parameter {
  return Object.hasOwn(PARAMETERS, name);
}

/** Parameters of libpq and of other tools that change nothing here. */
const IGNORED: ReadonlySet<string> = new Set(
  [
    // libpq
    "client_encoding fallback_application_name gssdelegation gsslib keepalives keepalives_count keepalives_idle keepalives_interval",
    "krbsrvname max_protocol_version sslcompression sslsni tcp_user_timeout",
    // Prisma
    "connection_limit max_idle_connection_lifetime pgbouncer pool_timeout schema socket_timeout statement_cache_size",
    // Supabase and its pooler
    "pool_mode supa workaround",
    // Django, SQLAlchemy, Rails
    "checkout_timeout conn_health_checks conn_max_age encoding max_overflow pool pool_pre_ping pool_recycle pool_size",
    "prepared_statement_cache_size prepared_statements reaping_frequency",
    // node-postgres and Postgres.js
    "idle_timeout max max_lifetime prepare uselibpqcompat",
    // pgx
    "default_query_exec_mode description_cache_capacity pool_health_check_period pool_max_conn_idle_time pool_max_conn_lifetime",
    "pool_max_conns pool_min_conns statement_cache_capacity statement_cache_mode",
    // JDBC
    "ApplicationName binaryTransfer currentSchema defaultRowFetchSize prepareThreshold reWriteBatchedInserts tcpKeepAlive",
  ].flatMap((names) => names.split(" ")),
);

/** Other tools' parameters without which the connection would not be the one that was asked for, and what to set in their place. */
const INSTEAD: Readonly<Record<string, string>> = {
  ssl: "Set sslmode",
  sslaccept: "Set sslmode=verify-full",
  sslfactory: "Set sslmode",
  sslhostnameverifier: "Set sslmode=verify-full",
  targetServerType: "Set target_session_attrs",
  sslidentity: "Convert the file with openssl pkcs12, and set sslcert and sslkey",
};

/** Values of theirs that ask for no more than the default. */
const WEAK: Readonly<Record<string, string>> = { sslaccept: "accept_invalid_certs" };

/**
 * The parameters among names and values; of two values of one name, the last.
 *
 * @param source for the sentences
 * @param log gets the names of those that change nothing
 */
export function readParameters(
  pairs: Iterable<readonly [name: string, value: string]>,
  source: string,
  problems: Problems,
  log: Warnings,
): Parameters {
  const found: Parameters = {};
  const ignored = new Set<string>();
  let isTls = false;
  for (const [name, value] of pairs) {
    if (isParameter(name)) found[name] = value;
    else if (IGNORED.has(name) || WEAK[name] === value) ignored.add(name);
    else if (name === "ssl" && value === "true") isTls = true;
    else problems.add(`${sentence(source)} has an unsupported parameter${shown(name)}. ${insteadOf(name)}`);
  }
  if (ignored.size > 0) log.warn(`fetch-etl ignores parameters of ${source}: ${[...ignored].join(", ")}.`);
  if (!isTls) return found;
  // As for libpq, which has this one parameter of JDBC.
  found.sslmode ??= "require";
  if (/^(disable|allow|prefer)$/.test(found.sslmode)) {
    problems.add(
      `${sentence(source)} has ssl=true, and an sslmode that allows a connection without TLS. Remove one.`,
    );
  }
  return found;
}

function insteadOf(name: string): string {
  return Object.hasOwn(INSTEAD, name) ? `${INSTEAD[name] ?? ""} instead.` : "Remove it.";
}

/** The name if it looks like a parameter's; anything else may be part of a password that contains a `?`. */
function shown(name: string): string {
  return /^[a-z_]+$/i.test(name) ? `: ${name}` : "";
}
