// Reads and deletes entries of the vault, and keeps the record of who did, when, why and with which tokens.
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import type { MaskingKeys } from "../masking/keys.ts";
import { keyIdOf } from "../masking/token.ts";
import type { SealedEntry } from "../recovery/reveal.ts";
import { connect, type Fragment, type Sql, type Transaction } from "./connection.ts";
import { asFailure } from "./errors.ts";
import { explainForbidden } from "./forbidden.ts";
import { MOST_BYTES } from "./quarantined-message.ts";
import { isToken } from "./quote.ts";
import { lacking, missingGrants, requireRights, type Right } from "./rights.ts";
import { tablesPresent } from "./schema.ts";
import {
  deleteQuarantined,
  searchQuarantine,
  TO_PURGE,
  TO_SEARCH,
  type HoldingMessage,
  type SearchResult,
} from "./search.ts";
import { inTransaction, READ_COMMITTED, SNAPSHOT } from "./transaction.ts";
import { withLock, takeLock, LOCKS } from "./advisory-locks.ts";

/**
 * Each call uses a connection of its own, and throws `Failure`. The record names each token once.
 */
export interface Vault {
  /**
   * Puts it on record, commits that, and only then reads the entries. The record stays when reading fails.
   *
   * @returns an entry for each token, in their order, also where one comes twice
   * @throws {Failure} `configuration` when one is not held
   */
  read(tokens: readonly string[], reason: string): Promise<readonly SealedEntry[]>;
  /**
   * In one commit, or not at all: puts it on record, deletes the entries and, where that is asked for, the quarantined messages that hold
   * the same values. What is in `user_logins` stays.
   *
   * @throws {Failure} `configuration` when one is not held, neither in the vault nor in a message that is deleted
   */
  forget(tokens: readonly string[], reason: string, quarantine?: QuarantineRequest): Promise<Forgotten>;
}

/** How a forgetting deals with the quarantine. */
interface QuarantineRequest {
  /** The masking keys that open its bodies. */
  readonly keys: readonly MaskingKeys[];
  /** Whether messages that hold the values are deleted. */
  readonly purge: boolean;
}

export interface Forgotten {
  /** How many entries of the vault were deleted. */
  readonly forgotten: number;
  readonly quarantine: SearchResult | NotSearched;
  /** How many quarantined messages were deleted. */
  readonly purged: number;
  /** Ids of masking keys of which no token was given, and under which the vault holds values: the same ones, maybe. */
  readonly otherKeys: readonly string[];
}

/** Of a quarantine that the user may not read. */
interface NotSearched {
  /** A sentence. */
  readonly notSearched: string;
}

/** The rest of a record, time and user, is the database's own to fill in, and needs no right. */
const RECORD: Right = { table: "reveal_log", right: "insert", columns: ["action", "reason", "tokens"] };
const TO_READ: readonly Right[] = [
  RECORD,
  { table: "vault", right: "select", columns: ["token", "field", "key_id", "sealed"] },
  { table: "vault_keys", right: "select", columns: ["key_id", "sealed"] },
];
const TO_FORGET: readonly Right[] = [
  RECORD,
  { table: "vault", right: "select", columns: ["token"] },
  { table: "vault", right: "delete" },
];

export function openVault(settings: DatabaseSettings): Vault {
  return {
    read: (tokens, reason) =>
      withVault(settings, "reading the vault", TO_READ, async (sql) => {
        await inTransaction(sql, READ_COMMITTED, (tx) => record(tx, "reveal", tokens, reason));
        const found = new Map<string, SealedEntry>();
        await inTransaction(sql, SNAPSHOT, async (tx) => {
          for await (const page of entriesOf(tx, unique(tokens)))
            for (const entry of page) found.set(entry.token, entry);
        });
        requireAll(tokens, found, "The vault does not hold", "nothing was opened; the request is on record");
        return tokens.flatMap((token) => found.get(token) ?? []);
      }),
    forget: (tokens, reason, quarantine = { keys: [], purge: false }) => {
      const rights = quarantine.purge ? [...TO_FORGET, TO_SEARCH, TO_PURGE] : TO_FORGET;
      return withVault(settings, "deleting from the vault", rights, (sql) =>
        forget(sql, settings, { tokens, reason, ...quarantine }),
      );
    },
  };
}

