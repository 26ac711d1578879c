// Finds the masking keys: in the environment, or in a file that the environment names.
import { MIN_KEY_BYTES } from "../masking/keys.ts";
import type { Problems } from "./problems.ts";
import { Secret } from "./secret.ts";

const KEY = "FETCH_ETL_MASKING_KEY";
const KEY_FILE = "FETCH_ETL_MASKING_KEY_FILE";

/** One key or more. The first one masks; the others belong to tokens and sealed bodies of earlier times. */
export type MaskingKeyList = readonly [Uint8Array, ...Uint8Array[]];

/**
 * Reads the masking keys, base64 or base64url, {@link MIN_KEY_BYTES} bytes or more each, separated by commas or, in a file, line ends.
 * A file may hold keys alone or lines that `fetch-etl keygen` prints.
 *
 * @param readFile gives a file's text, and throws where it cannot be read
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
  try {
    return parseKeys(readFile(path), `the file that ${KEY_FILE} names`, problems);
  } catch {
    // Its value is not shown: it may be the key itself, set under the wrong name.
    problems.add(`${KEY_FILE} names a file that cannot be read.`);
    return undefined;
  }
}

function parseKeys(text: string, where: string, problems: Problems): Secret<MaskingKeyList> | undefined {
  const [first, ...others] = text
    .trim()
    .split(/[,\n]\s*/)
    .map((key) => key.trimEnd());
  const masking = parseKey(first ?? "", where, problems);
  const earlier = others.map((each, index) => parseKey(each, `key ${index + 2} of ${where}`, problems));
  if (masking === undefined || !earlier.every((key) => key !== undefined)) return undefined;
  return new Secret<MaskingKeyList>([masking, ...earlier]);
}

function parseKey(text: string, where: string, problems: Problems): Uint8Array | undefined {
  const encoded = text.replace(new RegExp(`^${KEY}=`), "");
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(encoded)) {
    problems.add(`${sentence(where)} is not base64: "fetch-etl keygen" prints a key that is.`);
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

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
