// Compares the masking key of a drain with that of the most recent rows.
import { Failure } from "../../../failure.ts";
import type { PostgresLoader } from "../../../postgres/load.ts";
import { otherKeyAdvice } from "../../../recovery/key-advice.ts";
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
  const sentence = otherKeyAdvice(other, keyIds[0] ?? "");
  if (strict) throw new Failure("configuration", `${sentence} Nothing was received (--strict-key).`);
  log.warn(sentence);
}
