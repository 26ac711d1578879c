// A key rotation in the tables. The target table has no key and no index, so that it is read by ranges of blocks.
import type { DatabaseSettings } from "../config/database.ts";
import type { TableName } from "../config/table.ts";
import { Failure } from "../failure.ts";
import { columnMask } from "../mapping/masks.ts";
import type { Column } from "../mapping/mapping.ts";
import { AlteredEntry, type Remask } from "../recovery/remask.ts";
import type { Left, RotationTables } from "../recovery/rotate.ts";
import { record, TO_RECORD } from "./access-log.ts";
import { partsOf, RELATIONS } from "./catalogue.ts";
import type { Sql, Transaction } from "./connection.ts";
import { openDatabase, type Database } from "./database.ts";
import { unseenDrops } from "./dropped-rows.ts";
import { fullName, identifier } from "./quote.ts";
import { requireRights, type Right } from "./rights.ts";
import { changeRows, earlier, insertEntries, type RotationTarget } from "./rotation-rows.ts";
import { tablesPresent } from "./schema.ts";
import { requireColumns } from "./target-table.ts";
import { tokenKeyId } from "./token.ts";
import { LOCKS, withLock } from "./transaction.ts";
import { readEntries } from "./vault.ts";

/** Call {@link Rotation.close} when done. */
export interface Rotation extends RotationTables {
  close(): Promise<void>;
}

/** In addition to those on the target table. */
const RIGHTS: readonly Right[] = [
  { table: "vault", right: "select" },
  { table: "vault", right: "insert" },
  { table: "vault", right: "delete" },
  { table: "vault_keys", right: "select" },
  ...TO_RECORD,
];

/** Blocks of 8 kB in a batch: about two thousand rows. */
const BLOCKS = 64;
const DOING = "rotating keys";

/**
 * Connects, checks tables and rights, and records the run in `fetch_etl.reveal_log`.
 *
 * @param keyId of the masking key to change to
 * @throws {Failure} when there is no vault, or the user lacks a right
 */
export async function openRotation(
  settings: DatabaseSettings,
  keyId: string,
  remask: Remask,
): Promise<Rotation> {
  const passes = (error: unknown): boolean => error instanceof AlteredEntry;
  const prepare = async ({ sql, run, close }: Database): Promise<Rotation> => {
    const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
      run(DOING, () => withLock(sql, LOCKS.vault, work));
    const masked = settings.columns.filter(({ mask }) => mask !== undefined);
    const names = masked.map(({ name }) => name);
    const heap = await run(DOING, async () => {
      await checkTables(sql, settings, masked);
      return heapOf(sql, settings.table);
    });
    await inTransaction((tx) => record(tx, settings, { action: "rotate", reason: `rotate to key ${keyId}` }));
    const target: RotationTarget = {
      table: sql.unsafe(fullName(settings.table)),
      columns: names.map(identifier),
      fields: masked.flatMap((column) => columnMask(column)?.keyName ?? []),
      ...{ keyId, remask },
    };
    const others = (await run(DOING, () => othersWithTokens(sql, settings.table, names))).map(fullName);
    // A batch reads its blocks from every partition.
    const blocks = Math.max(1, Math.floor(BLOCKS / heap.parts));
    return {
      rowBatches: Math.ceil(heap.blocks / blocks),
      changeRows: (batch) =>
        inTransaction((tx) => changeRows(tx, target, { first: batch * blocks, count: blocks })),
      copyEntries: (after) => inTransaction((tx) => copyEntries(tx, target, after)),
      others,
      deleteEntries: (tokens) => inTransaction((tx) => deleteEntries(tx, target, tokens)),
      left: () => inTransaction((tx) => left(tx, target)),
      close,
    };
  };
  return openDatabase(settings, prepare, passes);
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
  await insertEntries(tx, await remask(entries));
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

async function left(tx: Transaction, { table, columns, keyId }: RotationTarget): Promise<Left[]> {
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
