// Reads the file of the age identity that opens the vault.
import type { Problems } from "./problems.ts";
import { Secret } from "./secret.ts";

/**
 * The text of an identity file.
 *
 * @param readFile gives a file's text, and throws where it cannot be read
 * @returns undefined, with the mistake added to `problems`, where it cannot be read
 */
export function readIdentityFile(
  path: string,
  readFile: (path: string) => string,
  problems: Problems,
): Secret | undefined {
  try {
    return new Secret(readFile(path));
  } catch {
    // What was given is not shown: it may be the identity itself.
    problems.add("--identity names a file that cannot be read. It takes a path, never the identity itself.");
    return undefined;
  }
}
