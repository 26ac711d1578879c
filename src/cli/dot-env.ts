// Reads `.env` in the working directory.
import { parseEnv } from "node:util";
import { NOT_UTF8, whyUnreadable } from "../config/files.ts";
import { Failure, systemCode } from "../failure.ts";
import { isSetting } from "./environment.ts";

/** The content of the file. It is read only once, because password managers provide it as a pipe. */
export interface DotEnv {
  readonly text: string;
  readonly values: NodeJS.Dict<string>;
}

const FILE = "The file .env in the working directory";

/**
 * @param readFile returns a file's bytes, and throws the system's error
 * @param isThere whether the file exists, even as a broken symbolic link
 * @returns undefined if there is no such file
 * @throws {Failure} `configuration` if the file cannot be read, or a setting in it would be ignored
 */
export function readDotEnv(
  readFile: (path: string) => Uint8Array,
  isThere: (path: string) => boolean,
): DotEnv | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFile(".env");
  } catch (error) {
    const isMissing = systemCode(error) === "ENOENT";
    if (isMissing && !isThere(".env")) return undefined;
    throw unusable(
      isMissing ? "is a symbolic link to a file that does not exist" : whyUnreadable(error),
      error,
    );
  }
  // The decoder removes a byte order mark.
  const text = new TextDecoder().decode(bytes).replaceAll("\r\n", "\n");
  if (text.includes("\0")) throw unusable(NOT_UTF8);
  if (hasWrappedKey(text)) {
    throw unusable(
      "has a FETCH_ETL_MASKING_KEY that seems to continue on the next line, which would be ignored: write the key on one line, " +
        "or put an empty line after it",
    );
  }
  const repeated = repeatedSetting(text);
  if (repeated !== undefined) throw unusable(repeated);
  const values = parseEnv(text);
  for (const [name, value = ""] of Object.entries(values)) {
    // A line without "=" becomes part of the next variable's name.
    const hidden = name.split("\n").at(-1) ?? "";
    if (hidden !== name && isSetting(hidden)) {
      throw unusable(
        `has a line before ${hidden} that is neither NAME=value nor a comment and would hide it`,
      );
    }
    if (isSetting(name) && value.includes("\uFFFD")) throw unusable(NOT_UTF8);
  }
  return { text, values };
}

/** What is wrong if two lines set the same setting: only the last one would count. A template may have left an empty one, which is allowed. */
function repeatedSetting(text: string): string | undefined {
  const lines = new Map<string, number>();
  for (const [index, line] of text.split("\n").entries()) {
    const name = /^\s*(?:export\s+)?(\w+)\s*=\s*\S/.exec(line)?.[1] ?? "";
    if (!isSetting(name)) continue;
    const earlier = lines.get(name);
    if (earlier !== undefined)
      return `sets ${name} twice, in lines ${earlier} and ${index + 1}: remove one of them`;
    lines.set(name, index + 1);
  }
  return undefined;
}

/** A line such as `NAME=` is not taken for base64, unless its length is a multiple of four, as padded base64 has. */
function hasWrappedKey(text: string): boolean {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.some((line, index) => {
    const list = /^(?:export\s+)?FETCH_ETL_MASKING_KEY\s*=(.*)$/.exec(line)?.[1];
    const key = list?.split(",").at(-1)?.trim().replace(/^kms:/, "") ?? "";
    const next = lines[index + 1] ?? "";
    return (
      /^[\w+/-]+$/.test(key) &&
      key.length % 4 === 0 &&
      /^[\w+/-]+={0,2}$/.test(next) &&
      (next.length % 4 === 0 || !next.endsWith("="))
    );
  });
}

function unusable(why: string, cause?: unknown): Failure {
  return new Failure("configuration", `${FILE} ${why}.`, cause);
}
