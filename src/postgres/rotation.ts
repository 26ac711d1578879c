// A key rotation in the tables. The target table has no key and no index, so that it is read by ranges of blocks.
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import { columnMask } from "../mapping/masks.ts";
import type { Column } from "../mapping/mapping.ts";
import { AlteredEntry, type Remask } from "../recovery/remask.ts";
import { laterKey, type KeyUse } from "../recovery/key-use.ts";
import type { Left, RotationTables } from "../recovery/rotate.ts";
import { record, recordOutcome, TO_RECORD } from "./access-log.ts";
import { partsOf, RELATIONS } from "./catalogue.ts";
import type { Sql, Transaction } from "./connection.ts";
import { openDatabase, withDatabase, type Database } from "./database.ts";
import { unseenDrops } from "./dropped-rows.ts";
import { keyHistory, rotationReason } from "./key-history.ts";
import { fullName, identifier } from "./quote.ts";
import { rememberEarlier, TO_ADD_REMASKED } from "./remasked.ts";
import { requireRights, type Right } from "./rights.ts";
import { changeRows, earlier, insertEntries, type ReadTarget, type RotationTarget } from "./rotation-rows.ts";
import { tablesPresent } from "./schema.ts";
import { requireColumns } from "./target-table.ts";
import { tokenKeyId } from "./token.ts";
import { inTransaction, LOCKS, SNAPSHOT, withLock } from "./transaction.ts";
import { readEntries } from "./vault.ts";

