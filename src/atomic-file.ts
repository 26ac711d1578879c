// Writes a file whole: who reads it meets what was there before or all that is new, never a part.
import { randomBytes } from "node:crypto";
import { realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Writes under a temporary name in the same folder, `.<name>.<pid>.<random>.tmp`, and renames. The file has the mode of a new one.
 * A symbolic link to a file stays, and the file is replaced. What is no file, such as a pipe or a device, cannot be replaced and
 * is written to as it is.
 *
 * @throws the system's error; the file is then as it was, and the temporary one gone
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const present = await stat(path).catch(unlessMissing);
  if (present?.isFile() === false) {
    await writeFile(path, text);
    return;
  }
  const target = present === undefined ? path : await realpath(path);
  const random = randomBytes(4).toString("hex");
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.${random}.tmp`);
  try {
    await writeFile(temporary, text, { flag: "wx", flush: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