interface Forgetting extends QuarantineRequest {
  readonly tokens: readonly string[];
  readonly reason: string;
}

/** No replay, purge or rotation commits beside it: none can bring back, or move to another token, what is being forgotten. */
async function forget(
  sql: Sql,
  settings: DatabaseSettings,
  { tokens, reason, keys, purge }: Forgetting,
): Promise<Forgotten> {
  const grants = await missingGrants(sql, settings.user, [TO_SEARCH]);
  return withLock(sql, LOCKS.quarantine, async (tx) => {
    const quarantine =
      grants.length > 0
        ? { notSearched: lacking(settings.user, "searching the quarantine", grants) }
        : await searchQuarantine(tx, new Set(tokens), keys);
    const holding = purge && "found" in quarantine ? quarantine.found : [];

    await takeLock(tx, LOCKS.vault);
    const otherKeys = await keysBeside(tx, tokens);
    await record(tx, "forget", tokens, reasonWith(reason, holding));
    const purged = await deleteQuarantined(tx, holding);
    const rows = await tx<{ token: string }[]>`
      delete from fetch_etl.vault
      where token operator(pg_catalog.=) any(${unique(tokens)}::pg_catalog.text[]) returning token`;
    const gone = [...rows.map(({ token }) => token), ...holding.flatMap((each) => each.tokens)];
    requireAll(
      tokens,
      new Set(gone),
      purge
        ? "Neither the vault nor a quarantined message that could be opened holds"
        : "The vault does not hold",
      "nothing was done",
    );
    return { forgotten: rows.length, quarantine, purged, otherKeys };
  });
}

/** Ids of masking keys of which the vault has tokens, other than those of these tokens; what is no token is not counted. */
async function keysBeside(tx: Transaction, tokens: readonly string[]): Promise<string[]> {
  const own = unique(tokens.map(keyIdOf));
  const rows = await tx<{ id: string }[]>`
    select distinct pg_catalog.substr(token, 4, 8) as id from fetch_etl.vault
    where ${tx.unsafe(isToken("token"))}
      and pg_catalog.substr(token, 4, 8) operator(pg_catalog.<>) all(${own}::pg_catalog.text[])
    order by id`;
  return rows.map(({ id }) => id);
}

/** The record names the messages that go, because nothing else tells afterwards which they were. */
function reasonWith(reason: string, purged: readonly HoldingMessage[]): string {
  if (purged.length === 0) return reason;
  return `${reason} (quarantined messages deleted: ${purged.map(({ messageId }) => messageId).join(", ")})`;
}

/** A page ends at so many entries, or with the one that brings it to so many bytes. */
const PAGE = { entries: 1000, bytes: 8_000_000 } as const;
const TOO_LONG = `operator(pg_catalog.>) ${MOST_BYTES} then ''::pg_catalog.bytea else`;

/**
 * Entries, the first in their tokens' order. What is longer than {@link MOST_BYTES} was sealed by no drain: it is not read, and comes as
 * no bytes, which nothing opens.
 *
 * @param which a condition on the entries `v`
 * @returns as many as fit a page, and at least one where there is one
 */
export async function readEntries(tx: Transaction, which: Fragment): Promise<SealedEntry[]> {
  // As hex, because `bytea_output` says how Postgres writes bytes otherwise.
  const rows = await tx<HexEntry[]>`
    select token, field, key_id as "dataKeyId", pg_catalog.encode(sealed, 'hex') as sealed,
           pg_catalog.encode(data_key, 'hex') as "dataKey"
    from (
      select *, pg_catalog.sum(bytes) over (order by token) operator(pg_catalog.-) bytes as bytes_before
      from (
        select *, pg_catalog.octet_length(sealed)
            operator(pg_catalog.+) coalesce(pg_catalog.octet_length(data_key), 0) as bytes
        from (
          select v.token, pg_catalog."left"(v.field, 64) as field, v.key_id,
                 case when pg_catalog.octet_length(v.sealed) ${tx.unsafe(TOO_LONG)} v.sealed end as sealed,
                 case when pg_catalog.octet_length(k.sealed) ${tx.unsafe(TOO_LONG)} k.sealed end as data_key
          from fetch_etl.vault v left join fetch_etl.vault_keys k on k.key_id operator(pg_catalog.=) v.key_id
          where ${which}
          order by v.token limit ${PAGE.entries}
        ) as next
      ) as measured
    ) as summed
    where bytes_before operator(pg_catalog.<) ${PAGE.bytes}
    order by token`;
  return rows.map(({ sealed, dataKey, ...entry }) => ({
    ...entry,
    sealed: Buffer.from(sealed, "hex"),
    dataKey: dataKey === null ? null : Buffer.from(dataKey, "hex"),
  }));
}

