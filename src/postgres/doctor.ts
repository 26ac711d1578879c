// The checks of `fetch-etl doctor` in the database: the server, and whether its tables take a drain's rows. Writes nothing.
import { isIP } from "node:net";
import { ahead, checkClock } from "../doctor/clocks.ts";
import {
  allSkipped,
  DATABASE_CHECKS,
  failed,
  ok,
  skipped,
  warning,
  type Check,
  type CheckName,
} from "../doctor/check.ts";
import { count } from "../failure.ts";
import { place, shown, type DatabaseSettings } from "../config/database.ts";
import { tableText, type TableName } from "../config/table.ts";
import { findTables, isOneOf, RELATIONS, unloggedTables } from "./catalogue.ts";
import { connect, type Connection, type Sql } from "./connection.ts";
import { asFailure } from "./errors.ts";
import { explainForbidden, forbidden, forbiddenByPolicy } from "./forbidden.ts";
import { checkKeyOfRows } from "./key-history.ts";
import { requireOwnIndexes } from "./ledger.ts";
import { MIGRATIONS, RUNS, tablesFor, written } from "./migrations.ts";
import { fullName } from "./quote.ts";
import {
  COUNT_RIGHT,
  lacking,
  missingGrants,
  PRUNE_RIGHT,
  PRUNE_RUNS_RIGHT,
  RECORD_RIGHTS,
  rightsFor,
} from "./rights.ts";
import { lacksOnlyRuns, migrationProblem, neededState, runsProblem, schemaState } from "./schema.ts";
import { checkTarget, type Target } from "./target-table.ts";
import { checkPublicSchema, checkTableCode } from "./table-code.ts";
import { checksCertificate, trustedText } from "./tls.ts";
import { inTransaction, READ_COMMITTED, SNAPSHOT } from "./transaction.ts";

/** The only encoding with every character. */
const UNICODE = "UTF8";
/** `server_version_num` of the oldest version that is supported. */
const OLDEST = 100_000;

/**
 * The checks of {@link DATABASE_CHECKS}, in their order.
 *
 * @param keepsVault whether a drain with these settings writes to the vault
 * @param now epoch milliseconds
 * @param keyIds of the configured masking keys, the one that masks first; empty if there is no usable key
 */
export async function checkDatabase(
  settings: DatabaseSettings,
  keepsVault: boolean,
  now: () => number,
  keyIds: readonly string[] = [],
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
    const reached = await checkServer(connection, settings);
    return [
      reached,
      await run("TLS", () => checkTls(connection, settings)),
      await run("Postgres clock", () => checkServerClock(sql, now)),
      ...(await checkTables(sql, settings, keepsVault, run)),
      await checkKeyOfRows(sql, settings, keyIds),
    ];
  } catch (error) {
    const failure = asFailure(error, settings, "checking the database");
    const finding = failure.kind === "unavailable" ? "not reached" : "cannot be used";
    return [failed(database, finding, failure), ...allSkipped(others, "not checked: see database")];
  } finally {
    await connection.close();
  }
}

async function checkServer({ sql, server: chosen }: Connection, settings: DatabaseSettings): Promise<Check> {
  const name = "database";
  const [server] = await sql<{ version: number; encoding: string }[]>`
    select pg_catalog.current_setting('server_version_num')::integer as version,
           pg_catalog.current_setting('server_encoding') as encoding`;
  const number = server?.version ?? 0;
  const version = `PostgreSQL ${Math.floor(number / 10_000)}.${number % 10_000}`;
  const { user, database } = settings;
  const finding = `${shown(database)} at ${place(chosen())}, ${version}, user ${shown(user)}`;
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
  const { sslMode, source } = settings;
  const server = connection.server();
  if (await connection.isEncrypted()) {
    return ok(name, `on, ${checked(server)} (sslmode ${sslMode})`);
  }
  if (isLocal(server.host)) return ok(name, "off; the server is on this machine");
  return warning(
    name,
    `off (sslmode ${sslMode}), although the server is on another machine`,
    `Enable TLS in the server, and set sslmode=verify-full in ${source}.`,
  );
}

