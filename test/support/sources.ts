// What the database's settings are read from, in memory.
import { IN_VARIABLES } from "../../src/config/secret-settings.ts";
import type { Sources } from "../../src/config/sources.ts";

interface File {
  readonly text: string;
  /** Permission bits; 0600 by default. */
  readonly mode?: number;
  /** The system's code of the error of reading it, or of entering its folder. */
  readonly error?: string;
}

/** By path; a text alone is a file of mode 0600. */
export type Files = Readonly<Record<string, File | string>>;

/**
 * An environment, and a file system that holds nothing but these files.
 *
 * @param warn gets the warnings
 */
export function sourcesOf(
  env: NodeJS.ProcessEnv,
  files: Files = {},
  warn: (sentence: string) => void = () => undefined,
): Sources {
  const find = (path: string): File | undefined => {
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    return typeof file === "string" ? { text: file } : file;
  };
  return {
    env: { HOME: "/home/me", ...env },
    secrets: IN_VARIABLES,
    readFile: (path) => {
      const file = find(path);
      if (file !== undefined && file.error === undefined) return file.text;
      throw Object.assign(new Error("cannot be read"), { code: file?.error ?? "ENOENT" });
    },
    fileMode: (path) => {
      const file = find(path);
      if (file?.error !== undefined) throw Object.assign(new Error("cannot be read"), { code: file.error });
      return file === undefined ? undefined : (file.mode ?? 0o600);
    },
    log: { warn },
    host: "this-machine",
    systemUser: () => "me",
  };
}
