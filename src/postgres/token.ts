// The format of a token, `h1.<key id>.<MAC>`, as SQL conditions. Pure. `src/masking/token.ts` has the same as a pattern.
import { TOKEN_PATTERN } from "../masking/token.ts";

/** Characters: `h1.`, 8 of the key id, a dot, 43 of the MAC. */
export const TOKEN_LENGTH = 55;

/**
 * Equivalent to `TOKEN_PATTERN`, whose counted repetitions take Postgres about five times as long. The pattern allows no other dots, so
 * that the length and the position of the second dot determine the lengths of both parts.
 *
 * @param column a name or an expression of our own
 */
export function isToken(column: string): string {
  return `(pg_catalog.length(${column}) operator(pg_catalog.=) ${TOKEN_LENGTH}
    and pg_catalog.substr(${column}, 12, 1) operator(pg_catalog.=) '.'
    and ${column} operator(pg_catalog.~) '^h1[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$')`;
}

/** The id of the masking key in a token. */
export function tokenKeyId(column: string): string {
  return `pg_catalog.substr(${column}, 4, 8)`;
}

/** Rows that {@link nonTokensQuery} returns. */
const MOST_ROWS = 100;

/**
 * A query for users to run: the rows in which a value is neither NULL nor a token. It is short rather than quick.
 *
 * @param table as SQL takes it
 * @param values names or expressions of our own
 */
export function nonTokensQuery(table: string, values: readonly string[]): string {
  const pattern = TOKEN_PATTERN.replaceAll("\\.", "[.]");
  const conditions = values.map((value) => `\n  ${value}\n  operator(pg_catalog.!~)\n  '${pattern}'\n`);
  return `select * from ${table}\nwhere${conditions.join("or")}limit ${MOST_ROWS};`;
}
