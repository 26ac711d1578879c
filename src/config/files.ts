// Reads, checks and writes the files named by flags and variables.
import { resolve } from "node:path";
import { Failure, printable, systemCode } from "../failure.ts";
import { settingOf } from "./flag-variables.ts";
import type { Problems } from "./readers.ts";

/**
 * The file's text without a byte order mark.
 *
 * @param setting such as `--identity`, for the sentences
 * @param readFile returns a file's text; throws the system's error if it cannot be read
 * @returns undefined, with the mistake added to `problems`, if it cannot be read, is empty or is not UTF-8
 */
export function readNamedFile(
  path: string,
  setting: string,
  readFile: (path: string) => string,
  problems: Problems,
): string | undefined {
  const secret = secretIn(path);
  if (secret !== undefined) {
    problems.add(`${setting} takes the path of a file, but its value looks like ${secret}. Set the path.`);
    return undefined;
  }
  const file = `${setting}: the file ${setting === PASSWORD_FILE ? "that it names" : printable(path)}`;
  let text: string;
  try {
    text = readFile(path).replace(/^\uFEFF/, "");
  } catch (error) {
    problems.add(`${file} ${whyUnreadable(error)}.`);
    return undefined;
  }
  if (text.includes("\0") || text.includes("\uFFFD")) {
    problems.add(`${file} ${NOT_UTF8}.`);
    return undefined;
  }
  if (text.trim() === "") {
    problems.add(`${file} is empty.`);
    return undefined;
  }
  return text;
}

/** The likely cause of NUL characters and invalid UTF-8: PowerShell's `>` writes UTF-16. */
export const NOT_UTF8 = "is not UTF-8 text: it may be UTF-16, as PowerShell writes it. Save it as UTF-8";

/** Why a file cannot be read, to follow its name in a sentence. Has the system's code, but not its text. */
export function whyUnreadable(error: unknown): string {
  const code = systemCode(error) ?? "unknown";
  return `${REASONS[code] ?? "cannot be read"} (${code})`;
}

/** Whether the error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return /^(ENOENT|ENOTDIR)$/.test(systemCode(error) ?? "");
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "cannot be read by this user: check its permissions, and those of the folders above it",
  EPERM: "cannot be read by this user: the system does not permit it",
  EISDIR: "is a folder: name a file",
  ENOTDIR: "does not exist: part of its path is a file, not a folder",
  ELOOP: "is a symbolic link that leads back to itself",
};

/** One in a thousand random base64 texts of 40 characters lacks lower case, upper case or digits. */
const KEY_SHAPED = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9+/_-]{40,}={0,2}$/;

/** Nothing distinguishes a path from a password that is set there by mistake, so that no sentence shows it. */
const PASSWORD_FILE = "PGPASSWORD_FILE";

/** What the path looks like: a masking key, a list of them, an age identity, a PEM file, or a URL, which may have a password. */
function secretIn(path: string): "a key" | "a URL" | undefined {
  if (/^\s*[a-z][a-z\d+.-]*:\/\//i.test(path)) return "a URL";
  if (path.includes("-----BEGIN") || /AGE-(SECRET-KEY|PLUGIN)-/i.test(path)) return "a key";
  const isKey = path.split(/[,=]/).some((part) => {
    const text = part.replace(/\s+/g, "");
    return KEY_SHAPED.test(text) || /^[0-9a-f]{40,}$/i.test(text);
  });
  return isKey ? "a key" : undefined;
}

/**
 * @param flag such as `--html`, for the sentence
 * @param checkWritable throws the system's error if the file cannot be written
 * @returns undefined if no file is requested, or if it cannot be written; the mistake is then added to `problems`
 */
export function readOutputPath(
  path: string | undefined,
  flag: string,
  checkWritable: (path: string) => void,
  problems: Problems,
): string | undefined {
  if (path === "") {
    problems.add(`${settingOf(flag)} is empty: name a file.`);
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

/**
 * Replaces the file that a flag names.
 *
 * @param writeFile replaces a file atomically; throws the system's error
 * @throws {Failure} `configuration` if the file cannot be written
 */
export async function writeOutputFile(
  writeFile: (path: string, text: string) => Promise<void>,
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

/** The sentence for a file that cannot be written: with the system's code, without its text. */
function unwritable(flag: string, path: string, error: unknown): string {
  const code = systemCode(error) ?? "unknown";
  const reason = WHY_UNWRITABLE[code];
  return `${settingOf(flag)}: the file ${printable(path)} cannot be written${reason === undefined ? "" : `: ${reason}`} (${code}).`;
}

const WHY_UNWRITABLE: Readonly<Record<string, string>> = {
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

export interface RunFileFlags {
  readonly report?: string;
  readonly metrics?: string;
  readonly dryRun?: boolean;
}

/** Undefined for a file that was not requested or cannot be used. */
export interface RunFiles {
  readonly report: string | undefined;
  readonly metrics: string | undefined;
}

/**
 * Reads the flags; mistakes are added to `problems`.
 *
 * @param checkWritable throws the system's error if the file cannot be written
 */
export function readRunFiles(
  flags: RunFileFlags,
  checkWritable: (path: string) => void,
  problems: Problems,
): RunFiles {
  const report = readOutputPath(flags.report, "--report", checkWritable, problems);
  const metrics = readOutputPath(metricsPath(flags, problems), "--metrics", checkWritable, problems);
  if (metrics !== undefined && report !== undefined && resolve(metrics) === resolve(report)) {
    problems.add("--report and --metrics name the same file. Name two different files.");
    return { report: undefined, metrics: undefined };
  }
  return { report, metrics };
}

function metricsPath({ metrics, dryRun }: RunFileFlags, problems: Problems): string | undefined {
  if (metrics === undefined) return undefined;
  const mistakes: string[] = [];
  if (!metrics.endsWith(".prom"))
    mistakes.push(
      `${settingOf("--metrics")} must name a file that ends in .prom, because node_exporter reads no others.`,
    );
  if (dryRun === true)
    mistakes.push("--metrics cannot be used with --dry-run, which would be counted as a real run.");
  for (const mistake of mistakes) problems.add(mistake);
  return mistakes.length === 0 ? metrics : undefined;
}
