// Opens the quarantine for a command, and reads the masking keys.
import type { DatabaseSettings } from "../../../config/database.ts";
import type { Quarantine } from "../../../postgres/quarantine.ts";
import type { Context } from "../../context.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import type { Problems } from "../../../config/readers.ts";
import { deriveKeys, type MaskingKeys } from "../../../masking/keys.ts";

export async function withQuarantine<T>(
  { services }: Context,
  settings: DatabaseSettings,
  use: (quarantine: Quarantine) => Promise<T>,
): Promise<T> {
  const quarantine = await services.openQuarantine(settings);
  try {
    return await use(quarantine);
  } finally {
    await quarantine.close();
  }
}

/** The configured masking keys, possibly none. Adds mistakes to `problems`. */
export function keysAtHand({ env, readFile }: Context, problems: Problems): MaskingKeys[] {
  const isSet = (name: string): boolean => (env[name] ?? "") !== "";
  if (!isSet("FETCH_ETL_MASKING_KEY") && !isSet("FETCH_ETL_MASKING_KEY_FILE")) return [];
  const keys = readMaskingKeys(env, readFile, problems)?.reveal() ?? [];
  return keys.map((key) => deriveKeys(key));
}
