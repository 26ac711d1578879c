// Translates errors of the driver. Postgres's messages quote data, so that only codes and names are kept.
import type { Sql } from "postgres";
import { place, shown, type DatabaseSettings } from "../config/database.ts";
import { DatabaseLost, LoadError, RowRefused, StatementCancelled, type RefusalOf } from "../drain/ports.ts";
import { Failure, Missing, printable } from "../failure.ts";
import { fullName } from "./quote.ts";
import { errorCode } from "./tls.ts";

/**
 * SQLSTATE classes (PostgreSQL documentation, appendix A) of errors that a value causes, or that a trigger raises for a value: data
 * exception, integrity constraint, check option, program limit, and exceptions of SQL/PSM, external routines or PL/pgSQL. Any other error
 * that keeps the connection open may come from a trigger, the statement, the table, or a missing right.
 */
const OF_VALUES = /^(2[0123]|38|39|44|45|54|P0)/;
const CHECK_VIOLATION = "23514";
/** A sequence that fills another column has no number left. */
const SEQUENCE_EXHAUSTED = "2200H";
const QUERY_CANCELED = "57014";
/**
 * Errors that a retry may fix: connection exceptions, rollbacks, insufficient resources (connections, disk), a lock that was not granted,
 * operator intervention (shutdown, cancel), a server that is read-only during a failover, and a transaction that exceeded a time limit.
 */
const LOST = /^(08|40|53|55P03|57|25006|25P0[34])/;

/** Time limits that a role, a database or a server may set, by SQLSTATE. */
const LIMITS: Readonly<Record<string, string>> = {
  "55P03": "lock_timeout",
  "25P03": "idle_in_transaction_session_timeout",
  "25P04": "transaction_timeout",
  "57P05": "idle_session_timeout",
};

/**
 * Errors that persist until somebody changes a table or its code: a feature that it lacks, its state, its kind or its columns (class 42),
 * and mistakes of functions: roles, cursors, schemas that do not exist (0P, 24, 34, 3F), conditions and results (09, 0Z, 27, 2B, 2F).
 */
const TABLE_AT_FAULT = /^(0[9APZ]|2200H|2[47BF]|3[4F]|42|55000|23514)/;

const LACKS_RIGHT = "42501";

/** During the login it means that the database accepts no connections. */
const NOT_IN_STATE = "55000";

/** Protocol violation: PgBouncer's code for nearly every error, temporary or not. */
const POOLER_REFUSED = "08P01";

/** Codes of the driver or the operating system for a lost connection. */
const CONNECTION_GONE = /^(CONNECTION_|CONNECT_|SASL_|E[A-Z]+$)/;

/** Errors of the session or the server, not of a batch: authorization, the database, the transaction's state, the system. */
const OF_SESSION = /^(0B|25|26|28|2D|3B|3D|58|F0)/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Translates an error for the loader's port. */
export function translate(error: unknown, settings: DatabaseSettings, doing: string): LoadError | Failure {
  if (error instanceof LoadError) return error;
  if (error instanceof Failure) return error.kind === "unavailable" ? new DatabaseLost(error) : error;
  const code = field(error, "code") ?? "";
  if (code === QUERY_CANCELED) {
    return new StatementCancelled(
      new Failure(
        "unavailable",
        `Postgres cancelled a statement while ${doing} (SQLSTATE ${code}). If nobody cancelled it, statement_timeout is too short. ` +
          `Raise it for user ${shown(settings.user)} or database ${shown(settings.database)}, or check what locks the tables.`,
        error,
      ),
    );
  }
  // Postgres ended the session, so that no table is the cause.
  const ended = field(error, "severity") === "FATAL";
  if (
    LOST.test(code) ||
    CONNECTION_GONE.test(code) ||
    (ended && TABLE_AT_FAULT.test(code) && code !== LACKS_RIGHT && code !== NOT_IN_STATE)
  ) {
    return new DatabaseLost(
      new Failure(
        "unavailable",
        `Postgres at ${place(settings)} was unreachable, or refused the request, while ${doing} (${code}).` +
          (code === POOLER_REFUSED
            ? ` PgBouncer uses this code when it is full, and also for a wrong user, password or database in ${settings.source}: check its log.`
            : "") +
          (LIMITS[code] === undefined
            ? ""
            : ` Check ${LIMITS[code]}, which may be set for the role, the database or the server.`),
        error,
      ),
    );
  }
  const failure = explain(code, settings, doing, error);
  if (ended || OF_SESSION.test(code) || !SQLSTATE.test(code)) return failure;
  const [column, constraint] = [field(error, "column_name"), field(error, "constraint_name")];
  return new RowRefused({ sqlState: code, column, constraint, of: aboutOf(code, constraint) }, failure);
}

function aboutOf(code: string, constraint: string | undefined): RefusalOf {
  if (isUnstorable(code)) return "value";
  // A check constraint has a name; the error for a missing partition does not.
  const isTable = code === SEQUENCE_EXHAUSTED || (code === CHECK_VIOLATION && constraint === undefined);
  return OF_VALUES.test(code) && !isTable ? "row" : "table";
}

