// Says which masking key the rows have, if the configured one is missing or broken.
import type { DatabaseSettings } from "../config/database.ts";
import type { Context } from "./context.ts";

/** Time limit, milliseconds: the mistake is told in any case. */
const LONGEST_MS = 3_000;

/** Adds a sentence to `problems` if the database has rows. Never fails. */
export async function adviseOnKey(
  { services, clock, problems }: Pick<Context, "services" | "clock" | "problems">,
  database: DatabaseSettings,
): Promise<void> {
  const over = new AbortController();
  const late = clock.wait(LONGEST_MS, over.signal).then(() => undefined);
  const found = await Promise.race([services.findEarlierRows(database).catch(() => undefined), late]);
  over.abort();
  if (found?.loaded !== true) return;
  const key =
    found.key === undefined
      ? ""
      : ` with key ${found.key.keyId}, last used on ${found.key.last.slice(0, 10)}`;
  problems.add(
    `The database has rows that were masked${key}. Find that key, in a backup of .env or on another host, and do not create a new one.`,
  );
}
