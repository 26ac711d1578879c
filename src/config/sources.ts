// What the settings of the database are read from, and libpq's files in the user's home folder.
import { homedir } from "node:os";
import { join } from "node:path";
import type { SecretSources } from "./secret-settings.ts";

/** A command's context has it, once its secrets are resolved. */
export interface Sources extends SecretSources {
  /** Resolves the secrets again; undefined if all of them are in their variables. */
  readonly renewed?: (() => Promise<Sources>) | undefined;
  /** Returns a file's text; throws the system's error if it cannot be read. */
  readonly readFile: (path: string) => string;
  /** A file's permission bits; undefined if the file does not exist, or on Windows. */
  readonly fileMode: (path: string) => number | undefined;
  readonly log: Warnings;
  /** The name of this machine. */
  readonly host: string;
  /** The operating system's user; throws if it has no name. */
  readonly systemUser?: () => string;
}

/** Where a warning goes. */
export interface Warnings {
  readonly warn: (sentence: string) => void;
}

/** The path of a file in the user's home folder; undefined if there is no such folder. */
export function homeFile(env: NodeJS.ProcessEnv, name: string): string | undefined {
  try {
    return join(env["HOME"] ?? homedir(), name);
  } catch {
    return undefined;
  }
}

/**
 * The path if there is such a file. A folder that this user cannot enter counts as empty: in a container, HOME is often the home folder of
 * another user.
 */
export function ifPresent(path: string | undefined, { fileMode }: Sources): string | undefined {
  try {
    return path === undefined || fileMode(path) === undefined ? undefined : path;
  } catch {
    return undefined;
  }
}
