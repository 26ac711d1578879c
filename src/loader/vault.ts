// Reads and deletes entries of the vault, and keeps the record of who did, when, why and with which tokens.
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import type { SealedEntry } from "../recovery/reveal.ts";
import { connect, type Fragment, type Sql, type Transaction } from "./database.ts";
import { asFailure } from "./errors.ts";
import { explainForbidden } from "./forbidden.ts";
import { requireRights, type Right } from "./rights.ts";
import { tablesPresent } from "./schema.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";
import { inTurn, TURNS } from "./turns.ts";

/**
 * Each call is one transaction on a connection of its own, and throws `Failure` with nothing changed and nothing on record. The
 * record names each token once.
 */
export interface Vault {
  /**
   * Puts it on record, and reads the entries. The record is on disk when this returns.
   *
   * @returns an entry for each token, in their order, also where one comes twice
   * @throws {Failure} `configuration` when one is not held
   */
  read(tokens: readonly string[], reason: string): Promise<readonly SealedEntry[]>;
  /**
   * Puts it on record, and deletes the entries. What is in `user_logins` stays.
   *
   * @returns how many
   * @throws {Failure} `configuration` when one is not held
   */
  forget(tokens: readonly string[], reason: string): Promise<number>;
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
      withVault(settings, "reading the vault", TO_READ, (sql) =>
        inTransaction(sql, READ_COMMITTED, async (tx) => {
          await record(tx, "reveal", tokens, reason);
          const rows = await readEntries(
            tx,
            tx`v.token operator(pg_catalog.=) any(${unique(tokens)}::pg_catalog.text[])`,
          );
          return inOrder(tokens, rows);
        }),
      ),
    forget: (tokens, reason) =>
      withVault(settings, "deleting from the vault", TO_FORGET, (sql) =>
        inTurn(sql, TURNS.vault, async (tx) => {
          await record(tx, "forget", tokens, reason);
          const rows = await tx<{ token: string }[]>`
            delete from fetch_etl.vault
            where token operator(pg_catalog.=) any(${unique(tokens)}::pg_catalog.text[]) returning token`;
          inOrder(tokens, rows);
          return rows.length;
        }),
      ),
  };
}

/** @param which a condition on the entries `v`, and what may follow one */
export async function readEntries(tx: Transaction, which: Fragment): Promise<SealedEntry[]> {
  // As hex, because `bytea_output` says how Postgres writes bytes otherwise.
  const rows = await tx<HexEntry[]>`
    select v.token, v.field, v.key_id as "dataKeyId", pg_catalog.encode(v.sealed, 'hex') as sealed,
           pg_catalog.encode(k.sealed, 'hex') as "dataKey"
    from fetch_etl.vault v left join fetch_etl.vault_keys k on k.key_id operator(pg_catalog.=) v.key_id
    where ${which}`;
  return rows.map(({ sealed, dataKey, ...entry }) => ({
    ...entry,
    sealed: Buffer.from(sealed, "hex"),
    dataKey: dataKey === null ? null : Buffer.from(dataKey, "hex"),
  }));
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

/** Puts it on record. With `synchronous_commit` off, a crash could take the record away after the values were shown. */
export async function record(
  tx: Transaction,
  action: "reveal" | "forget" | "rotate",
  tokens: readonly string[],
  reason: string,
): Promise<void> {
  await tx`
    select pg_catalog.set_config('synchronous_commit', 'on', true)
    where pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off'`;
  await tx`
    insert into fetch_etl.reveal_log (action, reason, tokens)
    values (${action}, ${reason}, ${unique(tokens)}::pg_catalog.text[])`;
}

/** A row for each token; throws where one has none. */
function inOrder<Row extends { readonly token: string }>(
  tokens: readonly string[],
  rows: readonly Row[],
): Row[] {
  const found = new Map(rows.map((row) => [row.token, row]));
  const unknown = unique(tokens).filter((token) => !found.has(token));
  if (unknown.length > 0) {
    throw new Failure(
      "configuration",
      `The vault does not hold ${unknown.length} of ${unique(tokens).length} tokens, so nothing was done: ${unknown.join(", ")}. ` +
        "They were loaded while FETCH_ETL_RECOVERY_RECIPIENT was not set, were forgotten, or are not of this database.",
    );
  }
  return tokens.flatMap((token) => found.get(token) ?? []);
}

function unique(tokens: readonly string[]): string[] {
  return [...new Set(tokens)];
}
