// The distribution of a table's rows over the values of columns that are not masked. The result is small however many rows and values
// there are. Writes nothing.
import type { Reader } from "./connection.ts";
import { shownText, spellValue, type ReadColumn } from "./read-column.ts";

/** A value and the number of its rows; null stands for NULL. */
export interface ValueRows {
  readonly value: string | null;
  readonly rows: number;
}

export interface Distribution {
  /** How many values there are, without NULL. */
  readonly distinct: number;
  /** The ten most frequent values, most rows first, then NULL. */
  readonly values: readonly ValueRows[];
  /** The remaining values: how many, and in how many rows. */
  readonly others?: { readonly values: number; readonly rows: number };
}

/** The values to show besides NULL. */
const MOST_VALUES = 10;

/** Columns of a scan: `grouping` takes fewer than 32, and each may need memory for its values. */
export const COLUMNS_AT_ONCE = 16;

/**
 * Scans the rows once for every {@link COLUMNS_AT_ONCE} columns.
 *
 * @param table as SQL takes it
 * @returns in the order of the columns
 */
export async function distributions(
  sql: Reader,
  table: string,
  columns: readonly ReadColumn[],
): Promise<Distribution[]> {
  const all: Distribution[] = [];
  for (let from = 0; from < columns.length; from += COLUMNS_AT_ONCE) {
    const some = columns.slice(from, from + COLUMNS_AT_ONCE);
    const places = await valueRows(sql, table, some);
    all.push(
      ...some.map(({ type }, index) =>
        distribution(
          places.filter(({ grouped }) => grouped === groupedBits(index, some.length)),
          (text) => spellValue(type, text),
        ),
      ),
    );
  }
  return all;
}

/** The bits of Postgres's `grouping` of all columns, in a row that is of one of them: 0 for that one, the first column highest. */
export function groupedBits(index: number, columns: number): number {
  return 2 ** columns - 1 - 2 ** (columns - 1 - index);
}

/** SQL: rows counted by the values of each column: `grouped` (see {@link groupedBits}), `value` as a text, and `rows`. */
export function countedByValue(table: string, columns: readonly ReadColumn[]): string {
  const names = columns.map((_, index) => `c${index}`);
  return `
      select grouping(${names.join(", ")}) as grouped, coalesce(${names.map(shownText).join(", ")}) as value,
             pg_catalog.count(*) as rows
      from (select ${columns.map(({ value }, index) => `${value} as c${index}`).join(", ")} from ${table}) as read
      group by grouping sets (${names.map((name) => `(${name})`).join(", ")})`;
}

interface Place {
  readonly grouped: number;
  /** From 1; {@link MOST_VALUES} + 1 for all remaining values together. */
  readonly place: number;
  readonly value: string | null;
  readonly rows: string;
  readonly values: string;
}

function valueRows(sql: Reader, table: string, columns: readonly ReadColumn[]): Promise<readonly Place[]> {
  return sql.unsafe<Place[]>(`
    with counted as (${countedByValue(table, columns)}
    ), placed as (
      select grouped, value, rows, value is null as is_null, pg_catalog.row_number() over (
        partition by grouped, value is null order by rows desc, value collate pg_catalog."C") as place
      from counted
    ), bounded as (
      select grouped, value, rows, is_null, least(place, ${MOST_VALUES + 1}) as place
      from placed
    )
    select grouped, place::int, pg_catalog.min(value) as value,
           pg_catalog.sum(rows) as rows, pg_catalog.count(*) as values
    from bounded
    group by grouped, is_null, place
    order by grouped, is_null, place`);
}

function distribution(places: readonly Place[], spell: (text: string) => string): Distribution {
  const rest = places.find(({ place }) => place > MOST_VALUES);
  const values = places
    .filter((each) => each !== rest)
    .map(({ value, rows }) => ({ value: value === null ? null : spell(value), rows: Number(rows) }));
  const shown = values.filter(({ value }) => value !== null).length;
  if (rest === undefined) return { distinct: shown, values };
  const others = { values: Number(rest.values), rows: Number(rest.rows) };
  return { distinct: shown + others.values, values, others };
}
