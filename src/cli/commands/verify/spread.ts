// Pure: the distributions as charts for a terminal and a page, with headings and labels.
import type { Distribution, Distributions, Repeats } from "../../../postgres/distributions.ts";
import type { Counted } from "../../terminal/bars.ts";
import { count, plural, printable } from "../../terminal/style.ts";

export interface Spread {
  readonly heading: string;
  /** What the labels stand for, as a heading of a table. */
  readonly of: string;
  /** What the bars count. */
  readonly unit: "rows" | "devices" | "addresses";
  readonly counted: readonly Counted[];
}

/** Those that are not empty. */
export function spreadsOf({
  locale,
  deviceType,
  appVersion,
  createDate,
  repeats,
}: Distributions): readonly Spread[] {
  const spreads = [
    byValue("locale", locale),
    byValue("device type", deviceType),
    byValue(appVersion.unit === "major" ? "major app version" : "app version", appVersion),
    byValue("day", createDate),
    byRepeats("devices", repeats.devices),
    byRepeats("addresses", repeats.ips),
  ];
  return spreads.filter(({ counted }) => counted.length > 0);
}

function byValue(of: string, { values, others }: Distribution): Spread {
  const counted: Counted[] = values.map(({ value, rows }) => ({ label: labelOf(value), count: rows }));
  if (others !== undefined)
    counted.push({ label: plural(others.values, "other"), count: others.rows, isRest: true });
  return { heading: `rows by ${of}`, of, unit: "rows", counted };
}

function byRepeats(unit: "devices" | "addresses", repeats: readonly Repeats[]): Spread {
  const counted = repeats.map(({ min, max, values }) => ({ label: range(min, max), count: values }));
  return { heading: `${unit} by number of rows`, of: "rows", unit, counted };
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
