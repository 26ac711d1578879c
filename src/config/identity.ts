// Reads the file of the age identity that opens the vault.
import { readNamedFile } from "./named-file.ts";
import type { Problems } from "./problems.ts";
import { Secret } from "./secret.ts";

/**
 * The text of an identity file.
 *
 * @param readFile gives a file's text, and throws the system's error where it cannot be read
 * @returns undefined, with the mistake added to `problems`, where it cannot be read
 */
export function readIdentityFile(
  path: string,
  readFile: (path: string) => string,
  problems: Problems,
): Secret | undefined {
  const text = readNamedFile(path, "--identity", readFile, problems);
  return text === undefined ? undefined : new Secret(text);
}
