// Characters that the database's encoding lacks. Postgres then refuses the whole statement, without naming a row.
import { RowRefused } from "../drain/ports.ts";
import type { LoginRow } from "../login/row.ts";
import { Failure } from "../failure.ts";
import type { Reader } from "./connection.ts";
import { errorCode } from "./error-code.ts";

/** Untranslatable character, and character not in repertoire (PostgreSQL documentation, appendix A). */
const UNSTORABLE = ["22P05", "22021"];

export function isUnstorable(sqlState: string): boolean {
  return UNSTORABLE.includes(sqlState);
}

/** The failure where the text is not of a row: a name, or a reason of the user. */
export function unstorable(doing: string, sqlState: string, cause: unknown): Failure {
  return new Failure(
    "configuration",
    `Postgres refused a statement while ${doing}: a name or a text that you gave has a character that the database's encoding lacks ` +
      `(SQLSTATE ${sqlState}).`,
    cause,
  );
}

/** The refusal of a row; with the column, where its text has a character that the encoding lacks. */
export async function withColumn(refused: RowRefused, sql: Reader, row: LoginRow): Promise<RowRefused> {
  const { refusal, failure } = refused;
  if (!isUnstorable(refusal.sqlState)) return refused;
  for (const [column, value] of Object.entries(row)) {
    if (typeof value !== "string") continue;
    const state = await sql.unsafe("select $1::pg_catalog.text", [value]).then(() => "", errorCode);
    if (isUnstorable(state)) return new RowRefused({ ...refusal, column }, failure);
  }
  return refused;
}
