// Where tokens are in the target table: in how many rows, and of how many people. Writes nothing.
import type { Column } from "../mapping/mapping.ts";
import type { SoughtValue } from "../mapping/find.ts";
import { TYPE_IDS } from "../mapping/column-type.ts";
import type { Fragment, Transaction } from "./connection.ts";
import { fullName, identifier } from "./quote.ts";
import type { Right } from "./rights.ts";
import { valueType, type Found, type Target } from "./target-table.ts";
import { isToken } from "./token.ts";

export interface Occurrence {
  readonly rows: number;
  /** Distinct values of the column that identifies a person; undefined without such a column. */
  readonly people: number | undefined;
}

export interface Occurrences {
  /** Each row once, and each person once. */
  readonly all: Occurrence;
  readonly byToken: ReadonlyMap<string, Occurrence>;
}

/** What is read of the target table. */
export interface Places {
  readonly table: Target["table"];
  readonly masked: readonly Column[];
  /** The column that identifies a person. */
  readonly person: Column | undefined;
}

/** @param where the column of a request; it identifies people if the mapping has no column `user_id` */
export function placesOf({ table, columns }: Target, where: Column | undefined): Places {
  return {
    table,
    masked: columns.filter(({ mask }) => mask !== undefined),
    person: columns.find(({ name }) => name === "user_id") ?? where,
  };
}

/** The columns that are read, each once; `where` first. */
export function columnsRead({ masked, person }: Places, where: Column | undefined): readonly Column[] {
  return [...new Set([where, ...masked, person].filter((column) => column !== undefined))];
}

export function rightToRead({ table }: Places, columns: readonly Column[]): Right {
  const names = columns.map(({ name }) => name);
  return { schema: table.schema, table: table.name, right: "select", columns: names };
}

/** Scans the rows once. */
export async function countOccurrences(
  tx: Transaction,
  { table, masked, person }: Places,
  tokens: readonly string[],
): Promise<Occurrences> {
  const texts = masked.map(({ name }) => `u.${identifier(name)}::pg_catalog.text`);
  const asked = tx`${[...tokens]}::pg_catalog.text[]`;
  const condition = texts.map(
    (text, index) =>
      tx`${index === 0 ? tx`` : tx` or `}${tx.unsafe(text)} operator(pg_catalog.=) any (${asked})`,
  );
  const who = person === undefined ? "null" : `u.${identifier(person.name)}`;
  const rows = await tx<{ token: string | null; rows: string; people: string }[]>`
    with hit as (
      select array[${tx.unsafe(texts.join(", "))}] as tokens, ${tx.unsafe(who)}::pg_catalog.text collate pg_catalog."C" as person
      from ${tx.unsafe(fullName(table))} u where ${condition}
    )
    select null::pg_catalog.text as token, pg_catalog.count(*) as rows, pg_catalog.count(distinct person) as people from hit
    union all
    select t.token, pg_catalog.count(*), pg_catalog.count(distinct hit.person)
    from hit cross join lateral (select distinct pg_catalog.unnest(hit.tokens) as token) as t
    where t.token operator(pg_catalog.=) any (${asked})
    group by 1`;
  const toOccurrence = (row: { rows: string; people: string }): Occurrence => ({
    rows: Number(row.rows),
    people: person === undefined ? undefined : Number(row.people),
  });
  const byToken = new Map(
    rows.flatMap((row) => (row.token === null ? [] : [[row.token, toOccurrence(row)] as const])),
  );
  const all = rows.find(({ token }) => token === null) ?? { rows: "0", people: "0" };
  return { all: toOccurrence(all), byToken };
}

export interface MatchedRows {
  readonly rows: number;
  /** The tokens in them, each once, in order. */
  readonly tokens: readonly string[];
}

/**
 * The rows that have a value in a column. Scans the rows, unless the column has an index.
 *
 * @param found the column in the table
 */
export async function matchRows(
  tx: Transaction,
  { table, masked }: Places,
  where: SoughtValue,
  found: Found | undefined,
): Promise<MatchedRows> {
  const texts = masked.map(({ name }) => `u.${identifier(name)}::pg_catalog.text`);
  const rows = await tx<{ rows: string | null; token: string | null }[]>`
    with hit as (
      select array[${tx.unsafe(texts.join(", "))}]::pg_catalog.text[] as tokens
      from ${tx.unsafe(fullName(table))} u where ${isValue(tx, where, found)}
    )
    select pg_catalog.count(*) as rows, null::pg_catalog.text as token from hit
    union all
    select null, t.token from (select distinct pg_catalog.unnest(tokens) as token from hit) as t
    where ${tx.unsafe(isToken("t.token"))}`;
  return {
    rows: Number(rows.find((row) => row.rows !== null)?.rows ?? 0),
    tokens: rows.flatMap(({ token }) => token ?? []).toSorted(),
  };
}

const TEXTS: readonly number[] = [TYPE_IDS.text, TYPE_IDS["character varying"], TYPE_IDS.character];

/** A condition on the rows `u`. Text is compared twice: an index may serve the first comparison, whose collation may call different texts equal. */
function isValue(tx: Transaction, { column, cell }: SoughtValue, found: Found | undefined): Fragment {
  const name = tx.unsafe(`u.${identifier(column.name)}`);
  const isText = found === undefined || found.kind === "e" || TEXTS.includes(found.baseId);
  const value = tx`${cell}::pg_catalog.text`;
  if (!isText) return tx`${name} operator(pg_catalog.=) ${value}::${tx.unsafe(valueType(column))}`;
  return tx`${name}::pg_catalog.text operator(pg_catalog.=) ${value}
    and (${name}::pg_catalog.text collate pg_catalog."C") operator(pg_catalog.=) ${value}`;
}
