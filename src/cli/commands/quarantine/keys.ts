// The masking keys, for commands that can do without.
import { readMaskingKeys } from "../../../config/masking-key.ts";
import type { Problems } from "../../../config/problems.ts";
import { deriveKeys, type MaskingKeys } from "../../../masking/keys.ts";
import type { Context } from "../../context.ts";

/** The keys that are configured, none where none is; mistakes are added to `problems`. */
export function keysAtHand({ env, readFile }: Context, problems: Problems): MaskingKeys[] {
  const isSet = (name: string): boolean => (env[name] ?? "") !== "";
  if (!isSet("FETCH_ETL_MASKING_KEY") && !isSet("FETCH_ETL_MASKING_KEY_FILE")) return [];
  const keys = readMaskingKeys(env, readFile, problems)?.reveal() ?? [];
  return keys.map((key) => deriveKeys(key));
}
