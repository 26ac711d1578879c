// The tokens and the reason of a request for personal data.
import type { Problems } from "../config/readers.ts";
import { TOKEN_PATTERN } from "../masking/token.ts";
import type { Context } from "./context.ts";
import { argumentsOrLines } from "./input.ts";
import { listText } from "./terminal/style.ts";

export interface VaultRequest {
  /** In the given order, including duplicates. */
  readonly tokens: readonly string[];
  readonly reason: string;
}

const TOKEN = new RegExp(TOKEN_PATTERN);

/**
 * Reads the tokens from the arguments or from standard input, and trims them, because psql prints spaces around values. Adds mistakes to
 * `problems`. An invalid token is reported only by its position, because it may be a personal value.
 */
export async function readVaultRequest(
  args: readonly string[],
  reason: string,
  context: Context,
  problems: Problems,
): Promise<VaultRequest> {
  const given = (await argumentsOrLines(args, context)).map(({ text, place }) => ({
    text: text.trim(),
    place,
  }));
  const malformed = given.filter(({ text }) => !TOKEN.test(text));
  if (given.length === 0)
    problems.add("No tokens given: pass them as arguments, or one per line on standard input.");
  if (malformed.length > 0) {
    problems.add(
      `Not a token (h1., 8 characters, a dot and 43 characters, as in user_logins): ${listText(malformed.map(({ place }) => place))}.`,
    );
  }
  return { tokens: given.map(({ text }) => text), reason: readReason(reason, problems) };
}

/**
 * The reason of a request that is recorded; a mistake is added to `problems`.
 *
 * @param flag the flag that needs it
 */
export function readReason(reason: string | undefined, problems: Problems, flag = ""): string {
  if (reason === undefined) problems.add(`${flag} needs --reason: why you do this, which is recorded.`);
  else if (reason.trim() === "") problems.add("--reason is blank. Give a reason, which is recorded.");
  return reason?.trim() ?? "";
}
