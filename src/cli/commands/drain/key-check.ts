// Compares the masking key of a drain with that of the most recent rows.
import { Failure } from "../../../failure.ts";
import type { PostgresLoader } from "../../../postgres/load.ts";
import { otherKeyAdvice } from "../../../recovery/key-advice.ts";
import type { Log } from "../../log/log.ts";

/**
 * Warns if the most recent rows were masked with a key that this drain does not expect.
 *
 * @param keyIds of the configured keys, the one that masks first
 * @throws {Failure} `configuration` instead, with `strict`
 */
export async function checkKey(
  loader: Pick<PostgresLoader, "keyHistory">,
  keyIds: readonly string[],
  strict: boolean,
  log: Pick<Log, "warn">,
): Promise<void> {
  const sentence = otherKeyAdvice(await loader.keyHistory(), keyIds);
  if (sentence === undefined) return;
  if (strict) throw new Failure("configuration", `${sentence} Nothing was received (--strict-key).`);
  log.warn(sentence);
}
