// `fetch-etl forget`: deletes the values behind tokens for ever, and puts it on record.
import { readDatabase } from "../../config/database.ts";
import { Problems } from "../../config/problems.ts";
import { Failure } from "../../failure.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { writeForgotten, writeForgottenJson } from "../report/vault-report.ts";
import { readVaultRequest } from "../vault-request.ts";

export interface ForgetFlags {
  readonly reason: string;
  readonly json?: boolean;
}

/**
 * Needs a database, and neither identity, masking key nor queue. Forgets all values, or none. A message that comes later with
 * the same value brings it back.
 *
 * @returns the exit code
 */
export async function runForget(
  flags: ForgetFlags,
  context: Context,
  args: readonly string[],
): Promise<number> {
  const problems = new Problems();
  const database = readDatabase(context.env, problems);
  const { tokens, reason } = await readVaultRequest(args, flags.reason, context, problems);
  problems.throwIfAny();
  if (database === undefined) throw new Failure("configuration", "There is no database.");
  const vault = await context.services.openVault(database);
  const forgotten = await vault.forget(tokens, reason);
  if (flags.json === true) writeForgottenJson(context, forgotten);
  else writeForgotten(context, forgotten);
  return EXIT.done;
}
