// Pure: the distributions as charts for a terminal and a page, with headings and labels.
import type { Distribution, ValueRows } from "../../../postgres/distributions.ts";
import type { Repeats } from "../../../postgres/token-counts.ts";
import type { VerifiedColumn } from "../../../postgres/verify.ts";
import type { Counted } from "../../terminal/bars.ts";
import { count, plural, printable } from "../../terminal/style.ts";

export interface Spread {
  readonly column: string;
  readonly heading: string;
  /** What the labels stand for, as a heading of a table. */
  readonly of: string;
  /** What the bars count. */
  readonly unit: "rows" | "values";
  readonly counted: readonly Counted[];
}

/** Columns that are drawn. */
export const MOST_DRAWN = 50;

/**
 * Of the first {@link MOST_DRAWN} columns, those that are not empty. Without a chart of a column whose values mostly occur once, such as
 * ids.
 */
export function spreadsOf(columns: ReadonlyMap<string, VerifiedColumn>): readonly Spread[] {
  return [...columns].slice(0, MOST_DRAWN).flatMap(([name, { values, others, repeats }]) => {
    const shown = printable(name);
    if (values !== undefined && values.length > 0 && !isMostlyUnique(values, others))
      return [byValue(shown, values, others)];
    return repeats === undefined || repeats.length === 0 ? [] : [byRepeats(shown, repeats)];
  });
}

const NO_OTHERS = { values: 0, rows: 0 };

/** Fewer than two rows for each value. */
function isMostlyUnique(values: readonly ValueRows[], others: Distribution["others"] = NO_OTHERS): boolean {
  const filled = values.filter(({ value }) => value !== null);
  const rows = filled.reduce((sum, each) => sum + each.rows, others.rows);
  const distinct = filled.length + others.values;
  return distinct > 1 && rows < 2 * distinct;
}

function byValue(of: string, values: readonly ValueRows[], others: Distribution["others"]): Spread {
  const counted: Counted[] = values.map(({ value, rows }) => ({ label: labelOf(value), count: rows }));
  if (others !== undefined)
    counted.push({ label: plural(others.values, "other"), count: others.rows, isRest: true });
  return { column: of, heading: `rows by ${of}`, of, unit: "rows", counted };
}

function byRepeats(name: string, repeats: readonly Repeats[]): Spread {
  const counted = repeats.map(({ min, max, values }) => ({ label: range(min, max), count: values }));
  return { column: name, heading: `${name} values by number of rows`, of: "rows", unit: "values", counted };
}

function range(min: number, max: number | null): string {
  if (max === null) return `${count(min)} or more`;
  return min === max ? count(min) : `${count(min)} to ${count(max)}`;
}

/** Values come from messages: replaces control characters, and makes blank values visible. */
function labelOf(value: string | null): string {
  if (value === null) return "(null)";
  return value.trim() === "" ? "(blank)" : printable(value);
}
