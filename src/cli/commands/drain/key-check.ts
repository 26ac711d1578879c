// Compares the masking key of a drain with that of the most recent rows.
import { Failure } from "../../../failure.ts";
import type { PostgresLoader } from "../../../postgres/load.ts";
import { unexpectedKey } from "../../../recovery/key-use.ts";
import type { Log } from "../../log/log.ts";

/**
 * Warns if the most recent rows were masked with a key that this drain does not expect.
 *
 * @param keyIds of the configured keys, the one that masks first
 * @throws {Failure} `configuration` instead, with `strict`
 */
export async function checkKey(
  loader: Pick<PostgresLoader, "keyUses">,
  keyIds: readonly string[],
  strict: boolean,
  log: Pick<Log, "warn">,
): Promise<void> {
  const other = unexpectedKey(await loader.keyUses(), keyIds);
  if (other === undefined) return;
  const sentence =
    `The most recent rows were masked with key ${other.keyId}, last used on ${other.last.slice(0, 10)}, but this drain masks with key ${keyIds[0] ?? ""}: ` +
    "the same value would get another token. If the key was changed by mistake, restore the earlier one. " +
    "If it was changed on purpose, keep the earlier key after it in FETCH_ETL_MASKING_KEY, separated by a comma.";
  if (strict) throw new Failure("configuration", `${sentence} Nothing was received (--strict-key).`);
  log.warn(sentence);
}
