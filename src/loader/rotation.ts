// The tables' side of a key rotation. `user_logins` has no key and no index: it is walked by its blocks.
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import { AlteredEntry, type Remask } from "../recovery/remask.ts";
import type { Left, RotationTables } from "../recovery/rotate.ts";
import { connect, type Sql, type Transaction } from "./database.ts";
import { asFailure } from "./errors.ts";
import { requireRights, type Right } from "./rights.ts";
import { changeRows, earlier, insertEntries, type Target } from "./rotation-rows.ts";
import { tablesPresent } from "./schema.ts";
import { inTurn, TURNS } from "./turns.ts";
import { readEntries, record } from "./vault.ts";

/** The tables on a connection. Call {@link Rotation.close} when done. */
export interface Rotation extends RotationTables {
  close(): Promise<void>;
}

const RIGHTS: readonly Right[] = [
  { schema: "public", table: "user_logins", right: "select" },
  { schema: "public", table: "user_logins", right: "update", columns: ["masked_ip", "masked_device_id"] },
  { table: "vault", right: "select" },
  { table: "vault", right: "insert" },
  { table: "vault", right: "delete" },
  { table: "vault_keys", right: "select" },
  { table: "reveal_log", right: "insert", columns: ["action", "reason", "tokens"] },
];

/** Blocks of 8 kB a batch: some two thousand rows. */
const BLOCKS = 64;
/** Entries of the vault a batch. */
const ENTRIES = 1000;
const DOING = "rotating keys";

/**
 * Connects, checks tables and rights, and puts the run on record.
 *
 * @param keyId of the masking key to change to
 * @throws {Failure} when there is no vault, or the user lacks a right
 */
export async function openRotation(
  settings: DatabaseSettings,
  keyId: string,
  remask: Remask,
): Promise<Rotation> {
  const { sql, close } = connect(settings);
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw error instanceof AlteredEntry ? error : asFailure(error, settings, DOING);
    }
  };
  const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    run(() => inTurn(sql, TURNS.vault, work));
  try {
    const heap = await run(async () => {
      await checkTables(sql, settings.user);
      return heapOf(sql);
    });
    await inTransaction((tx) => record(tx, "rotate", [], `rotate to key ${keyId}`));
    const target: Target = { keyId, remask };
    // A batch takes its blocks from every partition at once.
    const blocks = Math.max(1, Math.floor(BLOCKS / heap.parts));
    return {
      rowBatches: Math.ceil(heap.blocks / blocks),
      changeRows: (batch) =>
        inTransaction((tx) => changeRows(tx, target, { first: batch * blocks, count: blocks })),
      copyEntries: (after) => inTransaction((tx) => copyEntries(tx, target, after)),
      deleteEntries: (tokens) => inTransaction((tx) => deleteEntries(tx, keyId, tokens)),
      left: () => inTransaction((tx) => left(tx, keyId)),
      close: () => close(),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function checkTables(sql: Sql, user: string): Promise<void> {
  const present = await tablesPresent(sql);
  if (!present.vault || !present.userLogins) {
    throw new Failure(
      "configuration",
      "There is no vault in this database, and without the values behind them tokens cannot be made anew: " +
        "a drain keeps values where FETCH_ETL_RECOVERY_RECIPIENT is set.",
    );
  }
  await requireRights(sql, user, DOING, RIGHTS);
}

/** How many blocks the longest partition has now, and how many partitions there are; one where the table has none. */
async function heapOf(sql: Sql): Promise<{ blocks: number; parts: number }> {
  const [heap] = await sql<{ blocks: string; parts: string; only: boolean }[]>`
    with recursive tree as (
      select 'public.user_logins'::regclass::oid as oid
      union
      select i.inhrelid from pg_catalog.pg_inherits i join tree on i.inhparent = tree.oid
    )
    select coalesce(max(pg_relation_size(c.oid)) filter (where relkind = 'r'), 0)
             / current_setting('block_size')::integer as blocks,
           greatest(count(*) filter (where relkind = 'r'), 1) as parts, bool_and(relkind in ('r', 'p')) as only
    from tree join pg_catalog.pg_class c on c.oid = tree.oid`;
  if (heap?.only !== true) {
    throw new Failure(
      "configuration",
      "public.user_logins is a view, or a part of it is in another database: keys can be rotated only where its rows are.",
    );
  }
  return { blocks: Number(heap.blocks), parts: Number(heap.parts) };
}

async function copyEntries(tx: Transaction, { keyId, remask }: Target, after: string): Promise<string[]> {
  const next = tx`v.token > ${after} and ${earlier(tx, "v.token", keyId)} order by v.token limit ${ENTRIES}`;
  const entries = await readEntries(tx, next);
  await insertEntries(tx, await remask(entries));
  return entries.map(({ token }) => token);
}

/**
 * No drain that keeps values can commit between the look at the rows and the deletion: it would find its token's entry, add a row,
 * and the entry would be gone.
 */
async function deleteEntries(tx: Transaction, keyId: string, tokens: readonly string[]): Promise<number> {
  // A nested loop, which a planner without statistics may think of, would read the rows once an entry.
  await tx.unsafe(
    "set local lock_timeout = '30s'; set local enable_nestloop = off; lock table fetch_etl.vault in share row exclusive mode",
  );
  const { count } = await tx`
    delete from fetch_etl.vault v
    where v.token = any(${[...tokens]}::text[])
      and not exists (select from public.user_logins u
                      where u.masked_ip = v.token and ${earlier(tx, "u.masked_ip", keyId)})
      and not exists (select from public.user_logins u
                      where u.masked_device_id = v.token and ${earlier(tx, "u.masked_device_id", keyId)})`;
  return count;
}

async function left(tx: Transaction, keyId: string): Promise<Left[]> {
  const rows = await tx<{ keyId: string; values: string; inVault: string }[]>`
    select substr(m.token, 4, 8) as "keyId", count(*) as values, count(v.token) as "inVault"
    from public.user_logins u
    cross join lateral (values (u.masked_ip), (u.masked_device_id)) as m (token)
    left join fetch_etl.vault v on v.token = m.token
    where ${earlier(tx, "m.token", keyId)}
    group by 1 order by 1`;
  return rows.map((row) => ({
    keyId: row.keyId,
    values: Number(row.values),
    inVault: Number(row.inVault),
  }));
}
