// Files that a command writes because a flag names them.
import { Failure } from "../failure.ts";
import type { Context } from "./context.ts";
import { printable } from "./report/paint.ts";

/**
 * Replaces the file that a flag names, whole.
 *
 * @param flag such as `--html`, for the sentence
 * @throws {Failure} `configuration` when it cannot be written
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
    const why = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw new Failure("configuration", `${flag}: ${printable(path)} cannot be written${why}.`, error);
  }
}
