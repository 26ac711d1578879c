// Hands a command the quarantine, and closes it afterwards.
import type { DatabaseSettings } from "../../../config/database.ts";
import { Failure } from "../../../failure.ts";
import type { Quarantine } from "../../../loader/quarantine.ts";
import type { Context } from "../../context.ts";

/** @param settings undefined only where that was told as a mistake already */
export async function withQuarantine<T>(
  { services }: Context,
  settings: DatabaseSettings | undefined,
  use: (quarantine: Quarantine) => Promise<T>,
): Promise<T> {
  if (settings === undefined) throw new Failure("configuration", "There is no database.");
  const quarantine = await services.openQuarantine(settings);
  try {
    return await use(quarantine);
  } finally {
    await quarantine.close();
  }
}
