// What `forget` would delete, what it deleted, and where the values may still be.
import { keyIdOf } from "../../../masking/token.ts";
import type { Forgotten, Survey, SurveyedToken } from "../../../postgres/forget.ts";
import type { Occurrence } from "../../../postgres/occurrences.ts";
import type { HoldingMessage, SearchResult } from "../../../postgres/search.ts";
import type { Context } from "../../context.ts";
import type { Log } from "../../log/log.ts";
import { jsonLine } from "../../output.ts";
import { count, listText, plural, printable } from "../../terminal/style.ts";

/** The request. */
export interface Request {
  /** The name of the column of --where. */
  readonly column: string | undefined;
  /** The ids of the configured masking keys. */
  readonly keyIds: readonly string[];
}

/** Whether the request would delete nothing. */
export function isEmpty({ tokens, doomed }: Survey): boolean {
  return doomed.length === 0 && !tokens.some(({ inVault }) => inVault);
}

/** The lines of a survey: each token, the quarantined messages, and a summary. */
export function surveyText(survey: Survey, { column }: Request): string {
  const { tokens, doomed, quarantine, occurrence, matched, person } = survey;
  const lines: string[] = [];
  if (matched !== undefined) {
    const those = `${plural(matched, "row")} with this value in column ${printable(column ?? "")}`;
    lines.push(
      matched === 0
        ? `No ${those.slice(2)}.`
        : `${those}${tokens.length === 0 ? ": no tokens." : matched === 1 ? " has these tokens:" : " have these tokens:"}`,
    );
  }
  for (const token of tokens) lines.push(token.token, `  ${tokenText(token, survey)}`);
  if ("notCounted" in occurrence) lines.push(`The rows were not counted. ${occurrence.notCounted}`);
  if (doomed.length > 0) {
    lines.push(`${plural(doomed.length, "quarantined message")} to delete:`);
    lines.push(...doomed.map((message) => `  ${printable(message.messageId)}`));
  }
  if ("found" in quarantine && quarantine.searched > 0)
    lines.push(
      `${plural(quarantine.searched, "quarantined body", "quarantined bodies")} opened and searched.`,
    );
  if (isEmpty(survey)) lines.push("There is nothing left to delete.");
  else
    lines.push(`To delete: ${deletedText(tokens.filter(({ inVault }) => inVault).length, doomed.length)}.`);
  if (!("notCounted" in occurrence) && occurrence.rows > 0)
    lines.push(`The tokens are in ${placesText(occurrence, person)}. Rows stay, with their tokens.`);
  return `${lines.join("\n")}\n`;
}

function tokenText({ inVault, occurrence, forgotten }: SurveyedToken, { matched, person }: Survey): string {
  const state = inVault
    ? "in the vault"
    : forgotten === undefined
      ? "not in the vault"
      : `forgotten on ${forgotten.at.slice(0, 10)} (${printable(forgotten.reason)})`;
  if (occurrence === undefined) return state;
  const others = matched !== undefined && occurrence.people !== undefined ? occurrence.people - 1 : 0;
  const shared = others > 0 ? `, shared with ${peopleText(others, person, "other ")}` : "";
  return `${state}; in ${placesText(occurrence, person)}${shared}`;
}

function placesText({ rows, people }: Occurrence, person: string | undefined): string {
  return people === undefined
    ? plural(rows, "row")
    : `${plural(rows, "row")} of ${peopleText(people, person)}`;
}

function peopleText(people: number, person = "", which = ""): string {
  if (person === "user_id") return plural(people, `${which}user`);
  return `${count(people)} ${which}${people === 1 ? "value" : "values"} of ${printable(person)}`;
}

function deletedText(values: number, messages: number): string {
  const bodies = messages === 0 ? "" : ` and ${plural(messages, "quarantined message")}`;
  return `${plural(values, "value")}${bodies}`;
}

export function forgottenText({ forgotten, purged }: Pick<Forgotten, "forgotten" | "purged">): string {
  const messages = purged === 0 ? "" : ` and deleted ${plural(purged, "quarantined message")}`;
  return `forgot ${plural(forgotten, "value")}${messages}; rows keep their tokens\n`;
}

