// Deletes values for ever: entries of the vault and, on request, quarantined messages. Shows first what that would be.
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import type { SoughtValue } from "../mapping/find.ts";
import { keyIdOf } from "../masking/token.ts";
import { record, recordOutcome } from "./access-log.ts";
import type { Sql, Transaction } from "./connection.ts";
import {
  columnsRead,
  countOccurrences,
  matchRows,
  placesOf,
  rightToRead,
  type Occurrence,
  type Occurrences,
} from "./occurrences.ts";
import { exactly, type MessageKey } from "./quarantined-message.ts";
import { fullName } from "./quote.ts";
import { FIXED_FORMATS } from "./read-column.ts";
import { requireAll, unique } from "./requested-tokens.ts";
import { lacking, missingGrants, type Right } from "./rights.ts";
import {
  deleteQuarantined,
  searchQuarantine,
  TO_SEARCH,
  type HoldingMessage,
  type QuarantineRequest,
  type SearchResult,
} from "./search.ts";
import type { TablesPresent } from "./schema.ts";
import { requireColumns } from "./target-table.ts";
import { isToken, tokenKeyId } from "./token.ts";
import { inTransaction, LOCKS, SNAPSHOT, takeLock, withLock } from "./transaction.ts";

/** The tokens to forget, or the rows whose tokens are. */
export type Asked = { readonly tokens: readonly string[] } | { readonly where: SoughtValue };

/** An earlier request to forget a token. */
interface PastRequest {
  /** ISO 8601, in UTC. */
  readonly at: string;
  readonly reason: string;
}

export interface SurveyedToken {
  readonly token: string;
  readonly inVault: boolean;
  /** Undefined where the rows were not counted. */
  readonly occurrence: Occurrence | undefined;
  /** The last request, if the vault does not contain it, and the user may read the record. */
  readonly forgotten: PastRequest | undefined;
}

/** What a request would delete, and where the same values are. */
export interface Survey {
  readonly tokens: readonly SurveyedToken[];
  /** Rows that have the value asked for; undefined if tokens were given. */
  readonly matched: number | undefined;
  /** Rows with any of the tokens; a sentence if they were not counted. */
  readonly occurrence: Occurrence | { readonly notCounted: string };
  /** The column that identifies a person; undefined if there is none. */
  readonly person: string | undefined;
  /** A sentence where the user may not read the quarantine. */
  readonly quarantine: SearchResult | { readonly notSearched: string };
  /** Those of the messages found that the request deletes. */
  readonly doomed: readonly HoldingMessage[];
  /** Ids of masking keys that the vault has values under, but none of the tokens: possibly the same values. */
  readonly otherKeys: readonly string[];
}

export interface Forgotten {
  /** How many entries of the vault were deleted. */
  readonly forgotten: number;
  /** A sentence where the user may not read the quarantine. */
  readonly quarantine: SearchResult | { readonly notSearched: string };
  /** How many quarantined messages were deleted. */
  readonly purged: number;
  /** See {@link Survey.otherKeys}. */
  readonly otherKeys: readonly string[];
}

const TO_READ_RECORD: Right = {
  table: "reveal_log",
  right: "select",
  columns: ["at", "action", "reason", "tokens"],
};

/**
 * Looks for what {@link forget} would delete. Changes nothing.
 *
 * @throws {Failure} `configuration` for a token that neither the vault nor a message to delete contains and that was not forgotten; or if
 *   the rows of a request cannot be read, or there are none and no such messages
 */
