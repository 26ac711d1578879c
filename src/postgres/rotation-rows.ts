// One batch of a key rotation: the rows in a range of blocks, and their entries in the vault.
import type { Remask, Remasked } from "../recovery/remask.ts";
import type { Fragment, Transaction } from "./connection.ts";
import { toHex } from "./quote.ts";
import { rememberEarlier } from "./remasked.ts";
import { isToken, tokenKeyId } from "./token.ts";
import { entriesOf } from "./vault.ts";

/** What a rotation reads. */
export interface ReadTarget {
  /** As SQL takes it. */
  readonly table: Fragment;
  /** The columns that have tokens, as SQL takes them. */
  readonly columns: readonly string[];
  /** The names of the columns' keys: entries of the vault have them. */
  readonly fields: readonly string[];
  /** Of the masking key. */
  readonly keyId: string;
}

export interface RotationTarget extends ReadTarget {
  readonly remask: Remask;
}

/** A range of blocks, counted from 0. */
export interface Blocks {
  readonly first: number;
  readonly count: number;
}

/** A row that has earlier tokens: for each column the token, or null. */
interface Row {
  readonly place: string;
  readonly tokens: readonly (string | null)[];
}

/** A condition: the column has a token of another masking key. */
export function earlier(tx: Transaction, column: string, keyId: string): Fragment {
  return tx`(${tx.unsafe(isToken(column))} and ${tx.unsafe(tokenKeyId(column))} operator(pg_catalog.<>) ${keyId})`;
}

/**
 * Gives the rows new tokens where the vault has their values. A row that another session changes or moves at the same time is left
 * unchanged: the update requires its place and the tokens that were read.
 *
 * @returns how many rows were changed
 */
export async function changeRows(
  tx: Transaction,
  { table, columns, keyId, remask }: RotationTarget,
  blocks: Blocks,
): Promise<number> {
  const earlierTokens = columns.map(
    (column, index) =>
      tx`${index === 0 ? tx`` : tx`, `}case when ${earlier(tx, `u.${column}`, keyId)} then u.${tx.unsafe(column)}::pg_catalog.text end`,
  );
  const rows = await tx<Row[]>`
    select place, tokens from (
      select ${place(tx)} as place, array[${earlierTokens}] as tokens
      from ${table} u
      where ${within(tx, blocks)}
    ) as walked
    where pg_catalog.array_to_string(tokens, '') operator(pg_catalog.<>) ''`;
  if (rows.length === 0) return 0;
  const tokens = new Set(rows.flatMap((row) => row.tokens).filter((token) => token !== null));
  const newTokens = new Map<string, string>();
  for await (const entries of entriesOf(tx, [...tokens])) {
    const remasked = await remask(entries);
    await insertEntries(tx, remasked);
    await rememberEarlier(tx, remasked);
    for (const { earlier, token } of remasked) newTokens.set(earlier, token);
  }
  const changes = rows
    .map((row) => ({ ...row, news: row.tokens.map((token) => newTokens.get(token ?? "") ?? null) }))
    .filter(({ news }) => news.some((token) => token !== null));
  if (changes.length === 0) return 0;
  const names = columns.flatMap((_, index) => [`old${index}`, `new${index}`]);
  const arrays = columns.map(
    (_, index) => tx`,
      pg_catalog.unnest(${changes.map((change) => change.tokens[index] ?? null)}::pg_catalog.text[]),
      pg_catalog.unnest(${changes.map(({ news }) => news[index] ?? null)}::pg_catalog.text[])`,
  );
  const assigned = columns.map((column, index) => `${column} = coalesce(n.new${index}, u.${column})`);
  const unchanged = columns.map(
    (column, index) =>
      `and coalesce(u.${column}::pg_catalog.text operator(pg_catalog.=) n.old${index}, n.old${index} is null)`,
  );
  const { count } = await tx`
    update ${table} u
    set ${tx.unsafe(assigned.join(", "))}
    from rows from (
      pg_catalog.unnest(${changes.map(({ place }) => place)}::pg_catalog.text[])${arrays}
    ) as n (place, ${tx.unsafe(names.join(", "))})
    where ${within(tx, blocks)} and ${place(tx)} operator(pg_catalog.=) n.place
      ${tx.unsafe(unchanged.join("\n      "))}`;
  return count;
}

/** Adds entries in the order of their tokens, as drains do, to prevent deadlocks. */
export async function insertEntries(tx: Transaction, entries: readonly Remasked[]): Promise<void> {
  if (entries.length === 0) return;
  await tx`
    insert into fetch_etl.vault (token, field, type, key_id, sealed)
    select token, field, type, key_id, pg_catalog.decode(sealed, 'hex')
    from rows from (
      pg_catalog.unnest(${entries.map(({ token }) => token)}::pg_catalog.text[]),
      pg_catalog.unnest(${entries.map(({ field }) => field)}::pg_catalog.text[]),
      pg_catalog.unnest(${entries.map(({ type }) => type)}::pg_catalog.text[]),
      pg_catalog.unnest(${entries.map(({ dataKeyId }) => dataKeyId)}::pg_catalog.uuid[]),
      pg_catalog.unnest(${entries.map(({ sealed }) => toHex(sealed))}::pg_catalog.text[])
    ) as e (token, field, type, key_id, sealed)
    order by token collate pg_catalog."C"
    on conflict do nothing`;
}

/** The place of a row, as text: before Postgres 14 a tid cannot be hashed, which makes the join slow. */
function place(tx: Transaction): Fragment {
  return tx`(u.tableoid::pg_catalog.text operator(pg_catalog.||) u.ctid::pg_catalog.text)`;
}

/** Minimum size of a row in a block, in bytes: its line pointer of 4, and its header of 23, aligned to 24. */
const ROW_BYTES = 28;

/**
 * A condition: the row is in one of these blocks. It lists every possible place in them, because Postgres before 14 has no other way to read
 * only a range of blocks.
 */
function within(tx: Transaction, { first, count }: Blocks): Fragment {
  return tx`u.ctid operator(pg_catalog.=) any (array(
    select pg_catalog.format('(%s,%s)', block, item)::pg_catalog.tid
    from pg_catalog.generate_series(${first}::bigint, ${first + count - 1}::bigint) as block,
         pg_catalog.generate_series(
           1, pg_catalog.current_setting('block_size')::integer operator(pg_catalog./) ${ROW_BYTES}::integer) as item))`;
}
