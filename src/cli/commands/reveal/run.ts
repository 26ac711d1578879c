// `fetch-etl reveal`: records the request, then decrypts the values of tokens.
import { readDatabase } from "../../../config/database.ts";
import { readKeysIfSet } from "../../../config/masking-key.ts";
import { Problems } from "../../../config/readers.ts";
import { revealEntries } from "../../../recovery/reveal.ts";
import type { Context } from "../../context.ts";
import { DATABASE, MASKING_KEY, readIdentity, withSecrets } from "../../secrets.ts";
import { EXIT } from "../../exit-codes.ts";
import { writeJson } from "../../output.ts";
import { noteRemasked, writeNotRevealed, writeRevealed } from "./report.ts";
import { readVaultRequest } from "../../vault-request.ts";

export interface RevealFlags {
  readonly identity: string;
  readonly reason: string;
  readonly json?: boolean;
}

/** Needs a database and an identity, and no queue. A masking key is optional: it finds what replaced an earlier token. Reveals all values or none. */
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
  // Only to find the new tokens of earlier ones, so that an invalid key is not an error here.
  const ignored = new Problems();
  const keys = readKeysIfSet(await withSecrets(context, ignored, MASKING_KEY), ignored) ?? [];
  const opener = await context.services.createOpener(identity.reveal());
  const vault = await context.services.openVault(database);
  const followed = await vault.follow(request.tokens, keys);
  noteRemasked(context, followed);
  const tokens = request.tokens.map((token) => followed.get(token)?.token ?? token);
  const revealed = await vault.read(
    tokens,
    request.reason,
    (entries) => revealEntries(opener, entries),
    request.tokens,
  );
  if (!revealed.ok) {
    writeNotRevealed(context, revealed);
    return EXIT.mismatch;
  }
  const { values } = revealed;
  const remasked = [...followed].map(([token, { token: now, at }]) => ({ token, now, at }));
  if (flags.json === true)
    writeJson(context.stdout, { command: "reveal", values, ...(remasked.length > 0 ? { remasked } : {}) });
  else writeRevealed(context, values);
  return EXIT.done;
}