export async function survey(
  sql: Sql,
  settings: DatabaseSettings,
  present: TablesPresent,
  asked: Asked,
  request: QuarantineRequest,
): Promise<Survey> {
  const where = "where" in asked ? asked.where : undefined;
  const places = placesOf(settings, where?.column);
  const read = columnsRead(places, where?.column);
  const reading = async (): Promise<string | undefined> => {
    if (!present.target) return `There is no table ${fullName(settings.table)}.`;
    if (places.masked.length === 0) return "The mapping masks no column.";
    const grants = await missingGrants(sql, settings.user, [rightToRead(places, read)]);
    return grants.length > 0 ? lacking(settings.user, "counting the rows", grants) : undefined;
  };
  const whyNotCounted = await reading();
  if (where !== undefined && whyNotCounted !== undefined) throw new Failure("configuration", whyNotCounted);
  const columns =
    whyNotCounted === undefined ? await requireColumns(sql, { table: settings.table, columns: read }) : [];
  const toSearch = await missingGrants(sql, settings.user, [TO_SEARCH]);
  const mayReadRecord = (await missingGrants(sql, settings.user, [TO_READ_RECORD])).length === 0;

  return inTransaction(sql, SNAPSHOT, async (tx) => {
    await tx.unsafe(FIXED_FORMATS);
    const matched = where === undefined ? undefined : await matchRows(tx, places, where, columns[0]?.found);
    const tokens = matched?.tokens ?? ("tokens" in asked ? unique(asked.tokens) : []);
    const quarantine =
      toSearch.length > 0
        ? { notSearched: lacking(settings.user, "searching the quarantine", toSearch) }
        : await searchQuarantine(tx, new Set(tokens), request);
    const doomed = doomedOf(quarantine, request);
    const counted = whyNotCounted === undefined ? await countOccurrences(tx, places, tokens) : undefined;
    const inVault = new Set(
      (
        await tx<{ token: string }[]>`
          select token from fetch_etl.vault where token operator(pg_catalog.=) any(${tokens}::pg_catalog.text[])`
      ).map(({ token }) => token),
    );
    const past = mayReadRecord
      ? await pastRequests(
          tx,
          tokens.filter((token) => !inVault.has(token)),
        )
      : new Map<string, PastRequest>();
    if (where === undefined) requireKnown(tokens, inVault, doomed, past, request);
    else if (matched?.rows === 0 && doomed.length === 0) throw nothingFound(settings, where, quarantine);
    return {
      tokens: tokens.map((token) => ({
        token,
        inVault: inVault.has(token),
        occurrence: occurrenceOf(counted, token),
        forgotten: past.get(token),
      })),
      matched: matched?.rows,
      occurrence: counted?.all ?? { notCounted: whyNotCounted ?? "" },
      person: places.person?.name,
      quarantine,
      doomed,
      otherKeys: await keysBeside(tx, tokens),
    };
  });
}

function occurrenceOf(counted: Occurrences | undefined, token: string): Occurrence | undefined {
  if (counted === undefined) return undefined;
  const none = { rows: 0, people: counted.all.people === undefined ? undefined : 0 };
  return counted.byToken.get(token) ?? none;
}

function nothingFound(
  { table }: DatabaseSettings,
  { column }: SoughtValue,
  quarantine: Survey["quarantine"],
): Failure {
  const unsearched = "notSearched" in quarantine || quarantine.keyMissing + quarantine.notOpened > 0;
  return new Failure(
    "configuration",
    `No row of ${fullName(table)} has this value in column ${column.name}, and no quarantined message was found that has it. ` +
      `Nothing was deleted. Check the value${unsearched ? "; not all quarantined messages could be searched, which needs their masking key and SELECT on fetch_etl.quarantine" : ""}.`,
  );
}

/**
 * In one transaction: records the request, and deletes the entries and the messages. With both locks, so that no replay or rotation can
 * store a value again, or under another token, while it is being forgotten.
 *
 * @throws {Failure} `configuration` for an unknown token: see {@link survey}
 */
