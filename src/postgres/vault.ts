// Reads and deletes entries of the vault, and records who did so, when, why and for which tokens.
import type { DatabaseSettings } from "../config/database.ts";
import { chunk } from "../drain/batches.ts";
import { Failure } from "../failure.ts";
import type { SealedEntry } from "../recovery/reveal.ts";
import type { Fragment, Sql, Transaction } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { MOST_BYTES } from "./quarantined-message.ts";
import { forget, survey, type Asked, type Forgotten, type Survey } from "./forget.ts";
import { requireRights, type Right, type Use } from "./rights.ts";
import { tablesPresent, type TablesPresent } from "./schema.ts";
import { TO_PURGE, TO_SEARCH, type QuarantineRequest } from "./search.ts";
import { inTransaction, READ_COMMITTED, SNAPSHOT } from "./transaction.ts";

/** Each call opens a connection, and throws `Failure`. The record has each token once. */
export interface Vault {
  /**
   * Records the request, commits, and then reads the entries. The record stays when reading fails.
   *
   * @returns an entry for each token, in the same order, repetitions included
   * @throws {Failure} `configuration` when the vault lacks one
   */
  read(tokens: readonly string[], reason: string): Promise<readonly SealedEntry[]>;
  /** What {@link forget} would delete: see `survey` of `forget.ts`. */
  survey(asked: Asked, quarantine: QuarantineRequest): Promise<Survey>;
  /**
   * In one transaction: records the request, and deletes the entries and, on request, the quarantined messages that contain the same values.
   * Rows in the target table stay.
   *
   * @throws {Failure} `configuration` for a token that neither the vault nor a message that is deleted contains, and that was not forgotten
   *   before
   */
  forget(tokens: readonly string[], reason: string, quarantine: QuarantineRequest): Promise<Forgotten>;
}

/** The database sets time and user, which needs no right. */
const RECORD: Right = { table: "reveal_log", right: "insert", columns: ["action", "reason", "tokens"] };
const TO_READ: readonly Right[] = [
  RECORD,
  { table: "vault", right: "select", columns: ["token", "field", "type", "key_id", "sealed"] },
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
      withVault(settings, { doing: "reading the vault", rights: TO_READ }, async (sql) => {
        await inTransaction(sql, READ_COMMITTED, (tx) => record(tx, "reveal", tokens, reason));
        const found = new Map<string, SealedEntry>();
        await inTransaction(sql, SNAPSHOT, async (tx) => {
          for await (const page of entriesOf(tx, unique(tokens)))
            for (const entry of page) found.set(entry.token, entry);
        });
        requireAll(
          tokens,
          found,
          "The vault does not contain",
          "nothing was decrypted; the request is recorded",
        );
        return tokens.flatMap((token) => found.get(token) ?? []);
      }),
    survey: (asked, quarantine) =>
      withVault(settings, { doing: DELETING, rights: rightsToForget(quarantine) }, (sql, present) =>
        survey(sql, settings, present, asked, quarantine),
      ),
    forget: (tokens, reason, quarantine) =>
      withVault(settings, { doing: DELETING, rights: rightsToForget(quarantine) }, (sql) =>
        forget(sql, settings, tokens, reason, quarantine),
      ),
  };
}

const DELETING = "deleting from the vault";

function rightsToForget({ purge, where }: QuarantineRequest): readonly Right[] {
  return purge || where !== undefined ? [...TO_FORGET, TO_SEARCH, TO_PURGE] : TO_FORGET;
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
  work: (sql: Sql, present: TablesPresent) => Promise<T>,
): Promise<T> {
  return withDatabase(settings, use.doing, async (sql) => {
    const present = await tablesPresent(sql, settings.table);
    if (!present.vault) {
      throw new Failure(
        "configuration",
        "There is no vault in this database: a drain creates it and keeps values if FETCH_ETL_RECOVERY_RECIPIENT is set.",
      );
    }
    await requireRights(sql, settings.user, use);
    return work(sql, present);
  });
}

/**
 * Writes the record. With `synchronous_commit` off, a crash could lose it after the values were shown.
 *
 * @throws {Failure} `configuration` when the row was not stored
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
      "A trigger or a rule of fetch_etl.reveal_log prevented the record of this request, so nothing was done. Drop the trigger or the rule as the table's owner.",
    );
  }
}

/** Maximum number of tokens in a sentence. */
const MOST_NAMED = 10;

/** @param what subject and verb of the sentence, such as `The vault does not contain` */
export function requireAll(
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

export function unique(tokens: readonly string[]): string[] {
  return [...new Set(tokens)];
}
