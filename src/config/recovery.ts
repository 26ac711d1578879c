// Reads the age recipients and identities of the vault.
import type { Problems } from "./readers.ts";
import { readNamedFile } from "./files.ts";
import { Secret } from "./secret.ts";

const RECIPIENT = "FETCH_ETL_RECOVERY_RECIPIENT";
/** X25519, or ML-KEM-768 with X25519 (`age1pq1…`): `reveal` can use their identities. The data part never contains a `1`. */
const KNOWN = /^age1(pq1)?[02-9ac-hj-np-z]+$/;
/** Recipients of age plugins, whose identities are in hardware or another program: `age1yubikey1…`, `age1se1…`, `age1tag1…`. */
const OF_A_PLUGIN = /^age1([a-z][a-z0-9+.-]{0,30}?)1[a-z0-9]+$/;
/** Length of an X25519 recipient: in a text of this length, a second `1` is a typing error. */
const X25519_LENGTH = 62;

/**
 * Reads the age recipients (`age1…`, `age1pq1…`), separated by commas, blanks or line ends; mistakes are added to `problems`.
 *
 * @returns undefined without a vault
 */
export function readRecipients(env: NodeJS.ProcessEnv, problems: Problems): readonly string[] | undefined {
  const text = (env[RECIPIENT] ?? "").trim();
  if (text === "") return undefined;
  if (/AGE-(SECRET-KEY|PLUGIN)-|PRIVATE KEY/i.test(text)) {
    problems.add(
      `${RECIPIENT} contains an identity, which is a secret key. Set its recipient (age1…) instead, ` +
        "which age-keygen -y prints, and treat the identity as leaked.",
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
      `${RECIPIENT} contains ${kind}, which "fetch-etl reveal" cannot decrypt with. ` +
        "Set a recipient from age-keygen, X25519 (age1…) or post-quantum (age1pq1…).",
    );
  } else if (!recipients.every((recipient) => KNOWN.test(recipient))) {
    problems.add(
      `${RECIPIENT} is not an age recipient, X25519 (age1…) or post-quantum (age1pq1…), or a list of them separated by commas.`,
    );
  }
  return recipients;
}

/**
 * Reads an identity file.
 *
 * @param readFile returns a file's text; throws the system's error if it cannot be read
 * @returns undefined, with the mistake added to `problems`, if it cannot be read
 */
export function readIdentityFile(
  path: string,
  readFile: (path: string) => string,
  problems: Problems,
): Secret | undefined {
  const text = readNamedFile(path, "--identity", readFile, problems);
  return text === undefined ? undefined : new Secret(text);
}
