// How often the tokens of masked columns repeat, and their masking keys. A value that is no token is counted and never read. Writes nothing.
import type { Reader } from "./connection.ts";
import { COLUMNS_AT_ONCE, countedByValue, groupedBits } from "./distributions.ts";
import type { ReadColumn } from "./read-column.ts";
import { isToken, tokenKeyId } from "./token.ts";

/** A token, and the number of rows that have it. */
export interface Repeated {
  readonly token: string;
  readonly rows: number;
}

/** The number of values that have `min` to `max` rows each; `max` is null if there is no upper limit. */
export interface Repeats {
  readonly min: number;
  readonly max: number | null;
  readonly values: number;
}

export interface TokenCounts {
  /** How many values there are, without NULL. */
  readonly distinct: number;
  /** By the id of the masking key: the number of rows that have a token of it. */
  readonly keyIds: Readonly<Record<string, number>>;
  /** Up to the last that is not empty. */
  readonly repeats: readonly Repeats[];
  /** The most frequent tokens, in two rows or more, most frequent first. */
  readonly mostRepeated: readonly Repeated[];
}

/** Tokens per column. */
const MOST_REPEATED = 5;

/** The lower limit of each range of rows. */
const REPEATS_FROM = [1, 2, 3, 4, 10, 100] as const;

/**
 * Scans the rows once for every {@link COLUMNS_AT_ONCE} columns.
 *
 * @param table as SQL takes it
 * @param columns masked ones
 * @returns in their order
 */
export async function tokenCounts(
  sql: Reader,
  table: string,
  columns: readonly ReadColumn[],
): Promise<TokenCounts[]> {
  const all: TokenCounts[] = [];
  for (let from = 0; from < columns.length; from += COLUMNS_AT_ONCE) {
    const some = columns.slice(from, from + COLUMNS_AT_ONCE);
    const found = await counted(sql, table, some);
    all.push(
      ...some.map((_, index) =>
        countsOf(found.filter(({ grouped }) => grouped === groupedBits(index, some.length))),
      ),
    );
  }
  return all;
}

interface Found {
  readonly grouped: number;
  /** Of the most frequent ones; null in a row that counts values by range and masking key. */
  readonly token: string | null;
  /** Null for values that are no tokens. */
  readonly keyId: string | null;
  /** From 1, of {@link REPEATS_FROM}. */
  readonly range: number;
  readonly rows: string;
  readonly values: string;
}

function counted(sql: Reader, table: string, columns: readonly ReadColumn[]): Promise<readonly Found[]> {
  const range = `pg_catalog.width_bucket(rows, array[${REPEATS_FROM.join(", ")}]::bigint[])`;
  return sql.unsafe<Found[]>(`
    with counted as (${countedByValue(table, columns)}
    ), looked as (
      select grouped, value, rows, ${isToken("value")} as is_token from counted where value is not null
    ), repeated as (
      select grouped, value, rows, pg_catalog.row_number() over (
        partition by grouped order by rows desc, value collate pg_catalog."C") as place
      from looked where is_token and rows operator(pg_catalog.>) 1
    )
    select grouped, null::pg_catalog.text as token, case when is_token then ${tokenKeyId("value")} end as "keyId",
           ${range} as range, pg_catalog.sum(rows) as rows, pg_catalog.count(*) as values
    from looked group by 1, 3, 4
    union all
    select grouped, value, ${tokenKeyId("value")}, ${range}, rows, 1
    from repeated where place operator(pg_catalog.<=) ${MOST_REPEATED}::bigint`);
}

function countsOf(found: readonly Found[]): TokenCounts {
  const groups = found.filter(({ token }) => token === null);
  const ranges = REPEATS_FROM.map((min, index) => ({
    min,
    max: maxOf(index),
    values: sum(groups.filter(({ range }) => range === index + 1).map(({ values }) => values)),
  }));
  const keyIds = new Map<string, number>();
  for (const { keyId, rows } of groups)
    if (keyId !== null) keyIds.set(keyId, (keyIds.get(keyId) ?? 0) + Number(rows));
  return {
    distinct: sum(groups.map(({ values }) => values)),
    keyIds: Object.fromEntries([...keyIds].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    repeats: ranges.slice(0, Math.max(0, ...groups.map(({ range }) => range))),
    mostRepeated: found
      .flatMap(({ token, rows }) => (token === null ? [] : [{ token, rows: Number(rows) }]))
      .toSorted((a, b) => b.rows - a.rows || (a.token < b.token ? -1 : 1)),
  };
}

function sum(counts: readonly string[]): number {
  return counts.reduce((total, count) => total + Number(count), 0);
}

function maxOf(index: number): number | null {
  const next = REPEATS_FROM[index + 1];
  return next === undefined ? null : next - 1;
}
