// What Postgres takes as a name (PostgreSQL documentation, "Identifiers and Key Words").

/** It cuts a longer name, and would not find it again. */
export const MOST_NAME_BYTES = 63;

/** Whether it can name something, quoted, in a statement and on a terminal. */
export function isPostgresName(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes > 0 && bytes <= MOST_NAME_BYTES && !/\p{Cc}/u.test(text) && text.isWellFormed();
}
