// Files that a command writes because a flag names them.
import { unwritable } from "../config/files.ts";
import { Failure } from "../failure.ts";
import type { Context } from "./context.ts";

/**
 * Replaces the file atomically.
 *
 * @param flag such as `--html`, for the error message
 * @throws {Failure} `configuration` if the file cannot be written
 */
export async function writeOutputFile(
  { writeFile }: Pick<Context, "writeFile">,
  flag: string,
  path: string,
  text: string,
): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new Failure("configuration", unwritable(flag, path, error), error);
  }
}