function checked(settings: DatabaseSettings): string {
  if (!checksCertificate(settings)) return "certificate not verified";
  const by = `against the authorities of ${trustedText(settings)}`;
  return settings.sslMode === "verify-full"
    ? `certificate and host name verified ${by}`
    : `certificate verified ${by}, host name not verified`;
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

/** @param run makes a failed check out of an error */
async function checkTables(
  sql: Sql,
  settings: DatabaseSettings,
  keepsVault: boolean,
  run: (name: CheckName, check: () => Promise<Check>) => Promise<Check>,
): Promise<readonly Check[]> {
  const { user, table: target } = settings;
  const wanted = tablesFor(target, keepsVault);
  const present = new Set((await findTables(sql, wanted)).map(fullName));
  const exists = (table: TableName): boolean => present.has(fullName(table));
  const rightsCheck = await run("database rights", async () => {
    const rights = rightsFor(target, keepsVault).filter(({ schema = "fetch_etl", table }) =>
      exists({ schema, name: table }),
    );
    if (rights.length === 0) return skipped("database rights", NO_TABLE);
    const grants = await missingGrants(sql, user, rights);
    if (grants.length === 0) {
      const counting = exists(QUARANTINE) ? await missingGrants(sql, user, [COUNT_RIGHT]) : [];
      return counting.length === 0
        ? ok("database rights", "all that a drain needs")
        : warning(
            "database rights",
            "all that a drain needs, without the metric fetch_etl_quarantine_held",
            lacking(user, "counting the quarantine, without which its alert does not fire", counting),
          );
    }
    const message = lacking(user, "a drain", grants);
    return failed("database rights", "some missing", { kind: "configuration", message });
  });
  return [
    await run("tables", () => checkPresence(sql, settings, keepsVault)),
    await run("columns", async () =>
      exists(target) ? checkColumns(sql, settings) : skipped("columns", NO_TABLE),
    ),
    rightsCheck,
    await run("writing", async () => {
      if (rightsCheck.status !== "ok" && rightsCheck.status !== "warning")
        return skipped("writing", "not checked: see database rights");
      return checkWriting(sql, settings, wanted.filter(exists));
    }),
    await run("triggers", () => checkTableCode(sql, target)),
    await run("public schema", () => checkPublicSchema(sql)),
    await run("ledger", () => checkLedger(sql)),
    await run("run history", () => checkHistory(sql, settings)),
  ];
}

const QUARANTINE: TableName = { schema: "fetch_etl", name: "quarantine" };
const NO_TABLE = "not checked: there is no table yet";

const BY = 'by "fetch-etl init" or the first drain';

async function checkPresence(
  sql: Sql,
  { user, table, hasKeys = false }: DatabaseSettings,
  keepsVault: boolean,
): Promise<Check> {
  const name = "tables";
  const state = await neededState(sql, user, await schemaState(sql, table, keepsVault));
  const { missing, version } = state;
  const isOutdated = version !== undefined && version !== MIGRATIONS.length;
  if (!lacksOnlyRuns(state) || isOutdated) {
    const problem = await migrationProblem(sql, user, state);
    if (problem !== undefined)
      return failed(name, missing.length > 0 ? "some missing" : "wrong version", problem);
    return ok(
      name,
      missing.length > 0
        ? `to be created ${BY}: ${missing.map(fullName).join(", ")}`
        : `to be migrated to version ${MIGRATIONS.length} ${BY}`,
    );
  }
  if (hasKeys) await requireOwnIndexes(sql);
  const tables = tablesFor(table, keepsVault);
  const finding = `all ${tables.length} exist`;
  const unlogged = await unloggedTables(sql, tables);
  return unlogged === undefined ? ok(name, finding) : warning(name, `${finding}, some unlogged`, unlogged);
}

async function checkColumns(sql: Sql, target: Target): Promise<Check> {
  const [message] = (await checkTarget(sql, target)).problems;
  if (message === undefined)
    return ok("columns", `${tableText(target.table)} has all columns that a drain writes`);
  return failed("columns", "missing or unsuitable", { kind: "configuration", message });
}

/** Planning an insert waits for a session that alters the table. */
const TIME_LIMIT = "set local lock_timeout = '5s'";

/**
 * Checks, without any effect, that Postgres takes a drain's inserts: it plans one into each table, as a drain does it. This detects policies, settings, rules, views that take no rows, and
 * missing rights. It does not detect what depends on a row: partitions, constraints, triggers.
 *
 * @param tables those that a drain needs and that exist
 */
async function checkWriting(
  sql: Sql,
  settings: DatabaseSettings,
  tables: readonly TableName[],
): Promise<Check> {
  const name = "writing";
  const failure = await forbidden(sql, settings, tables);
  if (failure !== undefined) return failed(name, "forbidden", failure);
  for (const table of written(tables)) {
    const full = fullName(table);
    const conflicts = table.schema === "fetch_etl" ? "on conflict do nothing" : "";
    try {
      await inTransaction(sql, READ_COMMITTED, async (tx) => {
        await tx.unsafe(TIME_LIMIT);
        await tx.unsafe(
          `explain with written as (insert into ${full} default values ${conflicts} returning 1) select from written`,
        );
      });
    } catch (error) {
      const explained = await explainForbidden(error, sql, settings);
      return failed(
        name,
        `refused by ${full}`,
        asFailure(explained, settings, `planning an insert into ${full}`),
      );
    }
  }
  return ok(name, "Postgres accepts a drain's inserts, tested without a row");
}

/** Postgres's estimate of the entries: counting them would read the whole ledger. */
async function checkLedger(sql: Sql): Promise<Check> {
  const [ledger] = await inTransaction(sql, SNAPSHOT, async (tx) => {
    // The size takes a lock, for which it may have to wait.
    await tx.unsafe("set local statement_timeout = '5s'");
    return tx.unsafe<{ entries: string; size: string; prune: boolean }[]>(`
      select c.reltuples::bigint as entries, pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size(c.oid)) as size,
             pg_catalog.has_table_privilege(c.oid, 'delete') as prune
      from ${RELATIONS} where ${isOneOf([{ schema: "fetch_etl", name: "ledger" }])}`);
  });
  if (ledger === undefined) return skipped("ledger", NO_TABLE);
  // -1 before the first ANALYZE, and 0 before Postgres 14.
  const estimate = Number(ledger.entries);
  const entries = estimate > 0 ? `about ${count(estimate)} entries, ` : "";
  const prune = ledger.prune
    ? "pruned by each drain"
    : "drains cannot prune it: delete old entries yourself, or grant DELETE";
  return ok("ledger", `${entries}${ledger.size}; ${prune}`);
}

/** The run history is optional, so a missing table or right is only a warning. */
async function checkHistory(sql: Sql, settings: DatabaseSettings): Promise<Check> {
  const name = "run history";
  const { user, table } = settings;
  const state = await schemaState(sql, table, false);
  if (state.missing.includes(RUNS)) {
    if (!lacksOnlyRuns(state)) return skipped(name, NO_TABLE);
    const problem = await runsProblem(sql, user, state);
    return problem === undefined
      ? ok(name, `to be created ${BY}: ${fullName(RUNS)}`)
      : warning(name, "drains are not recorded", problem.message);
  }
  const policy = await forbiddenByPolicy(sql, [RUNS]);
  if (policy !== undefined) return warning(name, "drains are not recorded", policy.message);
  const grants = await missingGrants(sql, user, RECORD_RIGHTS);
  if (grants.length > 0)
    return warning(name, "drains are not recorded", lacking(user, "recording its runs", grants));
  const prunes = (await missingGrants(sql, user, [PRUNE_RIGHT, PRUNE_RUNS_RIGHT])).length === 0;
  return ok(
    name,
    prunes
      ? "recorded in fetch_etl.runs; pruned by each drain"
      : "recorded in fetch_etl.runs; drains cannot prune it: delete old runs yourself, or grant DELETE",
  );
}
