// Reads which role is to have the rights of a drain.
import type { Problems } from "./problems.ts";

const DEFAULT_ROLE = "fetch_etl_loader";
/** Postgres cuts a longer name, and would not find it again (PostgreSQL documentation, "Identifiers and Key Words"). */
const MOST_BYTES = 63;

/** The role's name; a mistake is added to `problems`. `public` would be everybody, however it is quoted. */
export function readLoaderRole(flag: string | undefined, problems: Problems): string {
  const role = flag ?? DEFAULT_ROLE;
  const bytes = Buffer.byteLength(role);
  if (bytes === 0 || bytes > MOST_BYTES || /\p{Cc}/u.test(role) || !role.isWellFormed()) {
    problems.add(
      `--loader-role takes a role's name of 1 to ${MOST_BYTES} bytes, without control characters.`,
    );
  } else if (/^(public|none|pg_.*)$/.test(role)) {
    problems.add("--loader-role names a role that Postgres keeps for itself: choose another name.");
  }
  return role;
}
