// Writes files atomically: a reader sees the old content or the new content, never a part.
import { randomBytes } from "node:crypto";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { chmod, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { systemCode } from "./failure.ts";

/**
 * Writes a temporary file in the same directory, `.<name>.<pid>.<random>.tmp`, and renames it. An existing file keeps its mode. The
 * target of a symbolic link is replaced, and the link stays. Devices are written to directly, because they cannot be replaced.
 *
 * @throws the system's error; the file is then unchanged, and the temporary file deleted
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
    const mode = (present?.mode ?? 0o666) & 0o777;
    await writeFile(temporary, text, { flag: "wx", flush: true, mode });
    // writeFile applied the umask to the mode.
    if (present !== undefined) await chmod(temporary, mode);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Checks whether {@link writeWhole} could write the file, without writing. Rejects pipes and sockets, because writing to them can wait
 * for a reader forever, and names of open files such as /dev/stdout, which would be replaced.
 *
 * @throws the system's error, or an error with a matching code: `EISDIR` for a folder, `ENOTSUP` for a pipe, a socket or an open file
 */
export function checkWritable(path: string): void {
  const present = statSync(path, { throwIfNoEntry: false });
  if (present === undefined ? /[\\/]$/.test(path) : present.isDirectory()) throw refusal("EISDIR");
  const isDevice = present?.isCharacterDevice() === true;
  if (present?.isFile() === false && !isDevice) throw refusal("ENOTSUP");
  if (present?.isFile() === true && /^\/(dev|proc)\//.test(resolve(path))) throw refusal("ENOTSUP");
  if (isDevice) {
    accessSync(path, constants.W_OK);
    return;
  }
  const folder = dirname(present === undefined ? path : realpathSync(path));
  // Node 22 and later report a path inside a file as missing.
  if (!statSync(folder).isDirectory()) throw refusal("ENOTDIR");
  accessSync(folder, constants.W_OK | constants.X_OK);
}

function refusal(code: string): Error {
  return Object.assign(new Error("no file can be written there"), { code });
}

function unlessMissing(error: unknown): undefined {
  if (systemCode(error) === "ENOENT") return undefined;
  throw error;
}
