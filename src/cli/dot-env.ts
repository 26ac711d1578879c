// Reads `.env` in the working directory, or the file that is named in its place.
import { parseEnv } from "node:util";
import { NOT_UTF8, whyUnreadable } from "../config/files.ts";
import { Failure, printable, systemCode } from "../failure.ts";
import { isSetting } from "./environment.ts";

/** The content of the file. It is read only once, because password managers provide it as a pipe. */
export interface DotEnv {
  /** As it was named: `.env`. */
  readonly path: string;
  readonly text: string;
  readonly values: NodeJS.Dict<string>;
  /** The line that sets a variable, from 1. Of two lines, the later one, which counts. */
  readonly lines: ReadonlyMap<string, number>;
}

/** In the working directory. */
const DOT_ENV = ".env";
/** Names another file. */
export const DOT_ENV_VARIABLE = "FETCH_ETL_DOTENV";

/**
 * @param readFile returns a file's bytes, and throws the system's error
 * @param isThere whether the file exists, even as a broken symbolic link
 * @param named the path of another file, which must exist
 * @returns undefined if there is no such file
 * @throws {Failure} `configuration` if the file cannot be read, or a setting in it would be ignored
 */
export function readDotEnv(
  readFile: (path: string) => Uint8Array,
  isThere: (path: string) => boolean,
  named?: string,
): DotEnv | undefined {
  const path = named ?? DOT_ENV;
  const unusable = (why: string, cause?: unknown): Failure =>
    new Failure("configuration", `${fileText(named)} ${why}.`, cause);
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (error) {
    const isMissing = systemCode(error) === "ENOENT";
    const isBroken = isMissing && isThere(path);
    if (isMissing && !isBroken && named === undefined) return undefined;
    throw unusable(
      isBroken ? "is a symbolic link to a file that does not exist" : whyUnreadable(error),
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
  const { lines, repeated } = linesOf(text);
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
  if ((values[DOT_ENV_VARIABLE] ?? "") !== "")
    throw unusable(`sets ${DOT_ENV_VARIABLE}, which works only in the environment: remove it`);
  return { path, text, values, lines };
}

/**
 * The line of each setting, and what is wrong if two lines set the same one: only the last one would count. A template may have left an
 * empty one, which is allowed.
 */
function linesOf(text: string): { readonly lines: Map<string, number>; readonly repeated?: string } {
  const lines = new Map<string, number>();
  const filled = new Set<string>();
  for (const [index, line] of text.split("\n").entries()) {
    const [, name = "", value = ""] = /^\s*(?:export\s+)?(\w+)\s*=\s*(\S?)/.exec(line) ?? [];
    if (!isSetting(name)) continue;
    const earlier = lines.get(name);
    if (earlier !== undefined && value !== "" && filled.has(name))
      return {
        lines,
        repeated: `sets ${name} twice, in lines ${earlier} and ${index + 1}: remove one of them`,
      };
    if (value !== "") filled.add(name);
    if (value !== "" || !filled.has(name)) lines.set(name, index + 1);
  }
  return { lines };
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

function fileText(named: string | undefined): string {
  return named === undefined
    ? `The file ${DOT_ENV} in the working directory`
    : `--dotenv / ${DOT_ENV_VARIABLE}: the file ${printable(named)}`;
}
