// Reads where a flag wants a file to be written.
import type { Problems } from "./problems.ts";

/**
 * @param flag such as `--html`, for the sentence
 * @param canWrite whether a file can be put there
 * @returns undefined for a file that is not asked for, or that cannot be written, which is added to `problems`
 */
export function readOutputPath(
  path: string | undefined,
  flag: string,
  canWrite: (path: string) => boolean,
  problems: Problems,
): string | undefined {
  if (path === undefined || (path !== "" && canWrite(path))) return path;
  problems.add(`${flag} names a file that cannot be written: its folder must be there, and writable.`);
  return undefined;
}
