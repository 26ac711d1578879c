// Finds the masking keys: in the environment, or in a file that the environment names.
import { MIN_KEY_BYTES } from "../masking/keys.ts";
import { readNamedFile } from "./files.ts";
import type { Problems } from "./readers.ts";
import { Secret } from "./secret.ts";

const KEY = "FETCH_ETL_MASKING_KEY";
const KEY_FILE = "FETCH_ETL_MASKING_KEY_FILE";

/** One key or more. The first one masks; the others belong to tokens and sealed bodies of earlier times. */
export type MaskingKeyList = readonly [Uint8Array, ...Uint8Array[]];

/**
 * Reads the masking keys, base64 or base64url, {@link MIN_KEY_BYTES} bytes or more each, separated by commas. Blanks and line ends are
 * part of no key and separate none. A key may follow `FETCH_ETL_MASKING_KEY=`, as `fetch-etl keygen` prints it.
 *
 * @param readFile gives a file's text, and throws the system's error where it cannot be read
 * @returns the keys' bytes; undefined, with the mistake added to `problems`, where one is not usable
 */
export function readMaskingKeys(
  env: NodeJS.ProcessEnv,
  readFile: (path: string) => string,
  problems: Problems,
): Secret<MaskingKeyList> | undefined {
  const inline = env[KEY] ?? "";
  const path = env[KEY_FILE] ?? "";
  if (inline === "" && path === "") {
    problems.add(
      `There is no masking key: set ${KEY} or ${KEY_FILE}. "fetch-etl keygen >> .env" makes one; ` +
        "keep it safe, because tokens made with another key do not match.",
    );
    return undefined;
  }
  if (inline !== "" && path !== "") {
    problems.add(`Both ${KEY} and ${KEY_FILE} are set: unset one of them.`);
    return undefined;
  }
  if (inline !== "") return parseKeys(inline, KEY, problems);
  const text = readNamedFile(path, KEY_FILE, readFile, problems);
  return text === undefined ? undefined : parseKeys(text, `the file that ${KEY_FILE} names`, problems);
}

function parseKeys(text: string, where: string, problems: Problems): Secret<MaskingKeyList> | undefined {
  const [first = "", ...others] = text.split(",");
  const masking = parseKey(first, where, problems);
  const earlier = others.map((each, index) => parseKey(each, `key ${index + 2} of ${where}`, problems));
  if (masking === undefined || !earlier.every((key) => key !== undefined)) return undefined;
  return new Secret<MaskingKeyList>([masking, ...earlier]);
}

const ASSIGNMENT = new RegExp(`^(export\\s+)?${KEY}\\s*=`);
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

function parseKey(text: string, where: string, problems: Problems): Uint8Array | undefined {
  const parts = withoutQuotes(text.trim().replace(ASSIGNMENT, "")).split(/\s+/);
  const isOne = parts.length === 1 || isWrapped(parts);
  if (!isOne && parts.some(isKey)) {
    problems.add(
      `${sentence(where)} has ${parts.length} parts with blanks or line ends between them, which may be one key or several: ` +
        "write one key on one line, or put a comma between two keys.",
    );
    return undefined;
  }
  const encoded = parts.join("");
  if (!isOne || !BASE64.test(encoded)) {
    problems.add(`${sentence(where)} is not base64${hint(text)}: "fetch-etl keygen" prints a key that is.`);
    return undefined;
  }
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.length < MIN_KEY_BYTES) {
    problems.add(
      `${sentence(where)} is ${bytes.length} bytes long; it must be ${MIN_KEY_BYTES} or more: ` +
        `"fetch-etl keygen" prints one.`,
    );
    return undefined;
  }
  return Uint8Array.from(bytes);
}

/** Whether it is a whole key by itself, with `FETCH_ETL_MASKING_KEY=` before it or without. */
function isKey(part: string): boolean {
  const encoded = part.replace(ASSIGNMENT, "");
  return BASE64.test(encoded) && byteLength(encoded) >= MIN_KEY_BYTES;
}

/**
 * Whether parts are surely one key, wrapped as `base64` (76 columns) and `openssl` (64) wrap a long one: lines of one length without
 * padding, and a last one that is too short for a key. A last one that is long enough may be a key of its own: one cannot tell.
 */
function isWrapped(parts: readonly string[]): boolean {
  const last = parts.at(-1) ?? "";
  const lines = parts.slice(0, -1);
  const width = lines[0]?.length ?? 0;
  const encoded = parts.join("");
  return (
    width % 4 === 0 &&
    lines.every((line) => line.length === width && byteLength(line) >= MIN_KEY_BYTES) &&
    byteLength(last) < MIN_KEY_BYTES &&
    BASE64.test(encoded) &&
    (last.endsWith("=") ? encoded.length % 4 === 0 : encoded.length % 4 !== 1)
  );
}

function byteLength(encoded: string): number {
  return Buffer.from(encoded, "base64").length;
}

function withoutQuotes(text: string): string {
  return /^(["'])([^"']*)\1$/.exec(text.trim())?.[2]?.trim() ?? text.trim();
}

/** What a text that is not base64 most probably is. */
function hint(text: string): string {
  if (text.includes("-----BEGIN")) return " but a PEM file";
  if (/^\s*[0-9a-f]{2}(:[0-9a-f]{2})+\s*$/i.test(text)) return " but hexadecimal";
  return "";
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
