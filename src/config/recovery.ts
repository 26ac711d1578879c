// Reads for whom values are kept recoverable.
import type { Problems } from "./problems.ts";

const RECIPIENT = "FETCH_ETL_RECOVERY_RECIPIENT";

/**
 * The age recipients (`age1…`), separated by commas; mistakes are added to `problems`.
 *
 * @returns undefined where nothing is to be kept
 */
export function readRecipients(env: NodeJS.ProcessEnv, problems: Problems): readonly string[] | undefined {
  const text = (env[RECIPIENT] ?? "").trim();
  if (text === "") return undefined;
  const recipients = text.split(",").map((recipient) => recipient.trim());
  if (recipients.some((recipient) => /^AGE-SECRET-KEY-/i.test(recipient))) {
    problems.add(
      `${RECIPIENT} holds an identity, which opens values and has no business here: set its recipient, age1…, ` +
        "which age-keygen -y prints, and consider the identity leaked.",
    );
  } else if (!recipients.every((recipient) => /^age1[a-z0-9]+$/.test(recipient))) {
    problems.add(`${RECIPIENT} is not an age recipient, age1…, or several with commas between them.`);
  }
  return recipients;
}
