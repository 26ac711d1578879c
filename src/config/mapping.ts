// Reads the mapping: the login's, or that of a file.
import { complete } from "../mapping/complete.ts";
import { faultOfDefault } from "../mapping/compile.ts";
import { APP_VERSION_STYLES, LOGIN as LOGIN_FILE } from "../mapping/login.ts";
import type { Mistake } from "../mapping/file.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { readNamedFile } from "./files.ts";
import { oneOf, type Problems } from "./readers.ts";

export interface MappingFlags {
  readonly mapping?: string;
  readonly appVersion?: string;
}

/** The built-in mapping. */
export const LOGIN: Mapping = complete(LOGIN_FILE);

/**
 * The mapping; a mistake is added to `problems`, and the login returned. The reader of files is loaded only when there is one.
 *
 * @param readFile throws if the file cannot be read
 */
export async function readMapping(
  { mapping: path, appVersion }: MappingFlags,
  readFile: (path: string) => string,
  problems: Problems,
): Promise<Mapping> {
  if (path === undefined) return login(appVersion, problems);
  if (appVersion !== undefined) {
    problems.add(
      "--app-version is for the built-in mapping. In the file of --mapping / FETCH_ETL_MAPPING, write type: version or version_major.",
    );
  }
  const text = readNamedFile(path, `The mapping of --mapping / FETCH_ETL_MAPPING`, readFile, problems);
  if (text === undefined) return LOGIN;
  const file = await import("../mapping/file.ts");
  const read = file.readMapping(text, faultOfDefault);
  if ("mapping" in read) return read.mapping;
  for (const line of mistakeLines(path, read.mistakes)) problems.add(line);
  return LOGIN;
}

/** `mapping.yaml:3:14: …`, as compilers write it, one for each mistake. */
export function mistakeLines(file: string, mistakes: readonly Mistake[]): string[] {
  return mistakes.map(({ line, column, sentence }) => `${file}:${line}:${column}: ${sentence}`);
}

/** The login, with its version in the style of `--app-version`. */
function login(style: string | undefined, problems: Problems): Mapping {
  const known = style === undefined ? "full" : oneOf(style, "--app-version", APP_VERSION_STYLES, problems);
  if (known !== "major") return LOGIN;
  const columns = LOGIN.columns.map((column) =>
    column.type === "version" ? { ...column, type: "version_major" as const } : column,
  );
  return { ...LOGIN, columns };
}
