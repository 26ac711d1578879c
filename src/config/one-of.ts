// Reads which of a few names was given.
import type { Problems } from "./problems.ts";

/**
 * The one of `names` that `text` is; undefined, with the mistake added to `problems`, where it is none of them.
 *
 * @param setting what to name in the sentence, such as `--app-version`
 */
export function oneOf<Name extends string>(
  text: string,
  setting: string,
  names: readonly Name[],
  problems: Problems,
): Name | undefined {
  const found = names.find((name) => name === text);
  if (found === undefined) problems.add(`${setting} must be one of: ${names.join(", ")}.`);
  return found;
}
