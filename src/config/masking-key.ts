// Reads the masking keys.
import { printable } from "../failure.ts";
import { deriveKeys, MIN_KEY_BYTES, type MaskingKeys } from "../masking/keys.ts";
import type { Problems } from "./readers.ts";
import { originOf, sentence, type SecretSources } from "./secret-settings.ts";

const KEY = "FETCH_ETL_MASKING_KEY";

/** A new key would be the wrong advice: its tokens do not match those of existing rows. */
const RESTORE = "Restore the key from your copy. A new key is no replacement.";

/** One masking key or more. The first is the current one; the others are for earlier tokens and sealed bodies. */
type MaskingKeyList = readonly [MaskingKeys, ...MaskingKeys[]];

/**
 * Reads the masking keys: base64 or base64url, {@link MIN_KEY_BYTES} bytes or more each, separated by commas. White space around keys
 * is ignored and does not separate keys. `FETCH_ETL_MASKING_KEY=` may precede a key, as `fetch-etl keygen` prints it.
 *
 * @returns undefined, with the mistake added to `problems`, if one is invalid
 */
export function readMaskingKeys(
  { env, secrets, dotEnv }: SecretSources,
  problems: Problems,
): MaskingKeyList | undefined {
  if (secrets.failed.has(KEY)) return undefined;
  const text = env[KEY] ?? "";
  if (text !== "") return parseKeys(text, originOf(KEY, secrets), problems);
  const file = dotEnv?.path === ".env" ? ".env in this folder" : printable(dotEnv?.path ?? "");
  const place = dotEnv === undefined ? "there is no .env in this folder" : `${file} does not set it`;
  problems.add(
    `No masking key is configured, and ${place}. Set ${KEY}, ${KEY}_FILE or ${KEY}_COMMAND to the key that masked the existing rows: ` +
      'tokens of another key do not match theirs. Only if there are no rows yet, "fetch-etl keygen >> .env" creates a key.',
  );
  return undefined;
}

/** Like {@link readMaskingKeys}, but it is not a mistake to configure no key: the list is then empty. */
export function readKeysIfSet(
  sources: SecretSources,
  problems: Problems,
): readonly MaskingKeys[] | undefined {
  const isSet = (sources.env[KEY] ?? "") !== "" || sources.secrets.failed.has(KEY);
  return isSet ? readMaskingKeys(sources, problems) : [];
}

function parseKeys(text: string, where: string, problems: Problems): MaskingKeyList | undefined {
  const [first = "", ...others] = text.split(",");
  const masking = parseKey(first, where, problems);
  const earlier = others.map((each, index) => parseKey(each, `key ${index + 2} of ${where}`, problems));
  if (masking === undefined || !earlier.every((key) => key !== undefined)) return undefined;
  return [masking, ...earlier];
}

const ASSIGNMENT = new RegExp(`^(export\\s+)?${KEY}\\s*=`);
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

function parseKey(text: string, where: string, problems: Problems): MaskingKeys | undefined {
  const parts = withoutQuotes(text.trim().replace(ASSIGNMENT, "")).split(/\s+/);
  const isOne = parts.length === 1 || isWrapped(parts);
  if (!isOne && parts.some(isKey)) {
    problems.add(
      `${sentence(where)} has ${parts.length} parts separated by blanks or line endings. They may be one key or several. ` +
        "Write each key on one line, and separate keys with commas.",
    );
    return undefined;
  }
  const encoded = parts.join("");
  if (!isOne || !BASE64.test(encoded)) {
    problems.add(`${sentence(where)} ${hint(text)}. ${RESTORE}`);
    return undefined;
  }
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.length < MIN_KEY_BYTES) {
    problems.add(
      `${sentence(where)} is ${bytes.length} bytes long, but ${MIN_KEY_BYTES} or more are required. Was it truncated? ${RESTORE}`,
    );
    return undefined;
  }
  return deriveKeys(bytes);
}

/** Whether the part is a whole key, with or without `FETCH_ETL_MASKING_KEY=` before it. */
function isKey(part: string): boolean {
  const encoded = part.replace(ASSIGNMENT, "");
  return BASE64.test(encoded) && byteLength(encoded) >= MIN_KEY_BYTES;
}

/**
 * Whether the parts are certainly one key, wrapped as `base64` (76 columns) and `openssl` (64) wrap it: lines of equal length without
 * padding, and a last line too short for a key. A longer last line could be a key of its own.
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

/** What is wrong with a text that is not base64, without quoting it. */
function hint(text: string): string {
  if (text.includes("-----BEGIN")) return "is not base64 but a PEM file";
  if (/^\s*[0-9a-f]{2}(:[0-9a-f]{2})+\s*$/i.test(text)) return "is not base64 but hexadecimal";
  const quoted = text.trim().replace(ASSIGNMENT, "").trim();
  if (/^["']/.test(quoted)) return "begins with a quotation mark, and does not end with the same one";
  if (/["']$/.test(quoted)) return "ends with a quotation mark, and does not begin with the same one";
  return "is not base64";
}
