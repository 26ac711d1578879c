// Reads where a flag wants a file to be written, and says why one cannot be.
import { printable } from "./named-file.ts";
import type { Problems } from "./problems.ts";

/**
 * @param flag such as `--html`, for the sentence
 * @param checkWritable throws the system's error where no file can be put there
 * @returns undefined for a file that is not asked for, or that cannot be written, which is added to `problems`
 */
export function readOutputPath(
  path: string | undefined,
  flag: string,
  checkWritable: (path: string) => void,
  problems: Problems,
): string | undefined {
  if (path === "") {
    problems.add(`${flag} is empty: name a file.`);
    return undefined;
  }
  if (path === undefined) return undefined;
  try {
    checkWritable(path);
    return path;
  } catch (error) {
    problems.add(unwritable(flag, path, error));
    return undefined;
  }
}

/** The sentence for a file that cannot be written: with the system's code, without its text. */
export function unwritable(flag: string, path: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  const reason = REASONS[code];
  return `${flag}: the file ${printable(path)} cannot be written${reason === undefined ? "" : `: ${reason}`} (${code}).`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist. Create it, or name another file",
  ENOTDIR: "part of its path is a file, not a folder",
  EISDIR: "it is a folder. Name a file in it",
  EACCES:
    "permission denied. This user needs write and search permission on its folder, and search permission above it",
  EPERM: "the system does not permit it. Check the owner and the attributes of the file and its folder",
  EROFS: "its file system is read-only. Name a file on another one",
  ENOSPC: "no space is left on its file system. Free some, or name a file on another one",
  EDQUOT: "this user's disk quota is used up. Free some space, or name a file on another file system",
  ENAMETOOLONG: "its name is too long. Choose a shorter one",
  ELOOP: "it is a symbolic link that leads back to itself",
  ENOTSUP: "it is a pipe, a socket or a file that is already open. Name a regular file by its own path",
};
