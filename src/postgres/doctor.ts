// The checks of `fetch-etl doctor` in the database. Writes nothing.
import { isIP } from "node:net";
import { ahead, checkClock } from "../doctor/clocks.ts";
import {
  allSkipped,
  DATABASE_CHECKS,
  failed,
  ok,
  warning,
  type Check,
  type CheckName,
} from "../doctor/check.ts";
import { place, type DatabaseSettings } from "../config/database.ts";
import { connect, type Connection, type Sql } from "./connection.ts";
import { asFailure, shown } from "./errors.ts";
import { checkTables } from "./doctor-tables.ts";
import { checksCertificate } from "./tls.ts";

/** The only encoding with every character. */
const UNICODE = "UTF8";
/** `server_version_num` of the oldest version that is supported. */
const OLDEST = 100_000;

/**
 * The checks of {@link DATABASE_CHECKS}, in their order.
 *
 * @param keepsVault whether a drain with these settings writes to the vault
 * @param now epoch milliseconds
 */
export async function checkDatabase(
  settings: DatabaseSettings,
  keepsVault: boolean,
  now: () => number,
): Promise<readonly Check[]> {
  const [database, ...others] = DATABASE_CHECKS;
  const connection = connect(settings);
  const { sql } = connection;
  const run = async (name: CheckName, check: () => Promise<Check>): Promise<Check> => {
    try {
      return await check();
    } catch (error) {
      return failed(name, "check failed", asFailure(error, settings, "checking the database"));
    }
  };
  try {
    const reached = await checkServer(sql, settings);
    return [
      reached,
      await run("TLS", () => checkTls(connection, settings)),
      await run("Postgres clock", () => checkServerClock(sql, now)),
      ...(await checkTables(sql, settings, keepsVault, run)),
    ];
  } catch (error) {
    const failure = asFailure(error, settings, "checking the database");
    const finding = failure.kind === "unavailable" ? "not reached" : "cannot be used";
    return [failed(database, finding, failure), ...allSkipped(others, "not checked: see database")];
  } finally {
    await connection.close();
  }
}

async function checkServer(sql: Sql, settings: DatabaseSettings): Promise<Check> {
  const name = "database";
  const [server] = await sql<{ version: number; encoding: string }[]>`
    select pg_catalog.current_setting('server_version_num')::integer as version,
           pg_catalog.current_setting('server_encoding') as encoding`;
  const number = server?.version ?? 0;
  const version = `PostgreSQL ${Math.floor(number / 10_000)}.${number % 10_000}`;
  const { user, database } = settings;
  const finding = `${shown(database)} at ${place(settings)}, ${version}, user ${shown(user)}`;
  const encoding = server?.encoding ?? UNICODE;
  if (number >= OLDEST) return encoding === UNICODE ? ok(name, finding) : otherEncoding(finding, encoding);
  const message = `fetch-etl needs PostgreSQL ${OLDEST / 10_000} or later. Upgrade the server, or set another one in ${settings.source}.`;
  return failed(name, finding, { kind: "configuration", message });
}

function otherEncoding(finding: string, encoding: string): Check {
  const consequence =
    encoding === "SQL_ASCII"
      ? "With this encoding, Postgres counts bytes instead of characters, and does not validate text."
      : "fetch-etl quarantines messages with characters that this encoding does not have.";
  return warning(
    "database",
    `${finding}, encoding ${encoding}`,
    `${consequence} Use a database with encoding ${UNICODE}.`,
  );
}

async function checkTls(connection: Connection, settings: DatabaseSettings): Promise<Check> {
  const name = "TLS";
  const { host, sslMode, source } = settings;
  if (await connection.isEncrypted()) {
    return ok(name, `on, ${checked(settings)} (sslmode ${sslMode})`);
  }
  if (isLocal(host)) return ok(name, "off; the server is on this machine");
  return warning(
    name,
    `off (sslmode ${sslMode}), although the server is on another machine`,
    `Enable TLS in the server, and set sslmode=verify-full in ${source}.`,
  );
}

function checked(settings: DatabaseSettings): string {
  if (!checksCertificate(settings)) return "certificate not verified";
  return settings.sslMode === "verify-full"
    ? "certificate and host name verified"
    : "certificate verified, host name not verified";
}

function isLocal(host: string): boolean {
  if (host.startsWith("/") || host === "localhost") return true;
  return isIP(host) === 4 ? host.startsWith("127.") : host === "::1";
}

async function checkServerClock(sql: Sql, now: () => number): Promise<Check> {
  const from = now();
  const [server] = await sql<{ at: string }[]>`
    select (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) operator(pg_catalog.*) 1000)::bigint as at`;
  const to = now();
  const at = server === undefined ? to : Number(server.at);
  return checkClock("Postgres clock", ahead({ from, to }, { from: at, to: at }));
}
