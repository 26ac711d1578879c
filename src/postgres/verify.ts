// `fetch-etl verify`: counts and checks rows, tokens and the quarantine. Writes nothing.
import type { DatabaseSettings } from "../config/database.ts";
import { Failure } from "../failure.ts";
import { reasonGroup } from "../mapping/reason-group.ts";
import type { TypeName } from "../mapping/mapping.ts";
import type { Reader } from "./connection.ts";
import { withDatabase } from "./database.ts";
import { distributions, type ValueRows } from "./distributions.ts";
import { countRepeatedBodies } from "./ledger.ts";
import { countByReason, summarise, type HeldReason } from "./quarantine.ts";
import { fullName } from "./quote.ts";
import { FIXED_FORMATS, readColumn, shownText, spellValue, type ReadColumn } from "./read-column.ts";
import { tablesPresent } from "./schema.ts";
import { requireColumns } from "./target-table.ts";
import { isToken, nonTokensQuery } from "./token.ts";
import { tokenCounts, type Repeated, type Repeats } from "./token-counts.ts";
import { inTransaction, SNAPSHOT } from "./transaction.ts";

/** What a column has. Values are texts of at most 64 characters; a longer one ends with an ellipsis. */
export interface VerifiedColumn {
  /** The mapping's. */
  readonly type: TypeName;
  readonly nulls: number;
  /** Numbers, dates and times that are not masked; null where there are none. */
  readonly min?: string | null;
  readonly max?: string | null;
  /** Masked columns: how many values are neither NULL nor a token: leaks. */
  readonly unmasked?: number;
  /** All below only on request. */
  readonly distinct?: number;
  /** Masked columns, by the id of the masking key: the number of rows that have a token of it. */
  readonly keyIds?: Readonly<Record<string, number>>;
  /** Masked columns: the number of values by the number of their rows, up to the last that is not empty. */
  readonly repeats?: readonly Repeats[];
  /** Masked columns: the most frequent tokens, in two rows or more, most frequent first. */
  readonly mostRepeated?: readonly Repeated[];
  /** Other columns: the ten most frequent values, most rows first, then NULL. */
  readonly values?: readonly ValueRows[];
  /** The remaining values: how many, and in how many rows. */
  readonly others?: { readonly values: number; readonly rows: number };
}

export interface Verification {
  readonly rows: number;
  /** By the names of the mapping's columns, in their order. */
  readonly columns: ReadonlyMap<string, VerifiedColumn>;
  /** Of all masked columns. */
  readonly unmasked: number;
  /** SQL that finds rows with an unmasked value; undefined where there is none. */
  readonly unmaskedQuery?: string;
  /**
   * Bodies that the ledger has for several messages, for example after a redrive, or for identical messages; null where the user may not
   * read the ledger, counting takes longer than ten seconds, or without `values`.
   */
  readonly repeatedBodies: number | null;
  /** Messages that are not replayed. */
  readonly quarantined: number;
  /** Messages by reason, the {@link MOST_COUNTED} most frequent ones; a message with two reasons counts for both. */
  readonly quarantineReasons: Readonly<Record<string, number>>;
  /** The same as people read it: a message that lacks every field counts for one reason. Absent where it is no other. */
  readonly shownReasons?: Readonly<Record<string, number>>;
}

/**
 * Reads the tables.
 *
 * @param extent `values` adds what is only for display, which reads the rows twice more, again for every 16 columns, and the ledger once
 * @throws {Failure} when the database is unreachable, or there is no such table or column
 */