/** Call {@link Rotation.close} when done. */
export interface Rotation extends RotationTables {
  /** Records that the rotation has ended. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** In addition to those on the target table. */
const RIGHTS: readonly Right[] = [
  { table: "vault", right: "select" },
  { table: "vault", right: "insert" },
  { table: "vault", right: "delete" },
  { table: "vault_keys", right: "select" },
  TO_ADD_REMASKED,
  ...TO_RECORD,
];

/** Blocks of 8 kB in a batch: about two thousand rows. */
const BLOCKS = 64;
const DOING = "rotating keys";

/**
 * Connects, checks tables and rights, and records the run in `fetch_etl.reveal_log`.
 *
 * @param keyId of the masking key to change to
 * @param goesBack whether it may be an earlier key than that of the most recent rows
 * @throws {Failure} when there is no vault, or the user lacks a right
 */
export async function openRotation(
  settings: DatabaseSettings,
  keyId: string,
  remask: Remask,
  goesBack = false,
): Promise<Rotation> {
  const passes = (error: unknown): boolean => error instanceof AlteredEntry;
  const prepare = async ({ sql, run, close }: Database): Promise<Rotation> => {
    const locked = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
      run(DOING, () => withLock(sql, LOCKS.vault, work));
    const masked = maskedColumns(settings);
    const names = masked.map(({ name }) => name);
    const heap = await run(DOING, async () => {
      await checkTables(sql, settings, masked);
      const later = laterKey((await keyHistory(sql, settings.table)).uses, keyId);
      if (later !== undefined && !goesBack) throw new Failure("configuration", backwards(keyId, later));
      return heapOf(sql, settings.table);
    });
    const id = await locked((tx) =>
      record(tx, settings, { action: "rotate", reason: rotationReason(keyId, settings.table) }),
    );
    const target: RotationTarget = { ...readTarget(sql, settings, keyId), remask };
    const others = (await run(DOING, () => othersWithTokens(sql, settings.table, names))).map(fullName);
    // A batch reads its blocks from every partition.
    const blocks = Math.max(1, Math.floor(BLOCKS / heap.parts));
    return {
      rowBatches: Math.ceil(heap.blocks / blocks),
      changeRows: (batch) => locked((tx) => changeRows(tx, target, { first: batch * blocks, count: blocks })),
      copyEntries: (after) => locked((tx) => copyEntries(tx, target, after)),
      others,
      deleteEntries: (tokens) => locked((tx) => deleteEntries(tx, target, tokens)),
      left: () => locked((tx) => left(tx, target)),
      finish: () => locked((tx) => recordOutcome(tx, id, "done")),
      close,
    };
  };
  return openDatabase(settings, prepare, passes);
}

function backwards(keyId: string, { keyId: later, last }: KeyUse): string {
  return (
    `Key ${keyId}, the first in FETCH_ETL_MASKING_KEY, is an earlier key than ${later}, which was last used on ${last.slice(0, 10)}. ` +
    "A rotation would bring all rows back to the earlier key. Check the order of the keys: the new one comes first. " +
    "If you want to go back, add --yes. Nothing was changed."
  );
}

function maskedColumns({ columns }: DatabaseSettings): Column[] {
  return columns.filter(({ mask }) => mask !== undefined);
}

function readTarget(sql: Sql, settings: DatabaseSettings, keyId: string): ReadTarget {
  const masked = maskedColumns(settings);
  return {
    table: sql.unsafe(fullName(settings.table)),
    columns: masked.map(({ name }) => identifier(name)),
    fields: masked.flatMap((column) => columnMask(column)?.keyName ?? []),
    keyId,
  };
}

/** What a rotation would change. */
export interface RotationSurvey {
  /** Rows that would get another token. */
  readonly rows: number;
  /** By earlier key. */
  readonly keys: readonly EarlierKey[];
  /** Entries of earlier keys whose fields the mapping does not have: they stay. */
  readonly entriesOfOthers: number;
  /** Other tables that may contain tokens, because of which entries of earlier keys stay. */
  readonly keptFor: readonly string[];
  /** A later key than the one to change to. */
  readonly later: KeyUse | undefined;
}

export interface EarlierKey extends Left {
  /** Of the vault, in fields of the mapping. */
  readonly entries: number;
}

/**
 * Counts what a rotation would change, after the same checks. Changes nothing, and decrypts nothing.
 *
 * @throws {Failure} as {@link openRotation} does
 */
export async function surveyRotation(settings: DatabaseSettings, keyId: string): Promise<RotationSurvey> {
  return withDatabase(settings, DOING, async (sql) => {
    const masked = maskedColumns(settings);
    await checkTables(sql, settings, masked);
    await heapOf(sql, settings.table);
    const names = masked.map(({ name }) => name);
    const keptFor = (await othersWithTokens(sql, settings.table, names)).map(fullName);
    const later = laterKey((await keyHistory(sql, settings.table)).uses, keyId);
    const target = readTarget(sql, settings, keyId);
    return inTransaction(sql, SNAPSHOT, async (tx) => {
      const tokens = await left(tx, target);
      const entries = await earlierEntries(tx, target);
      const ofMapping = entries.filter(({ isOwn }) => isOwn);
      const keyIds = new Set([...tokens, ...ofMapping].map((each) => each.keyId));
      const keys = [...keyIds].toSorted().map((id) => ({
        ...(tokens.find((each) => each.keyId === id) ?? { keyId: id, values: 0, inVault: 0 }),
        entries: ofMapping.find((each) => each.keyId === id)?.entries ?? 0,
      }));
      const entriesOfOthers = entries.reduce((sum, each) => sum + (each.isOwn ? 0 : each.entries), 0);
      return { rows: await changingRows(tx, target), keys, entriesOfOthers, keptFor, later };
    });
  });
}

async function earlierEntries(
  tx: Transaction,
  { fields, keyId }: ReadTarget,
): Promise<readonly { readonly keyId: string; readonly isOwn: boolean; readonly entries: number }[]> {
  const rows = await tx<{ keyId: string; isOwn: boolean; entries: string }[]>`
    select ${tx.unsafe(tokenKeyId("v.token"))} as "keyId",
           v.field operator(pg_catalog.=) any (${[...fields]}::pg_catalog.text[]) as "isOwn", pg_catalog.count(*) as entries
    from fetch_etl.vault v where ${earlier(tx, "v.token", keyId)}
    group by 1, 2`;
  return rows.map((row) => ({ ...row, entries: Number(row.entries) }));
}

async function changingRows(tx: Transaction, { table, columns, keyId }: ReadTarget): Promise<number> {
  const tokens = columns.map((column) => `(u.${column}::pg_catalog.text)`).join(", ");
  const [row] = await tx<{ rows: string }[]>`
    select pg_catalog.count(*) as rows from ${table} u
    where exists (
      select from (values ${tx.unsafe(tokens)}) as m (token)
      join fetch_etl.vault v on v.token operator(pg_catalog.=) m.token
      where ${earlier(tx, "m.token", keyId)})`;
  return Number(row?.rows ?? 0);
}

async function checkTables(
  sql: Sql,
  { user, table }: DatabaseSettings,
  masked: readonly Column[],
): Promise<void> {
  if (masked.length === 0)
    throw new Failure("configuration", "The mapping masks no column, so there are no tokens to rotate.");
  const present = await tablesPresent(sql, table);
  if (!present.vault) {
    throw new Failure(
      "configuration",
      "There is no vault in this database, and rotate needs the values that it stores. " +
        "Drains store values if FETCH_ETL_RECOVERY_RECIPIENT is set.",
    );
  }
  if (!present.target) {
    throw new Failure(
      "configuration",
      `There is no table ${fullName(table)}. Set --table to the table whose tokens to rotate.`,
    );
  }
  const columns = (await requireColumns(sql, { table, columns: masked })).map(({ column }) => column.name);
  const rows = { schema: table.schema, table: table.name };
  const ofRows: readonly Right[] = [
    { ...rows, right: "select" },
    { ...rows, right: "update", columns },
  ];
  await requireRights(sql, user, { doing: DOING, rights: [...ofRows, ...RIGHTS] });
  const failure = await unseenDrops(sql);
  if (failure !== undefined) throw failure;
}

/** The blocks of the largest partition, and the number of partitions; 1 where the table has none. */
async function heapOf(sql: Sql, table: TableName): Promise<{ blocks: number; parts: number }> {
  const [heap] = await sql.unsafe<{ blocks: string; parts: string; only: boolean }[]>(`
    with recursive ${partsOf([table])}
    select coalesce(pg_catalog.max(pg_catalog.pg_relation_size(c.oid)) filter (where relkind operator(pg_catalog.=) 'r'), 0)
             operator(pg_catalog./) pg_catalog.current_setting('block_size')::integer as blocks,
           greatest(pg_catalog.count(*) filter (where relkind operator(pg_catalog.=) 'r'), 1) as parts,
           pg_catalog.bool_and(relkind operator(pg_catalog.=) any ('{r,p}')) as only
    from parts join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) parts.oid`);
  if (heap?.only !== true) {
    throw new Failure(
      "configuration",
      `${fullName(table)} is a view, or part of it is a foreign table. Set --table to a table that contains the rows.`,
    );
  }
  return { blocks: Number(heap.blocks), parts: Number(heap.parts) };
}

/**
 * Other tables that may contain tokens of the vault: those that drains with a vault wrote to, and those with a column of the same name,
 * such as copies. Found in the catalogue only, because reading a table runs code of its owner, such as a policy.
 */
async function othersWithTokens(
  sql: Sql,
  { schema, name }: TableName,
  columns: readonly string[],
): Promise<TableName[]> {
  return sql<TableName[]>`
    with targets as (
      select distinct target from fetch_etl.vault_keys where target is not null
      union all
      select array[null, null]::pg_catalog.text[] operator(pg_catalog.||) ${[...columns]}::pg_catalog.text[]
    )
    select distinct n.nspname as schema, c.relname as name
    from targets, ${sql.unsafe(RELATIONS)}
    where c.relkind operator(pg_catalog.=) any ('{r,p}') and not c.relispartition
      and n.nspname operator(pg_catalog.!~) '^pg_' and n.nspname operator(pg_catalog.<>) 'fetch_etl'
      and (n.nspname, c.relname) operator(pg_catalog.<>) (${schema}, ${name})
      and coalesce(target[1] operator(pg_catalog.=) n.nspname::pg_catalog.text, true)
      and coalesce(target[2] operator(pg_catalog.=) c.relname::pg_catalog.text, true)
      and exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid operator(pg_catalog.=) c.oid and not a.attisdropped
          and a.attname::pg_catalog.text operator(pg_catalog.=) any (target[3:])
          and a.atttypid operator(pg_catalog.=) any (array['pg_catalog.text', 'pg_catalog.varchar']::pg_catalog.regtype[]))
    order by 1, 2`;
}

/** Entries of other fields are those of other mappings, whose tables keep their tokens. */
async function copyEntries(
  tx: Transaction,
  { keyId, remask, fields }: RotationTarget,
  after: string,
): Promise<string[]> {
  const entries = await readEntries(
    tx,
    tx`v.token operator(pg_catalog.>) ${after} and v.field operator(pg_catalog.=) any (${[...fields]}::pg_catalog.text[])
      and ${earlier(tx, "v.token", keyId)}`,
  );
  const remasked = await remask(entries);
  await insertEntries(tx, remasked);
  await rememberEarlier(tx, remasked);
  return entries.map(({ token }) => token);
}

/** The lock keeps drains from committing between the check of the rows and the deletion: one could add a row whose entry is then deleted. */
async function deleteEntries(
  tx: Transaction,
  { table, columns, keyId }: RotationTarget,
  tokens: readonly string[],
): Promise<number> {
  // Without statistics, the planner may choose a nested loop, which would read all rows once per entry.
  await tx.unsafe(
    "set local lock_timeout = '30s'; set local enable_nestloop = off; lock table fetch_etl.vault in share row exclusive mode",
  );
  const unused = columns.map(
    (column) => tx`
      and not exists (select from ${table} u
                      where u.${tx.unsafe(column)}::pg_catalog.text operator(pg_catalog.=) v.token
                        and ${earlier(tx, `u.${column}`, keyId)})`,
  );
  const { count } = await tx`
    delete from fetch_etl.vault v
    where v.token operator(pg_catalog.=) any (${[...tokens]}::pg_catalog.text[])${unused}`;
  return count;
}

async function left(tx: Transaction, { table, columns, keyId }: ReadTarget): Promise<Left[]> {
  const tokens = columns.map((column) => `(u.${column})`).join(", ");
  const rows = await tx<{ keyId: string; values: string; inVault: string }[]>`
    select ${tx.unsafe(tokenKeyId("m.token"))} as "keyId", pg_catalog.count(*) as values, pg_catalog.count(v.token) as "inVault"
    from ${table} u
    cross join lateral (values ${tx.unsafe(tokens)}) as m (token)
    left join fetch_etl.vault v on v.token operator(pg_catalog.=) m.token
    where ${earlier(tx, "m.token", keyId)}
    group by 1 order by 1`;
  return rows.map((row) => ({ ...row, values: Number(row.values), inVault: Number(row.inVault) }));
}
