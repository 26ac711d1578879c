// Reads which role is to have the rights of a drain.
import { isPostgresName, MOST_NAME_BYTES } from "./postgres-name.ts";
import type { Problems } from "./problems.ts";

const DEFAULT_ROLE = "fetch_etl_loader";

/** The role's name; a mistake is added to `problems`. `public` would be everybody, however it is quoted. */
export function readLoaderRole(flag: string | undefined, problems: Problems): string {
  const role = flag ?? DEFAULT_ROLE;
  if (!isPostgresName(role)) {
    problems.add(
      `--loader-role takes a role's name of 1 to ${MOST_NAME_BYTES} bytes, without control characters.`,
    );
  } else if (/^(public|none|pg_.*)$/.test(role)) {
    problems.add("--loader-role names a role that Postgres keeps for itself: choose another name.");
  }
  return role;
}
