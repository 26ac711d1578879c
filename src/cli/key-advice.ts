// Says which masking key the rows have, if the configured one is missing or broken.
import type { DatabaseSettings } from "../config/database.ts";
import { restoreAdvice } from "../recovery/key-advice.ts";
import type { Context } from "./context.ts";

/** Time limit, milliseconds: the mistake is told in any case. */
const LONGEST_MS = 3_000;

/**
 * Adds a sentence to `problems` if the database has rows, unless a retry can solve the problems. Never fails.
 *
 * @param database undefined if its settings are invalid
 */
export async function adviseOnKey(
  { services, clock, problems }: Pick<Context, "services" | "clock" | "problems">,
  database: DatabaseSettings | undefined,
): Promise<void> {
  if (database === undefined || problems.kind === "unavailable") return;
  const over = new AbortController();
  const late = clock.wait(LONGEST_MS, over.signal).then(() => undefined);
  const found = await Promise.race([services.findEarlierRows(database).catch(() => undefined), late]);
  over.abort();
  if (found?.loaded === true) problems.add(restoreAdvice(found.key));
}
