// Reads and deletes entries of the vault, and records who did so, when, why and for which tokens.
import type { DatabaseSettings } from "../config/database.ts";
import { chunk } from "../drain/batches.ts";
import { Failure } from "../failure.ts";
import { keyIdOf } from "../masking/token.ts";
import type { Revealed, SealedEntry } from "../recovery/reveal.ts";
import { onRecord, record, recordOutcome, TO_RECORD } from "./access-log.ts";
import type { Fragment, Sql, Transaction } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { MOST_BYTES } from "./quarantined-message.ts";
import { lacking, missingGrants, requireRights, type Right, type Use } from "./rights.ts";
import { tablesPresent } from "./schema.ts";
import { isToken, tokenKeyId } from "./token.ts";
import {
  deleteQuarantined,
  searchQuarantine,
  TO_PURGE,
  TO_SEARCH,
  type HoldingMessage,
  type QuarantineRequest,
  type SearchResult,
} from "./search.ts";
import { inTransaction, LOCKS, SNAPSHOT, takeLock, withLock } from "./transaction.ts";

/** Each call opens a connection, and throws `Failure`. The record has each token once. */
export interface Vault {
  /**
   * Records the request, commits, reads the entries, and opens them. Records the outcome before it resolves to the values.
   *
   * @param open gets an entry for each token, in the same order, repetitions included
   * @throws {Failure} `configuration` when the vault lacks one
   */
  read(
    tokens: readonly string[],
    reason: string,
    open: (entries: readonly SealedEntry[]) => Promise<Revealed>,
  ): Promise<Revealed>;
  /**
   * In one transaction: records the request, and deletes the entries and, on request, the quarantined messages that contain the same values.
   * Rows in `user_logins` stay.
   *
   * @throws {Failure} `configuration` when neither the vault nor a message that is deleted has one of the values
   */
  forget(tokens: readonly string[], reason: string, quarantine: QuarantineRequest): Promise<Forgotten>;
}

export interface Forgotten {
  /** How many entries of the vault were deleted. */
  readonly forgotten: number;
  /** A sentence where the user may not read the quarantine. */
  readonly quarantine: SearchResult | { readonly notSearched: string };
  /** How many quarantined messages were deleted. */
  readonly purged: number;
  /** Ids of masking keys that the vault has values under, but none of the given tokens: possibly the same values. */
  readonly otherKeys: readonly string[];
}

const TO_READ: readonly Right[] = [
  ...TO_RECORD,
  { table: "vault", right: "select", columns: ["token", "field", "type", "key_id", "sealed"] },
  { table: "vault_keys", right: "select", columns: ["key_id", "sealed"] },
];
const TO_FORGET: readonly Right[] = [
  ...TO_RECORD,
  { table: "vault", right: "select", columns: ["token"] },
  { table: "vault", right: "delete" },
];

export function openVault(settings: DatabaseSettings): Vault {
  return {
    read: (tokens, reason, open) =>
      withVault(settings, { doing: "reading the vault", rights: TO_READ }, (sql) =>
        onRecord(
          sql,
          settings,
          { action: "reveal", reason, tokens },
          { open: async () => open(await entriesFor(sql, tokens)), isOpened: ({ ok }) => ok },
        ),
      ),
    forget: (tokens, reason, quarantine) => {
      const rights = quarantine.purge ? [...TO_FORGET, TO_SEARCH, TO_PURGE] : TO_FORGET;
      return withVault(settings, { doing: "deleting from the vault", rights }, (sql) =>
        forget(sql, settings, tokens, reason, quarantine),
      );
    },
  };
}

/** @throws {Failure} `configuration` when there is no entry for one of the tokens */
async function entriesFor(sql: Sql, tokens: readonly string[]): Promise<readonly SealedEntry[]> {
  const found = new Map<string, SealedEntry>();
  await inTransaction(sql, SNAPSHOT, async (tx) => {
    for await (const page of entriesOf(tx, unique(tokens)))
      for (const entry of page) found.set(entry.token, entry);
  });
  requireAll(tokens, found, "The vault does not contain", "nothing was decrypted; the request is recorded");
  return tokens.flatMap((token) => found.get(token) ?? []);
}

