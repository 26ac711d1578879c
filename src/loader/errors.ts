// Says what an error of the driver means for a run. Postgres's own texts quote data, so that only its codes are kept.
import { place, type DatabaseSettings } from "../config/database.ts";
import { DatabaseLost, RowRefused } from "../drainer/ports.ts";
import { Failure } from "../failure.ts";
import { fullName } from "./quote.ts";

/**
 * SQLSTATE classes and codes (PostgreSQL documentation, appendix A) that a row's own values bring about: data exception,
 * integrity constraint, check option, a program limit, an error that a trigger raised.
 */
const ROW_REFUSED = /^(22|23|44|54|P0)/;
/**
 * What passes by itself: connection exceptions, rollbacks, too few resources (connections, disk), a lock not granted,
 * operator intervention (shutdown, cancelled), a server that is read-only while it changes roles, and a transaction that was ended
 * because it took too long.
 */
const LOST = /^(08|40|53|55P03|57|25006|25P0[34])/;

/** What stays as it is until somebody changes a table: a feature it has not, a state it is in, what it or its columns are (class 42). */
const TABLE_AT_FAULT = /^(0A|42|55000)/;

/** Of a login, this is said of the database. */
const NOT_IN_STATE = "55000";

/** Protocol violation, which PgBouncer answers for nearly everything, be it something that passes or not. */
const POOLER_REFUSED = "08P01";

/** A code of the driver's own, or of the operating system, that says the connection is gone. */
const CONNECTION_GONE = /^(CONNECTION_|CONNECT_|SASL_|E[A-Z]+$)/;

/** The error that the ports speak of: {@link RowRefused}, {@link DatabaseLost} or `Failure`. */
export function translate(
  error: unknown,
  settings: DatabaseSettings,
  doing: string,
): RowRefused | DatabaseLost | Failure {
  if (error instanceof Failure) return error.kind === "unavailable" ? new DatabaseLost(error) : error;
  const code = field(error, "code") ?? "";
  if (ROW_REFUSED.test(code))
    return new RowRefused(code, field(error, "column_name"), field(error, "constraint_name"));
  if (LOST.test(code) || CONNECTION_GONE.test(code)) {
    return new DatabaseLost(
      new Failure(
        "unavailable",
        `Postgres at ${place(settings)} went away or refused while ${doing} (${code}).` +
          (code === POOLER_REFUSED
            ? ` PgBouncer answers so where it is full, and for a wrong user, password or database in ${settings.source} too: its log tells.`
            : ""),
        error,
      ),
    );
  }
  return explain(code, settings, doing, error);
}

/** The same, for a caller that does not try again. */
export function asFailure(error: unknown, settings: DatabaseSettings, doing: string): Failure {
  const translated = translate(error, settings, doing);
  if (translated instanceof Failure) return translated;
  if (translated instanceof DatabaseLost) return translated.failure;
  return new Failure(
    "unavailable",
    `Postgres refused while ${doing} (SQLSTATE ${translated.sqlState}).`,
    error,
  );
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
    case "42501":
      return new Failure(
        "configuration",
        `Postgres user ${user} lacks a right for ${doing} (SQLSTATE 42501). Grant it, or run once as a user who has it; docs/operations.md lists the rights.`,
        cause,
      );
    default:
      if (TABLE_AT_FAULT.test(code)) {
        return new Failure(
          "configuration",
          `Postgres refused while ${doing} (SQLSTATE ${code}), and would again: look at what table ${fullName(settings.table)} and those ` +
            "in schema fetch_etl are, and at their columns, rules and triggers.",
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

function field(
  error: unknown,
  name: "code" | "severity" | "column_name" | "constraint_name",
): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const value: unknown = Object.entries(error).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : undefined;
}
