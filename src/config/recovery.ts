// Reads for whom values are kept recoverable.
import type { Problems } from "./readers.ts";
import { readNamedFile } from "./files.ts";
import { Secret } from "./secret.ts";

const RECIPIENT = "FETCH_ETL_RECOVERY_RECIPIENT";
/** X25519, or ML-KEM-768 with X25519 (`age1pq1…`): those whose identities `reveal` can use. A `1` is in no recipient's data. */
const KNOWN = /^age1(pq1)?[02-9ac-hj-np-z]+$/;
/** The kinds whose identities are in hardware or in another program: `age1yubikey1…`, `age1se1…`, `age1tag1…`. */
const OF_A_PLUGIN = /^age1([a-z][a-z0-9+.-]{0,30}?)1[a-z0-9]+$/;
/** Of one for X25519: in what is as long, a `1` is a typing error. */
const X25519_LENGTH = 62;

/**
 * The age recipients (`age1…`, `age1pq1…`), separated by commas, blanks or line ends; mistakes are added to `problems`.
 *
 * @returns undefined where nothing is to be kept
 */
export function readRecipients(env: NodeJS.ProcessEnv, problems: Problems): readonly string[] | undefined {
  const text = (env[RECIPIENT] ?? "").trim();
  if (text === "") return undefined;
  if (/AGE-(SECRET-KEY|PLUGIN)-|PRIVATE KEY/i.test(text)) {
    problems.add(
      `${RECIPIENT} holds an identity, which opens values and has no business here: set its recipient, age1…, ` +
        "which age-keygen -y prints, and consider the identity leaked.",
    );
    return [];
  }
  const recipients = text.split(/[\s,]+/).filter((recipient) => recipient !== "");
  const plugin = recipients
    .filter((recipient) => recipient.length !== X25519_LENGTH)
    .map((recipient) => OF_A_PLUGIN.exec(recipient)?.[1])
    .find((name) => name !== undefined && name !== "pq");
  if (plugin !== undefined || /(^|[\s,])ssh-/.test(text)) {
    const kind = plugin === undefined ? "an SSH key" : `a recipient of an age plugin (age1${plugin}1…)`;
    problems.add(
      `${RECIPIENT} holds ${kind}, and "fetch-etl reveal" could not open what is sealed to it: ` +
        "set a recipient that age-keygen makes, X25519 (age1…) or post-quantum (age1pq1…).",
    );
  } else if (!recipients.every((recipient) => KNOWN.test(recipient))) {
    problems.add(
      `${RECIPIENT} is not an age recipient, X25519 (age1…) or post-quantum (age1pq1…), or several with commas between them.`,
    );
  }
  return recipients;
}

/**
 * The text of an identity file.
 *
 * @param readFile gives a file's text, and throws the system's error where it cannot be read
 * @returns undefined, with the mistake added to `problems`, where it cannot be read
 */
export function readIdentityFile(
  path: string,
  readFile: (path: string) => string,
  problems: Problems,
): Secret | undefined {
  const text = readNamedFile(path, "--identity", readFile, problems);
  return text === undefined ? undefined : new Secret(text);
}