/** With both locks, so that no replay or rotation can store a value again, or under another token, while it is being forgotten. */
async function forget(
  sql: Sql,
  settings: DatabaseSettings,
  tokens: readonly string[],
  reason: string,
  request: QuarantineRequest,
): Promise<Forgotten> {
  const grants = await missingGrants(sql, settings.user, [TO_SEARCH]);
  return withLock(sql, LOCKS.quarantine, async (tx) => {
    const quarantine =
      grants.length > 0
        ? { notSearched: lacking(settings.user, "searching the quarantine", grants) }
        : await searchQuarantine(tx, new Set(tokens), request);
    const holding = request.purge && "found" in quarantine ? quarantine.found : [];

    await takeLock(tx, LOCKS.vault);
    const otherKeys = await keysBeside(tx, tokens);
    const id = await record(tx, settings, { action: "forget", reason: reasonWith(reason, holding), tokens });
    await recordOutcome(tx, id, "done");
    const purged = await deleteQuarantined(tx, holding);
    const rows = await tx<{ token: string }[]>`
      delete from fetch_etl.vault
      where token operator(pg_catalog.=) any(${unique(tokens)}::pg_catalog.text[]) returning token`;
    const gone = [...rows.map(({ token }) => token), ...holding.flatMap((each) => each.tokens)];
    requireAll(
      tokens,
      new Set(gone),
      request.purge
        ? "Neither the vault nor a quarantined message that could be decrypted contains"
        : "The vault does not contain",
      "nothing was done",
    );
    return { forgotten: rows.length, quarantine, purged, otherKeys };
  });
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

/** The record has the ids of the messages that are deleted, because they are stored nowhere else. */
function reasonWith(reason: string, purged: readonly HoldingMessage[]): string {
  if (purged.length === 0) return reason;
  return `${reason} (quarantined messages deleted: ${purged.map(({ messageId }) => messageId).join(", ")})`;
}

/** The limits of a page. The entry that reaches the limit in bytes is its last. */
const PAGE = { entries: 1000, bytes: 8_000_000 } as const;
const TOO_LONG = `operator(pg_catalog.>) ${MOST_BYTES} then ''::pg_catalog.bytea else`;

/**
 * A page of entries, in the order of their tokens. No drain seals more than {@link MOST_BYTES}: a longer value is not read, and is returned
 * as zero bytes, which cannot be decrypted.
 *
 * @param which a condition on the entries `v`
 * @returns as many as fit a page, and at least one where there is one
 */
export async function readEntries(tx: Transaction, which: Fragment): Promise<SealedEntry[]> {
  // As hex, independent of `bytea_output`.
  const rows = await tx<HexEntry[]>`
    select token, field, type, key_id as "dataKeyId", pg_catalog.encode(sealed, 'hex') as sealed,
           pg_catalog.encode(data_key, 'hex') as "dataKey"
    from (
      select *, pg_catalog.sum(bytes) over (order by token) operator(pg_catalog.-) bytes as bytes_before
      from (
        select *, pg_catalog.octet_length(sealed)
            operator(pg_catalog.+) coalesce(pg_catalog.octet_length(data_key), 0) as bytes
        from (
          select v.token, pg_catalog."left"(v.field, 80) as field, pg_catalog."left"(v.type, 80) as type, v.key_id,
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

/** The entries of these tokens, page by page; tokens without an entry are left out. */
export async function* entriesOf(
  tx: Transaction,
  tokens: readonly string[],
): AsyncGenerator<SealedEntry[], void, undefined> {
  for (let wanted of chunk(tokens, PAGE.entries)) {
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
  use: Use,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  return withDatabase(settings, use.doing, async (sql) => {
    const { vault } = await tablesPresent(sql, settings.table);
    if (!vault) {
      throw new Failure(
        "configuration",
        "There is no vault in this database: a drain creates it and keeps values if FETCH_ETL_RECOVERY_RECIPIENT is set.",
      );
    }
    await requireRights(sql, settings.user, use);
    return work(sql);
  });
}

/** Maximum number of tokens in a sentence. */
const MOST_NAMED = 10;

/** @param what subject and verb of the sentence, such as `The vault does not contain` */
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
      "They were loaded without FETCH_ETL_RECOVERY_RECIPIENT, were forgotten, or belong to another database.",
  );
}

function unique(tokens: readonly string[]): string[] {
  return [...new Set(tokens)];
}
