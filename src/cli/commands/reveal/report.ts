// The reports of `reveal` and `forget`.
import type { HoldingMessage, SearchResult } from "../../../postgres/search.ts";
import type { Forgotten } from "../../../postgres/vault.ts";
import { keyIdOf } from "../../../masking/token.ts";
import type { Revealed, RevealedValue } from "../../../recovery/reveal.ts";
import type { Context } from "../../context.ts";
import type { Log } from "../../log/log.ts";
import { writeJson } from "../../output.ts";
import { listText, plural, printable } from "../../terminal/style.ts";

/** One line per token: the token, two spaces, the value. */
export function writeRevealed({ stdout }: Context, values: readonly RevealedValue[]): void {
  stdout.write(values.map(({ token, value }) => `${token}  ${printable(value)}\n`).join(""));
}

/** For an entry that was altered, or that has no data key. */
export function writeNotRevealed({ log }: Context, { token, why }: Extract<Revealed, { ok: false }>): void {
  const what =
    why === "altered"
      ? "the value, its field or its data key was altered after encryption"
      : "its data key is missing from fetch_etl.vault_keys";
  log.error(
    `Cannot decrypt the vault entry of ${token}: ${what}. Nothing was revealed. ` +
      "Find out who can write to the vault. Then restore the entry from a backup, or omit its token.",
  );
}

export function writeForgotten({ stdout }: Context, { forgotten, purged }: Forgotten): void {
  const messages = purged === 0 ? "" : ` and deleted ${plural(purged, "quarantined message")}`;
  stdout.write(`forgot ${plural(forgotten, "value")}${messages}; rows keep their tokens\n`);
}

/** The request. */
interface Asked {
  readonly tokens: readonly string[];
  /** The ids of the configured masking keys. */
  readonly keyIds: readonly string[];
}

export function writeForgottenJson({ stdout }: Context, result: Forgotten, asked: Asked): void {
  const { forgotten, quarantine, purged, otherKeys } = result;
  const quarantinedBodies =
    "found" in quarantine
      ? {
          found: quarantine.found.map(({ messageId }) => messageId),
          purged,
          notOpened: quarantine.keyMissing + quarantine.notOpened,
          tokensNotSought: tokensNotSought(asked).length,
        }
      : null;
  writeJson(stdout, { command: "forget", forgotten, quarantinedBodies, otherKeys });
}

/** The maximum number of key ids in a sentence. */
const MOST_NAMED = 10;

/** Warns where the values still are or could be, and what to do. */
export function writeLeft({ log }: Context, result: Forgotten, asked: Asked): void {
  const { quarantine, purged, otherKeys } = result;
  if ("found" in quarantine) {
    if (purged === 0) warnOfFound(log, quarantine.found);
    warnOfNotOpened(log, quarantine, asked);
  } else {
    log.warn(`The quarantine was not searched for these values. ${quarantine.notSearched}`);
  }
  if (otherKeys.length > 0) {
    log.warn(
      `The vault also contains values of ${otherKeys.length === 1 ? "another masking key" : "other masking keys"}: ${otherKeys.slice(0, MOST_NAMED).join(", ")}. ` +
        'They can include the same values under other tokens. "fetch-etl mask --key-id" prints these tokens, so that you can forget them too.',
    );
  }
}

function warnOfFound(log: Log, found: readonly HoldingMessage[]): void {
  if (found.length === 0) return;
  const ids = listText(found.map(({ messageId }) => printable(messageId)));
  log.warn(
    `${plural(found.length, "quarantined message contains", "quarantined messages contain")} the same values: ` +
      `${ids}. "fetch-etl quarantine replay" could load them again. ` +
      "Run the same command with --purge-quarantine to delete these messages.",
  );
}

function warnOfNotOpened(log: Log, { keyMissing, missingKey, notOpened }: SearchResult, asked: Asked): void {
  if (keyMissing > 0) {
    log.warn(
      `${plural(keyMissing, "quarantined message was", "quarantined messages were")} not searched for these values: they are encrypted ` +
        `with a masking key that is not configured, such as ${printable(missingKey ?? "")}. ` +
        `Set FETCH_ETL_MASKING_KEY${asked.keyIds.length === 0 ? "" : " to all keys, separated by commas"}, and run the same command with --purge-quarantine.`,
    );
  }
  if (notOpened > 0) {
    log.warn(
      `${plural(notOpened, "quarantined message was", "quarantined messages were")} not searched for these values: ` +
        'the body is longer than 16 MiB, or was altered after encryption. "fetch-etl quarantine purge" deletes messages by age.',
    );
  }
  const tokens = tokensNotSought(asked);
  if (asked.keyIds.length > 0 && tokens.length > 0) {
    log.warn(
      `The quarantine was not searched for the values of ${plural(tokens.length, "token")} of masking keys that are not configured, such as ${keyIdOf(tokens[0] ?? "")}. ` +
        "Add these keys to FETCH_ETL_MASKING_KEY after the first key, separated by commas.",
    );
  }
}

/** Tokens of keys that are not configured. No body can be searched for them. */
function tokensNotSought({ tokens, keyIds }: Asked): string[] {
  return [...new Set(tokens)].filter((token) => !keyIds.includes(keyIdOf(token)));
}