/** The entries of these tokens, page by page; what the vault does not hold is left out. */
export async function* entriesOf(
  tx: Transaction,
  tokens: readonly string[],
): AsyncGenerator<SealedEntry[], void, undefined> {
  for (let from = 0; from < tokens.length; from += PAGE.entries) {
    let wanted = tokens.slice(from, from + PAGE.entries);
    while (wanted.length > 0) {
      const page = await readEntries(
        tx,
        tx`v.token operator(pg_catalog.=) any(${wanted}::pg_catalog.text[])`,
      );
      if (page.length === 0) break;
      yield page;
      const found = new Set(page.map(({ token }) => token));
      wanted = wanted.filter((token) => !found.has(token));
    }
  }
}

interface HexEntry extends Omit<SealedEntry, "sealed" | "dataKey"> {
  readonly sealed: string;
  readonly dataKey: string | null;
}

async function withVault<T>(
  settings: DatabaseSettings,
  doing: string,
  rights: readonly Right[],
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const { sql, close } = connect(settings);
  try {
    const { vault } = await tablesPresent(sql, settings.table);
    if (!vault) {
      throw new Failure(
        "configuration",
        "There is no vault in this database: a drain makes one, and keeps values from then on, where FETCH_ETL_RECOVERY_RECIPIENT is set.",
      );
    }
    await requireRights(sql, settings.user, doing, rights);
    return await work(sql);
  } catch (error) {
    throw asFailure(await explainForbidden(error, sql, settings), settings, doing);
  } finally {
    await close();
  }
}

/**
 * Puts it on record. With `synchronous_commit` off, a crash could take the record away after the values were shown.
 *
 * @throws {Failure} `configuration` when the table keeps no record
 */
export async function record(
  tx: Transaction,
  action: "reveal" | "forget" | "rotate",
  tokens: readonly string[],
  reason: string,
): Promise<void> {
  await tx`
    select pg_catalog.set_config('synchronous_commit', 'on', true)
    where pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off'`;
  const { count } = await tx`
    insert into fetch_etl.reveal_log (action, reason, tokens)
    values (${action}, ${reason}, ${unique(tokens)}::pg_catalog.text[])`;
  if (count !== 1) {
    throw new Failure(
      "configuration",
      "Nothing can be put on record, so nothing was done: a trigger or a rule of fetch_etl.reveal_log drops the row. Drop it, or have its owner do so.",
    );
  }
}

/** Tokens that a sentence names. */
const MOST_NAMED = 10;

/** @param what subject and verb of the sentence, such as `The vault does not hold` */
function requireAll(
  tokens: readonly string[],
  found: { has(token: string): boolean },
  what: string,
  outcome: string,
): void {
  const asked = unique(tokens);
  const unknown = asked.filter((token) => !found.has(token));
  if (unknown.length === 0) return;
  const others = unknown.length - MOST_NAMED;
  const named = unknown.slice(0, MOST_NAMED).join(", ") + (others > 0 ? ` and ${others} others` : "");
  throw new Failure(
    "configuration",
    `${what} ${unknown.length} of ${asked.length} tokens, so ${outcome}: ${named}. ` +
      "They were loaded while FETCH_ETL_RECOVERY_RECIPIENT was not set, were forgotten, or are not of this database.",
  );
}

function unique(tokens: readonly string[]): string[] {
  return [...new Set(tokens)];
}
