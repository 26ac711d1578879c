// Pure: the distributions as things to draw, in a terminal and on a page, with their headings and labels.
import type { Distribution, Distributions, Repeats, VersionUnit } from "../../../postgres/distributions.ts";
import type { Counted } from "../../terminal/bars.ts";
import { count, plural, printable } from "../../terminal/style.ts";

export interface Spread {
  readonly heading: string;
  /** What the labels are, for a table. */
  readonly of: string;
  /** What is counted. */
  readonly unit: "rows" | "devices" | "addresses";
  readonly counted: readonly Counted[];
}

/** What a version is called of which no more is told. */
const VERSION_PARTS: Readonly<Record<VersionUnit, string>> = {
  patch: "app version",
  minor: "major and minor app version",
  major: "major app version",
};

/** Those that have something to show. */
export function spreadsOf({
  locale,
  deviceType,
  appVersion,
  createDate,
  repeats,
}: Distributions): readonly Spread[] {
  const by = (of: string, distribution: Distribution): Spread => ({
    heading: `rows by ${of}`,
    of,
    unit: "rows",
    counted: countedOf(distribution, (values) => plural(values, "other")),
  });
  const { unit } = createDate;
  const dates = countedOf(createDate, (values) => plural(values, `earlier ${unit}`));
  const spreads: Spread[] = [
    by("locale", locale),
    by("device type", deviceType),
    by(VERSION_PARTS[appVersion.unit], appVersion),
    { heading: `rows by ${unit}`, of: unit, unit: "rows", counted: dates },
    repeated("devices", repeats.devices),
    repeated("addresses", repeats.ips),
  ];
  return spreads.filter(({ counted }) => counted.length > 0);
}

function repeated(unit: "devices" | "addresses", repeats: readonly Repeats[]): Spread {
  const counted = repeats.map(({ min, max, values }) => ({ label: range(min, max), count: values }));
  return { heading: `${unit} by number of rows`, of: "rows", unit, counted };
}

function range(min: number, max: number | null): string {
  if (max === null) return `${count(min)} or more`;
  return min === max ? count(min) : `${count(min)} to ${count(max)}`;
}

function countedOf({ values, others }: Distribution, rest: (values: number) => string): Counted[] {
  const counted = values.map(({ value, rows }) => ({ label: labelOf(value), count: rows }));
  return others === undefined
    ? counted
    : [...counted, { label: rest(others.values), count: others.rows, isRest: true }];
}

/** What comes from messages cannot steer a terminal, and has something to see. */
function labelOf(value: string | null): string {
  if (value === null) return "(null)";
  return value.trim() === "" ? "(blank)" : printable(value);
}
