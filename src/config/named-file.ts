// Reads a text file that a setting names, and says why one cannot be read.
import type { Problems } from "./problems.ts";

/**
 * The file's text without a byte order mark.
 *
 * @param setting such as `--identity`, for the sentences
 * @param readFile gives a file's text, and throws the system's error where it cannot be read
 * @returns undefined, with the mistake added to `problems`, where it cannot be read, is empty or is not UTF-8
 */
export function readNamedFile(
  path: string,
  setting: string,
  readFile: (path: string) => string,
  problems: Problems,
): string | undefined {
  if (looksSecret(path)) {
    problems.add(`${setting} takes the path of a file, and its value looks like a key: set the path.`);
    return undefined;
  }
  const file = `${setting}: the file ${printable(path)}`;
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

/** What a text with NUL characters, or with bytes that no UTF-8 has, most probably is: PowerShell's `>` writes it. */
export const NOT_UTF8 = "is not UTF-8 text: it may be UTF-16, as PowerShell writes it. Save it as UTF-8";

/** Why a file cannot be read, to follow its name in a sentence: with the system's code, without its text. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  return `${REASONS[code] ?? "cannot be read"} (${code})`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "cannot be read by this user: check its permissions, and those of the folders above it",
  EPERM: "cannot be read by this user: the system does not permit it",
  EISDIR: "is a folder: name a file",
  ENOTDIR: "does not exist: part of its path is a file, not a folder",
  ELOOP: "is a symbolic link that leads back to itself",
};

/** Random base64 of 40 characters lacks one of the three kinds of character once in a thousand times. */
const KEY_SHAPED = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9+/_-]{40,}={0,2}$/;

/** Whether what should be a path looks like a masking key, a list of them, an age identity or a PEM file. */
function looksSecret(path: string): boolean {
  if (path.includes("-----BEGIN") || /AGE-(SECRET-KEY|PLUGIN)-/i.test(path)) return true;
  return path.split(/[,=]/).some((part) => {
    const text = part.replace(/\s+/g, "");
    return KEY_SHAPED.test(text) || /^[0-9a-f]{40,}$/i.test(text);
  });
}

/** A path in a sentence: nothing in it moves a terminal's cursor or ends the line. */
export function printable(path: string): string {
  return path.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{FFFD}");
}