export async function forget(
  sql: Sql,
  settings: DatabaseSettings,
  tokens: readonly string[],
  reason: string,
  request: QuarantineRequest,
): Promise<Forgotten> {
  const grants = await missingGrants(sql, settings.user, [TO_SEARCH]);
  const mayReadRecord = (await missingGrants(sql, settings.user, [TO_READ_RECORD])).length === 0;
  return withLock(sql, LOCKS.quarantine, async (tx) => {
    const quarantine =
      grants.length > 0
        ? { notSearched: lacking(settings.user, "searching the quarantine", grants) }
        : await searchQuarantine(tx, new Set(tokens), request);
    const doomed = doomedOf(quarantine, request);

    await takeLock(tx, LOCKS.vault);
    const otherKeys = await keysBeside(tx, tokens);
    const past = mayReadRecord ? await pastRequests(tx, unique(tokens)) : new Map<string, PastRequest>();
    const id = await record(tx, settings, {
      action: "forget",
      reason: recordedReason(reason, request.where),
      tokens,
      messages: doomed.map(({ messageId }) => messageId),
    });
    await recordOutcome(tx, id, "done");
    const purged = await deleteQuarantined(tx, doomed);
    const rows = await tx<{ token: string }[]>`
      delete from fetch_etl.vault
      where token operator(pg_catalog.=) any(${unique(tokens)}::pg_catalog.text[]) returning token`;
    if (request.where === undefined)
      requireKnown(tokens, new Set(rows.map(({ token }) => token)), doomed, past, request);
    return { forgotten: rows.length, quarantine, purged, otherKeys };
  });
}

/** The messages that the request deletes: of those that were shown before, if they were. */
function doomedOf(
  quarantine: Survey["quarantine"],
  { purge, shown }: QuarantineRequest,
): readonly HoldingMessage[] {
  if (!("found" in quarantine)) return [];
  const keys = shown === undefined ? undefined : new Set(shown.map(keyText));
  return quarantine.found.filter(
    (message) => (purge || message.isSought) && (keys === undefined || keys.has(keyText(message))),
  );
}

function keyText({ storedSentAt, queue, messageId }: MessageKey): string {
  return JSON.stringify([storedSentAt, queue, messageId]);
}

function requireKnown(
  tokens: readonly string[],
  inVault: ReadonlySet<string>,
  doomed: readonly HoldingMessage[],
  past: ReadonlyMap<string, PastRequest>,
  { purge }: QuarantineRequest,
): void {
  requireAll(
    tokens,
    new Set([...inVault, ...past.keys(), ...doomed.flatMap((each) => each.tokens)]),
    purge
      ? "Neither the vault nor a quarantined message that could be decrypted contains"
      : "The vault does not contain",
    "nothing was done",
  );
}

/** The last request to forget each of the tokens. */
async function pastRequests(
  tx: Transaction,
  tokens: readonly string[],
): Promise<ReadonlyMap<string, PastRequest>> {
  if (tokens.length === 0) return new Map();
  const rows = await tx<({ token: string } & PastRequest)[]>`
    select distinct on (t.token) t.token, ${tx.unsafe(exactly("l.at"))} as at, pg_catalog."left"(l.reason, 500) as reason
    from fetch_etl.reveal_log l, pg_catalog.unnest(${[...tokens]}::pg_catalog.text[]) as t (token)
    where l.action operator(pg_catalog.=) 'forget' and t.token operator(pg_catalog.=) any (l.tokens)
    order by t.token, l.at desc`;
  return new Map(rows.map(({ token, at, reason }) => [token, { at, reason }]));
}

/** Ids of the masking keys of the vault's tokens, except those of the given tokens. */
async function keysBeside(tx: Transaction, tokens: readonly string[]): Promise<string[]> {
  const own = unique(tokens.map(keyIdOf));
  const rows = await tx<{ id: string }[]>`
    select distinct ${tx.unsafe(tokenKeyId("token"))} as id from fetch_etl.vault
    where ${tx.unsafe(isToken("token"))}
      and ${tx.unsafe(tokenKeyId("token"))} operator(pg_catalog.<>) all(${own}::pg_catalog.text[])
    order by id`;
  return rows.map(({ id }) => id);
}

/** The record has the column of the request, but not its value, which may identify a person. */
function recordedReason(reason: string, where: SoughtValue | undefined): string {
  return where === undefined ? reason : `${reason} (tokens of rows found by ${where.column.name})`;
}
