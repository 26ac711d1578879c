// `fetch-etl forget`: permanently deletes the vault entries of tokens, and records the request.
import { readDatabase } from "../../../config/database.ts";
import { readMapping, type MappingFlags } from "../../../config/mapping.ts";
import { readKeysIfSet } from "../../../config/masking-key.ts";
import type { Context } from "../../context.ts";
import { DATABASE, MASKING_KEY, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { writeForgotten, writeForgottenJson, writeLeft } from "../reveal/report.ts";
import { readVaultRequest } from "../../vault-request.ts";

export interface ForgetFlags extends Pick<MappingFlags, "mapping"> {
  readonly reason: string;
  readonly purgeQuarantine?: boolean;
  readonly json?: boolean;
}

/**
 * Needs a database, but no identity and no queue, and a masking key only to search the quarantine. Forgets all values or none. A later
 * message with the same value stores it again.
 */
export async function runForget(
  flags: ForgetFlags,
  context: Context,
  args: readonly string[],
): Promise<number> {
  const { problems } = context;
  const resolved = await withSecrets(context, problems, [...DATABASE, ...MASKING_KEY]);
  const database = readDatabase(resolved, problems);
  const mapping = await readMapping(flags, context.readFile, problems);
  const { tokens, reason } = await readVaultRequest(args, flags.reason, context, problems);
  const keys = readKeysIfSet(resolved, problems);
  const purge = flags.purgeQuarantine === true;
  if (purge && keys.length === 0 && !resolved.secrets.failed.has("FETCH_ETL_MASKING_KEY")) {
    problems.add("--purge-quarantine needs the masking key to decrypt bodies: set FETCH_ETL_MASKING_KEY.");
  }
  const needed = problems.complete({ database });
  const vault = await context.services.openVault(needed.database);
  const forgotten = await vault.forget(tokens, reason, { keys, mapping, purge });
  const request = { tokens, keyIds: keys.map(({ keyId }) => keyId) };
  if (flags.json === true) writeForgottenJson(context, forgotten, request);
  else writeForgotten(context, forgotten);
  writeLeft(context, forgotten, request);
  return EXIT.done;
}
