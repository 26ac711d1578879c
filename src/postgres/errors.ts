// Says what an error of the driver means for a run. Postgres's own texts quote data, so that only its codes are kept.
import { place, type DatabaseSettings } from "../config/database.ts";
import { DatabaseLost, RowRefused, StatementCancelled, type RefusalOf } from "../drain/ports.ts";
import { Failure } from "../failure.ts";
import { fullName } from "./quote.ts";
import { isUnstorable, unstorable } from "./unstorable.ts";

/**
 * SQLSTATE classes (PostgreSQL documentation, appendix A) that values bring about, or that a trigger raises for them: data exception,
 * integrity constraint, check option, a program limit, an exception of SQL/PSM, of an external routine, or of a user's own. Any other error
 * that leaves the connection alive may be a trigger's too, or the fault of the statement, the table, or a missing right.
 */
const OF_VALUES = /^(2[0123]|38|39|44|45|54|P0)/;
const CHECK_VIOLATION = "23514";
/** A sequence that fills another column has no number left. */
const SEQUENCE_EXHAUSTED = "2200H";
const QUERY_CANCELED = "57014";
/**
 * What passes by itself: connection exceptions, rollbacks, too few resources (connections, disk), a lock not granted,
 * operator intervention (shutdown, cancelled), a server that is read-only while it changes roles, and a transaction that was ended
 * because it took too long.
 */
const LOST = /^(08|40|53|55P03|57|25006|25P0[34])/;

/** Time limits that a role, a database or a server may set, by the code of what they end. */
const LIMITS: Readonly<Record<string, string>> = {
  "55P03": "lock_timeout",
  "25P03": "idle_in_transaction_session_timeout",
  "25P04": "transaction_timeout",
  "57P05": "idle_session_timeout",
};

/** What stays as it is until somebody changes a table: a feature it has not, a state it is in, what it or its columns are (class 42). */
const TABLE_AT_FAULT = /^(0A|2200H|42|55000|23514)/;

const LACKS_RIGHT = "42501";

/** Of a login, this is said of the database. */
const NOT_IN_STATE = "55000";

/** Protocol violation, which PgBouncer answers for nearly everything, be it something that passes or not. */
const POOLER_REFUSED = "08P01";

/** A code of the driver's own, or of the operating system, that says the connection is gone. */
const CONNECTION_GONE = /^(CONNECTION_|CONNECT_|SASL_|E[A-Z]+$)/;

/** What is about the session or the server, not about a batch: authorization, the database, the transaction's state, the system. */
const OF_SESSION = /^(0B|25|26|28|2D|3B|3D|58|F0)/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** The error that the ports speak of: {@link RowRefused}, {@link StatementCancelled}, {@link DatabaseLost} or `Failure`. */
export function translate(
  error: unknown,
  settings: DatabaseSettings,
  doing: string,
): RowRefused | StatementCancelled | DatabaseLost | Failure {
  if (error instanceof RowRefused || error instanceof StatementCancelled || error instanceof DatabaseLost)
    return error;
  if (error instanceof Failure) return error.kind === "unavailable" ? new DatabaseLost(error) : error;
  const code = field(error, "code") ?? "";
  if (code === QUERY_CANCELED) {
    return new StatementCancelled(
      new Failure(
        "unavailable",
        `Postgres cancelled a statement while ${doing} (SQLSTATE ${code}). Where nobody asked for that, statement_timeout is too short: ` +
          `raise it for user ${shown(settings.user)} or database ${shown(settings.database)}, or see what locks the tables.`,
        error,
      ),
    );
  }
  // Postgres ended the session with it: that is no table's fault.
  const ended = field(error, "severity") === "FATAL";
  if (
    LOST.test(code) ||
    CONNECTION_GONE.test(code) ||
    (ended && TABLE_AT_FAULT.test(code) && code !== LACKS_RIGHT && code !== NOT_IN_STATE)
  ) {
    return new DatabaseLost(
      new Failure(
        "unavailable",
        `Postgres at ${place(settings)} went away or refused while ${doing} (${code}).` +
          (code === POOLER_REFUSED
            ? ` PgBouncer answers so where it is full, and for a wrong user, password or database in ${settings.source} too: its log tells.`
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
  // A check has a name; that no partition takes the row has none.
  const isTable = code === SEQUENCE_EXHAUSTED || (code === CHECK_VIOLATION && constraint === undefined);
  return OF_VALUES.test(code) && !isTable ? "row" : "table";
}

/** The same, for a caller that does not try again. */
export function asFailure(error: unknown, settings: DatabaseSettings, doing: string): Failure {
  const translated = translate(error, settings, doing);
  if (translated instanceof Failure) return translated;
  if (translated instanceof RowRefused && isUnstorable(translated.refusal.sqlState))
    return unstorable(doing, translated.refusal.sqlState, error);
  return translated.failure;
}

function explain(code: string, settings: DatabaseSettings, doing: string, cause: unknown): Failure {
  const { source } = settings;
  const [user, database] = [shown(settings.user), shown(settings.database)];
  if (code === NOT_IN_STATE && field(cause, "severity") === "FATAL") {
    return new Failure(
      "configuration",
      `Database ${database} at ${place(settings)} does not accept connections (SQLSTATE ${code}). ` +
        `Run ALTER DATABASE … ALLOW_CONNECTIONS true as its owner, or name another database in ${source}.`,
      cause,
    );
  }
  switch (code) {
    case "28P01":
    case "28000":
      return new Failure(
        "configuration",
        `Postgres at ${place(settings)} does not let user ${user} in (SQLSTATE ${code}). Check user and password in ${source}` +
          (code === "28000" ? `, and whether its pg_hba.conf lets sslmode ${settings.sslMode} in.` : "."),
        cause,
      );
    case "3D000":
      return new Failure(
        "configuration",
        `Postgres at ${place(settings)} has no database ${database}. Check its name in ${source}, or create it.`,
        cause,
      );
    case LACKS_RIGHT:
      return new Failure(
        "configuration",
        `Postgres user ${user} lacks a right for ${doing} (SQLSTATE 42501). Grant it, or run once as a user who has it; docs/permissions.md lists the rights.`,
        cause,
      );
    default:
      if (TABLE_AT_FAULT.test(code)) {
        return new Failure(
          "configuration",
          `Postgres refused while ${doing} (SQLSTATE ${code}), and would again: look at what table ${fullName(settings.table)} and those ` +
            "in schema fetch_etl are, and at their columns, partitions, rules, sequences and triggers." +
            (code === CHECK_VIOLATION ? " It may be a missing partition." : ""),
          cause,
        );
      }
      return new Failure(
        "unavailable",
        `Postgres refused while ${doing} (SQLSTATE ${code || "none"}).`,
        cause,
      );
  }
}

/** What does not look like a name may be something else that ended up in its place. */
export function shown(name: string): string {
  return /^[\w.-]{1,63}$/.test(name) ? `"${name}"` : "(not shown)";
}

/** A field of a driver's error that quotes no data. */
export function field(
  error: unknown,
  name: "code" | "severity" | "schema_name" | "table_name" | "column_name" | "constraint_name",
): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const value: unknown = Object.entries(error).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : undefined;
}
