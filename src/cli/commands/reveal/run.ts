// `fetch-etl reveal`: records the request, then decrypts the values of tokens.
import { readDatabase } from "../../../config/database.ts";
import { revealEntries } from "../../../recovery/reveal.ts";
import type { Context } from "../../context.ts";
import { DATABASE, readIdentity, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { writeJson } from "../../output.ts";
import { writeNotRevealed, writeRevealed } from "./report.ts";
import { readVaultRequest } from "../../vault-request.ts";

export interface RevealFlags {
  readonly identity: string;
  readonly reason: string;
  readonly json?: boolean;
}

/** Needs a database and an identity, but no masking key and no queue. Reveals all values or none. */
export async function runReveal(
  flags: RevealFlags,
  context: Context,
  args: readonly string[],
): Promise<number> {
  const { problems } = context;
  const { identity, database, request } = problems.complete({
    identity: await readIdentity(flags.identity, context, problems),
    database: readDatabase(await withSecrets(context, problems, DATABASE), problems),
    request: await readVaultRequest(args, flags.reason, context, problems),
  });
  const opener = await context.services.createOpener(identity.reveal());
  const vault = await context.services.openVault(database);
  const revealed = await vault.read(request.tokens, request.reason, (entries) =>
    revealEntries(opener, entries),
  );
  if (!revealed.ok) {
    writeNotRevealed(context, revealed);
    return EXIT.mismatch;
  }
  const { values } = revealed;
  if (flags.json === true) writeJson(context.stdout, { command: "reveal", values });
  else writeRevealed(context, values);
  return EXIT.done;
}
