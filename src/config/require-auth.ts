// Reads libpq's `require_auth`: the ways in which the server may authenticate the client.
import type { Given } from "./parameters.ts";
import type { Problems } from "./readers.ts";

const METHODS = ["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"] as const;
export type AuthenticationMethod = (typeof METHODS)[number];

/** The driver has no other. */
const SUPPORTED: ReadonlySet<string> = new Set(["password", "md5", "scram-sha-256", "none"]);

/**
 * The methods that are allowed: those listed, or, if each has a `!`, all others.
 *
 * @returns undefined for all of them, and after a mistake, which is added to `problems`
 */
export function readRequireAuth(
  given: Given,
  problems: Problems,
): ReadonlySet<AuthenticationMethod> | undefined {
  const text = given.text("require_auth") ?? "";
  if (text === "") return undefined;
  const names = text.split(",").map((name) => name.trim());
  const negated = names.filter((name) => name.startsWith("!"));
  const listed = new Set(names.map((name) => name.replace(/^!/, "")));
  const isKnown = [...listed].every((name) => METHODS.some((method) => method === name));
  if (!isKnown || (negated.length > 0 && negated.length < names.length)) {
    problems.add(
      `${given.setting("require_auth")} must be a list of: ${METHODS.join(", ")}; with a ! before all of them, or before none.`,
    );
    return undefined;
  }
  const allowed = METHODS.filter((method) => listed.has(method) === (negated.length === 0));
  if (!allowed.some((method) => SUPPORTED.has(method))) {
    problems.add(
      `${given.setting("require_auth")} allows only methods that fetch-etl does not have. It has: ${[...SUPPORTED].join(", ")}.`,
    );
  }
  return new Set(allowed);
}