/** For a caller that does not retry. */
export function asFailure(error: unknown, settings: DatabaseSettings, doing: string): Failure {
  const translated = translate(error, settings, doing);
  if (translated instanceof Failure) return translated;
  if (translated instanceof RowRefused && isUnstorable(translated.refusal.sqlState)) {
    // Such a caller writes no row: the text is a name, or a reason of the user.
    return new Failure(
      "configuration",
      `Postgres refused a statement while ${doing}. A name or a text that you gave has a character that the database's encoding does not have ` +
        `(SQLSTATE ${translated.refusal.sqlState}).`,
      error,
    );
  }
  return translated.failure;
}

function explain(code: string, settings: DatabaseSettings, doing: string, cause: unknown): Failure {
  const { source } = settings;
  const [user, database] = [shown(settings.user), shown(settings.database)];
  const configuration = (sentence: string): Failure => new Failure("configuration", sentence, cause);
  if (code === NOT_IN_STATE && field(cause, "severity") === "FATAL") {
    return configuration(
      `Database ${database} at ${place(settings)} does not accept connections (SQLSTATE ${code}). ` +
        `Run ALTER DATABASE … ALLOW_CONNECTIONS true as its owner, or name another database in ${source}.`,
    );
  }
  switch (code) {
    case "28P01":
    case "28000":
      return configuration(
        `Postgres at ${place(settings)} rejected the login of user ${user} (SQLSTATE ${code}). ` +
          (settings.auth === "rds-iam" ? CHECK_RDS_IAM : checkLogin(code, settings)),
      );
    case "3D000":
      return new Missing(
        `Postgres at ${place(settings)} has no database ${database}. Check its name in ${source}, or create it.`,
        cause,
      );
    case LACKS_RIGHT:
      return configuration(
        `Postgres user ${user} lacks a permission for ${doing} (SQLSTATE 42501). Grant it, or run once as a user who has it. docs/permissions.md lists the permissions.`,
      );
  }
  // For a value, this is shown only where no row is at fault, for example for a message that the quarantine refuses.
  if (TABLE_AT_FAULT.test(code) || (OF_VALUES.test(code) && field(cause, "severity") !== "FATAL")) {
    return configuration(
      `Postgres refused a statement while ${doing} (SQLSTATE ${code}), and a retry would not help. Check table ` +
        `${fullName(settings.table)} and the tables in schema fetch_etl: their columns, constraints, partitions, rules, sequences and triggers.` +
        (code === CHECK_VIOLATION ? " A partition may be missing." : ""),
    );
  }
  return new Failure(
    "unavailable",
    `Postgres refused a statement while ${doing} (SQLSTATE ${code || "none"}). Check the log of Postgres, then run again.`,
    cause,
  );
}

const CHECK_RDS_IAM =
  "For FETCH_ETL_DATABASE_AUTH=rds-iam, check the database user (GRANT rds_iam TO the user), the IAM policy (rds-db:connect on the " +
  "DbiResourceId and the user), the host (the endpoint's own name), the region, and this machine's clock.";

function checkLogin(code: string, { source, passwordFile, sslMode }: DatabaseSettings): string {
  return (
    (passwordFile === undefined
      ? `Check user and password in ${source}`
      : `Check the user in ${source}, and the password in ${printable(passwordFile)}`) +
    (code === "28000"
      ? `, and whether pg_hba.conf allows sslmode ${sslMode} and requires a client certificate (sslcert).`
      : ".")
  );
}

/** Whether an error of {@link asFailure} is a rejected login, which another user or password may prevent. */
export function isRejectedLogin(error: unknown): boolean {
  return error instanceof Failure && /^28(P01|000)$/.test(field(error.cause, "code") ?? "");
}

/** A field of the driver's error that contains no data. */
export function field(
  error: unknown,
  name: "code" | "severity" | "schema_name" | "table_name" | "column_name" | "constraint_name",
): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const value: unknown = Object.entries(error).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : undefined;
}

/**
 * Untranslatable character, and character not in repertoire (PostgreSQL documentation, appendix A): the database's encoding lacks it. Postgres
 * refuses the whole statement, without naming a row.
 */
function isUnstorable(sqlState: string): boolean {
  return sqlState === "22P05" || sqlState === "22021";
}

/** The refusal of a row; with the column, where its text has a character that the encoding lacks. */
export async function withColumn(
  refused: RowRefused,
  sql: Pick<Sql, "unsafe">,
  columns: readonly { readonly name: string }[],
  cells: readonly (string | null)[],
): Promise<RowRefused> {
  const { refusal, failure } = refused;
  if (!isUnstorable(refusal.sqlState)) return refused;
  for (const [index, value] of cells.entries()) {
    if (value === null) continue;
    const state = await sql.unsafe("select $1::pg_catalog.text", [value]).then(() => "", errorCode);
    if (isUnstorable(state)) return new RowRefused({ ...refusal, column: columns[index]?.name }, failure);
  }
  return refused;
}
