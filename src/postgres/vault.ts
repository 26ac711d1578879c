// Reads and deletes entries of the vault, and records who did so, when, why and for which tokens.
import type { DatabaseSettings } from "../config/database.ts";
import { chunk } from "../drain/batches.ts";
import { Failure } from "../failure.ts";
import type { MaskingKeys } from "../masking/keys.ts";
import type { Revealed, SealedEntry } from "../recovery/reveal.ts";
import { onRecord, TO_RECORD } from "./access-log.ts";
import type { Fragment, Sql, Transaction } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { forget, survey, type Asked, type Forgotten, type Survey } from "./forget.ts";
import { MOST_BYTES } from "./quarantined-message.ts";
import { requireAll, unique } from "./requested-tokens.ts";
import { followTokens, TO_READ_REMASKED, type Remasking } from "./remasked.ts";
import { missingGrants, requireRights, type Right, type Use } from "./rights.ts";
import { tablesPresent, type TablesPresent } from "./schema.ts";
import { TO_PURGE, TO_SEARCH, type QuarantineRequest } from "./search.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";

/** Each call opens a connection, and throws `Failure`. The record has each token once. */
export interface Vault {
  /**
   * Records the request, commits, reads the entries, and opens them. Records the outcome before it resolves to the values.
   *
   * @param asked the tokens to record, if others were given in place of some of `tokens`
   * @param open gets an entry for each token, in the same order, repetitions included
   * @throws {Failure} `configuration` when the vault lacks one
   */
  read(
    tokens: readonly string[],
    reason: string,
    open: (entries: readonly SealedEntry[]) => Promise<Revealed>,
    asked?: readonly string[],
  ): Promise<Revealed>;
  /**
   * For tokens that the vault does not contain: the tokens that replaced them in rotations, as far as the masking keys are configured, and
   * the user may read `fetch_etl.remasked`.
   */
  follow(tokens: readonly string[], keys: readonly MaskingKeys[]): Promise<ReadonlyMap<string, Remasking>>;
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

const TO_READ: readonly Right[] = [
  ...TO_RECORD,
  { table: "vault", right: "select", columns: ["token", "field", "type", "key_id", "sealed"] },
  { table: "vault_keys", right: "select", columns: ["key_id", "sealed"] },
];
const READ_TOKENS: Right = { table: "vault", right: "select", columns: ["token"] };
const TO_FORGET: readonly Right[] = [...TO_RECORD, READ_TOKENS, { table: "vault", right: "delete" }];

export function openVault(settings: DatabaseSettings): Vault {
  return {
    read: (tokens, reason, open, asked = []) =>
      withVault(settings, { doing: "reading the vault", rights: TO_READ }, (sql) =>
        onRecord(
          sql,
          settings,
          { action: "reveal", reason, tokens: [...asked, ...tokens] },
          { open: async () => open(await entriesFor(sql, tokens)), isOpened: ({ ok }) => ok },
        ),
      ),
    follow: async (tokens, keys) => {
      if (keys.length === 0) return new Map();
      return withVault(settings, { doing: "reading the vault", rights: [READ_TOKENS] }, async (sql) =>
        (await missingGrants(sql, settings.user, [TO_READ_REMASKED])).length > 0
          ? new Map()
          : inTransaction(sql, SNAPSHOT, (tx) => followTokens(tx, tokens, keys)),
      );
    },
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
        'There is no vault in this database. "fetch-etl init" creates it. Drains store values in it if FETCH_ETL_RECOVERY_RECIPIENT is set.',
      );
    }
    await requireRights(sql, settings.user, use);
    return work(sql, present);
  });
}