export async function verifyTables(
  settings: DatabaseSettings,
  extent: "counts" | "values" = "counts",
): Promise<Verification> {
  const table = fullName(settings.table);
  return withDatabase(settings, "reading the tables", async (sql) => {
    const present = await tablesPresent(sql, settings.table);
    if (!present.target) {
      throw new Failure("configuration", `There is no table ${table} yet: "fetch-etl init" creates it.`);
    }
    const found = await requireColumns(sql, settings);
    const columns = found.map(({ column, found: { baseId } }) => readColumn(column, baseId));
    // One snapshot, so that the figures agree with each other while a drain goes on.
    return inTransaction(sql, SNAPSHOT, async (tx) => {
      await tx.unsafe(FIXED_FORMATS);
      const counted = await counts(tx, table, columns);
      const { total, reasons } = present.quarantine ? await summarise(tx) : { total: 0, reasons: [] };
      const group = extent === "values" ? reasonGroup(settings) : undefined;
      const shownReasons =
        total === 0 || group === undefined ? undefined : byReason(await countByReason(tx, { group }));
      const unmasked = counted.columns.reduce((sum, column) => sum + (column.unmasked ?? 0), 0);
      const leaking = columns.flatMap(({ value }, index) =>
        (counted.columns[index]?.unmasked ?? 0) > 0 ? [value] : [],
      );
      const shown = extent === "values" ? await values(tx, table, columns) : undefined;
      return {
        rows: counted.rows,
        columns: new Map(
          columns.map((column, index) => [
            column.name,
            { type: column.type, ...(counted.columns[index] ?? { nulls: 0 }), ...shown?.get(column) },
          ]),
        ),
        unmasked,
        ...(leaking.length > 0 ? { unmaskedQuery: nonTokensQuery(table, leaking) } : {}),
        quarantined: total,
        quarantineReasons: byReason(reasons),
        ...(shownReasons === undefined ? {} : { shownReasons }),
        repeatedBodies: extent === "values" ? await countRepeatedBodies(tx) : null,
      };
    });
  });
}

function byReason(reasons: readonly HeldReason[]): Record<string, number> {
  return Object.fromEntries(reasons.map(({ reason, count }) => [reason, count]));
}

/** Columns of a scan: a select list has at most 1,664 entries. */
const COUNTED_AT_ONCE = 500;

type CountedColumn = Pick<VerifiedColumn, "nulls" | "min" | "max" | "unmasked">;

async function counts(
  sql: Reader,
  table: string,
  columns: readonly ReadColumn[],
): Promise<{ readonly rows: number; readonly columns: readonly CountedColumn[] }> {
  let rows = 0;
  const all: CountedColumn[] = [];
  for (let from = 0; from < columns.length; from += COUNTED_AT_ONCE) {
    const some = columns.slice(from, from + COUNTED_AT_ONCE);
    const entries = some.flatMap(({ value, isMasked, hasRange }, index) => [
      `pg_catalog.count(${value}) as filled${index}`,
      ...(hasRange
        ? (["min", "max"] as const).map((of) => `${shownText(`pg_catalog.${of}(${value})`)} as ${of}${index}`)
        : []),
      ...(isMasked ? [`pg_catalog.count(*) filter (where not ${isToken(value)}) as unmasked${index}`] : []),
    ]);
    const [row] = await sql.unsafe<Record<string, string | null>[]>(
      `select ${["pg_catalog.count(*) as rows", ...entries].join(", ")} from ${table}`,
    );
    const count = (name: string): number => Number(row?.[name] ?? 0);
    rows = count("rows");
    all.push(
      ...some.map(({ type, isMasked, hasRange }, index) => {
        const spelled = (text: string | null | undefined): string | null =>
          text === null || text === undefined ? null : spellValue(type, text);
        return {
          nulls: rows - count(`filled${index}`),
          ...(hasRange ? { min: spelled(row?.[`min${index}`]), max: spelled(row?.[`max${index}`]) } : {}),
          ...(isMasked ? { unmasked: count(`unmasked${index}`) } : {}),
        };
      }),
    );
  }
  return { rows, columns: all };
}

async function values(
  sql: Reader,
  table: string,
  columns: readonly ReadColumn[],
): Promise<ReadonlyMap<ReadColumn, Partial<VerifiedColumn>>> {
  const masked = columns.filter(({ isMasked }) => isMasked);
  const others = columns.filter(({ isMasked }) => !isMasked);
  const ofMasked = await tokenCounts(sql, table, masked);
  const ofOthers = await distributions(sql, table, others);
  return new Map<ReadColumn, Partial<VerifiedColumn>>([
    ...masked.map((column, index) => [column, { ...ofMasked[index] }] as const),
    ...others.map((column, index) => [column, { ...ofOthers[index] }] as const),
  ]);
}
