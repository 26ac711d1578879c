// Pure: bars of block characters, for a terminal or a pipe.
import { count } from "./style.ts";
import { shorten, width } from "./table.ts";

/** A labelled count. The rest, which combines many values, has no bar, because it would make the others too short to compare. */
export interface Counted {
  readonly label: string;
  readonly count: number;
  readonly isRest?: boolean;
}

/** What the bar of a count shows. */
export function drawn(counted: Counted): number {
  return counted.isRest === true ? 0 : counted.count;
}

/** A line in three parts, so that the bar can be colored. */
export interface BarLine {
  readonly before: string;
  readonly bar: string;
  readonly after: string;
}

const FULL = "█";
/** Blocks by eighths. */
const PARTS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;
const INDENT = 2;
const GAP = 2;
/** Labels are cut to a quarter of the line, but at least to this many columns. */
const SHORTEST_LABEL = 12;
const LONGEST_BAR = 40;
/** Shorter bars are omitted. */
const SHORTEST_BAR = 4;

/**
 * One line each: label, bar, count and share of the total. Lines are at most `columns` wide if label and numbers fit. The greatest count
 * has the longest bar.
 */
export function barLines(counted: readonly Counted[], columns: number): BarLine[] {
  const whole = counted.reduce((sum, each) => sum + each.count, 0);
  const most = Math.max(...counted.map(drawn), 1);
  const labels = counted.map(({ label }) =>
    shorten(label, Math.max(SHORTEST_LABEL, Math.floor(columns / 4))),
  );
  const numbers = columnOf(counted.map((each) => count(each.count)));
  const shares = columnOf(counted.map((each) => share(each.count, whole)));
  const labelWidth = Math.max(0, ...labels.map(width));
  const taken = INDENT + labelWidth + GAP + width(numbers[0] ?? "") + GAP + width(shares[0] ?? "");
  const room = Math.min(LONGEST_BAR, columns - taken - GAP);
  const barWidth = room < SHORTEST_BAR ? 0 : room;
  return counted.map((each, index) => {
    const label = labels[index] ?? "";
    const bar = blocks(drawn(each) / most, barWidth);
    const blank = barWidth === 0 ? 0 : barWidth - width(bar) + GAP;
    return {
      before: `${" ".repeat(INDENT)}${label}${" ".repeat(labelWidth - width(label) + GAP)}`,
      bar,
      after: `${" ".repeat(blank)}${numbers[index] ?? ""}${" ".repeat(GAP)}${shares[index] ?? ""}`,
    };
  });
}

/**
 * A bar, in steps of an eighth of a character. Any fraction above 0 is visible.
 *
 * @param fraction 0 to 1, of `width` characters
 */
export function blocks(fraction: number, width: number): string {
  const eighths = fraction === 0 || width === 0 ? 0 : Math.max(1, Math.round(fraction * width * 8));
  return FULL.repeat(Math.floor(eighths / 8)) + (PARTS[eighths % 8] ?? "");
}

/** A percentage. Values above 0% and below 100% are never rounded to 0% or 100%. */
export function share(part: number, whole: number): string {
  if (part === 0) return "0%";
  const percent = (part / whole) * 100;
  if (percent < 1) return "<1%";
  return percent > 99 && percent < 100 ? ">99%" : `${percent.toFixed(0)}%`;
}

/** Right-aligned texts. */
function columnOf(texts: readonly string[]): string[] {
  const widest = Math.max(0, ...texts.map(width));
  return texts.map((text) => text.padStart(widest));
}
