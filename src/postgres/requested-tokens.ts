// The tokens of a request to reveal or forget values.
import { Failure } from "../failure.ts";

/** Maximum number of tokens in a sentence. */
const MOST_NAMED = 10;

/** @param what subject and verb of the sentence, such as `The vault does not contain` */
export function requireAll(
  tokens: readonly string[],
  found: { has(token: string): boolean },
  what: string,
  outcome: string,
): void {
  const asked = unique(tokens);
  const unknown = asked.filter((token) => !found.has(token));
  if (unknown.length === 0) return;
  const others = unknown.length - MOST_NAMED;
  const named = unknown.slice(0, MOST_NAMED).join(", ") + (others > 0 ? ` and ${others} others` : "");
  throw new Failure(
    "configuration",
    `${what} ${unknown.length} of ${asked.length} tokens, so ${outcome}: ${named}. ` +
      "They were loaded without FETCH_ETL_RECOVERY_RECIPIENT, were forgotten, were re-masked under a key that is not configured, or belong to another database.",
  );
}

export function unique(tokens: readonly string[]): string[] {
  return [...new Set(tokens)];
}