/** @param result undefined if nothing was deleted: a dry run, or a request that was done before */
export function forgetJson(
  survey: Survey,
  result: Forgotten | undefined,
  dryRun: boolean,
  request: Request,
): string {
  const { tokens, occurrence, matched, otherKeys } = survey;
  const { quarantine } = result ?? survey;
  const counted = "notCounted" in occurrence ? undefined : occurrence;
  return jsonLine({
    command: "forget",
    ...(dryRun ? { dryRun } : {}),
    forgotten: result?.forgotten ?? 0,
    matched: matched ?? null,
    rows: counted?.rows ?? null,
    people: counted?.people ?? null,
    tokens: tokens.map((each) => ({
      token: each.token,
      inVault: each.inVault,
      rows: each.occurrence?.rows ?? null,
      people: each.occurrence?.people ?? null,
      forgottenAt: each.forgotten?.at ?? null,
      request: each.forgotten?.reason ?? null,
    })),
    quarantinedBodies:
      "found" in quarantine
        ? {
            found: quarantine.found.map(({ messageId }) => messageId),
            toDelete: survey.doomed.map(({ messageId }) => messageId),
            purged: result?.purged ?? 0,
            searched: quarantine.searched,
            notOpened: quarantine.keyMissing + quarantine.notOpened,
            tokensNotSought: tokensNotSought(survey, request).length,
          }
        : null,
    otherKeys,
  });
}

/** The maximum number of key ids in a sentence. */
const MOST_NAMED = 10;

/** Warns where the values would still be, or could be, and what to do. */
export function warnOfRest({ log }: Context, survey: Survey, request: Request): void {
  const { quarantine, doomed, otherKeys } = survey;
  if ("found" in quarantine) {
    warnOfKept(log, quarantine.found, doomed);
    warnOfNotOpened(log, quarantine, survey, request);
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

/** Warns of messages that arrived between the survey and the deletion. */
export function warnOfLate({ log }: Context, survey: Survey, { quarantine }: Forgotten): void {
  if (!("found" in quarantine) || !("found" in survey.quarantine)) return;
  const late = quarantine.found.length - survey.quarantine.found.length;
  if (late > 0)
    log.warn(
      `${plural(late, "more quarantined message")} with these values arrived in the meantime and stayed. Run the same command again.`,
    );
}

function warnOfKept(log: Log, found: readonly HoldingMessage[], doomed: readonly HoldingMessage[]): void {
  const kept = found.filter((message) => !doomed.includes(message));
  if (kept.length === 0) return;
  const ids = listText(kept.map(({ messageId }) => printable(messageId)));
  log.warn(
    `${plural(kept.length, "quarantined message contains", "quarantined messages contain")} the same values: ` +
      `${ids}. "fetch-etl quarantine replay" could load them again. ` +
      "Run the same command with --purge-quarantine to delete these messages.",
  );
}

function warnOfNotOpened(
  log: Log,
  { keyMissing, missingKey, notOpened }: SearchResult,
  survey: Survey,
  request: Request,
): void {
  if (keyMissing > 0) {
    log.warn(
      `${plural(keyMissing, "quarantined message was", "quarantined messages were")} not searched for these values: they are encrypted ` +
        `with a masking key that is not configured, such as ${printable(missingKey ?? "")}. ` +
        `Set FETCH_ETL_MASKING_KEY${request.keyIds.length === 0 ? "" : " to all keys, separated by commas"}, and run the same command with --purge-quarantine.`,
    );
  }
  if (notOpened > 0) {
    log.warn(
      `${plural(notOpened, "quarantined message was", "quarantined messages were")} not searched for these values: ` +
        'the body is longer than 16 MiB, or was altered after encryption. "fetch-etl quarantine purge --never-replayed" deletes messages by age or by id.',
    );
  }
  const tokens = tokensNotSought(survey, request);
  if (request.keyIds.length > 0 && tokens.length > 0) {
    log.warn(
      `The quarantine was not searched for the values of ${plural(tokens.length, "token")} of masking keys that are not configured, such as ${keyIdOf(tokens[0] ?? "")}. ` +
        "Add these keys to FETCH_ETL_MASKING_KEY after the first key, separated by commas.",
    );
  }
}

/** Tokens of keys that are not configured. No body can be searched for them. */
function tokensNotSought({ tokens }: Survey, { keyIds }: Request): string[] {
  return tokens.map(({ token }) => token).filter((token) => !keyIds.includes(keyIdOf(token)));
}
