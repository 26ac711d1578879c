// How the rows of `user_logins` are spread over its values, and how often tokens come again. As much as fits a page, however many
// rows and values there are; writes nothing. What stands in a masked column is counted, and never read.
import { versionText, type AppVersionStyle } from "../login/app-version.ts";
import type { Reader } from "./connection.ts";

/** A value and in how many rows it stands; null stands for NULL. */
interface ValueRows {
  readonly value: string | null;
  readonly rows: number;
}

export interface Distribution {
  readonly values: readonly ValueRows[];
  /** What was left out: so many values, in so many rows. */
  readonly others?: { readonly values: number; readonly rows: number };
}

export type VersionUnit = (typeof VERSION_UNITS)[number];

type DateUnit = (typeof DATE_UNITS)[number];

/** How many values stand in `min` to `max` rows each; `max` is null where there is no end. */
export interface Repeats {
  readonly min: number;
  readonly max: number | null;
  readonly values: number;
}

export interface Distributions {
  /** The values in most rows, most first, then NULL. */
  readonly locale: Distribution;
  readonly deviceType: Distribution;
  /** Decoded, such as `2.3.1`; `2.3` or `2` where that puts fewer among the others. */
  readonly appVersion: Distribution & { readonly unit: VersionUnit };
  /** In the order of time, then NULL; a week has the date of its Monday. */
  readonly createDate: Distribution & { readonly unit: DateUnit };
  /** Up to the last that is not empty. */
  readonly repeats: { readonly devices: readonly Repeats[]; readonly ips: readonly Repeats[] };
}

/** From the finest to the coarsest. */
const DATE_UNITS = ["day", "week", "month", "year"] as const;

/** The part of a version that tells two values apart, from the finest to the coarsest. */
const VERSION_UNITS = ["patch", "minor", "major"] as const;

/** How many values are told beside NULL: of days the newest, of all else those in most rows. */
const MOST_VALUES = 10;
const MOST_DATES = 24;

/** The least of each range of rows. */
const REPEATS_FROM = [1, 2, 3, 4, 10, 100] as const;

/**
 * Looks at the rows twice.
 *
 * @param table as SQL takes it
 * @param style how their app versions were stored
 */
export async function distributions(
  sql: Reader,
  table: string,
  style: AppVersionStyle,
): Promise<Distributions> {
  const found = await spreads(sql, table);
  const distributionOf = (name: string): Distribution => found.get(name) ?? { values: [] };
  return {
    locale: distributionOf("locale"),
    deviceType: distributionOf("device_type"),
    appVersion: versions(distributionOf, style),
    createDate: finest(distributionOf),
    repeats: await repeats(sql, table),
  };
}

/** By the finest part of a version in which nothing is left out. In style `major` that part is all there is. */
function versions(
  distributionOf: (name: string) => Distribution,
  style: AppVersionStyle,
): Distributions["appVersion"] {
  const fitting = VERSION_UNITS.find((name) => distributionOf(name).others === undefined) ?? "major";
  const unit = style === "major" ? "major" : fitting;
  const { values, ...others } = distributionOf(style === "major" ? "patch" : fitting);
  const parts = VERSION_UNITS.length - VERSION_UNITS.indexOf(unit);
  const text = (stored: number): string => versionText(stored, style).split(".").slice(0, parts).join(".");
  return {
    unit,
    values: values.map(({ value, rows }) => ({ value: value === null ? null : text(Number(value)), rows })),
    ...others,
  };
}

/** The finest unit of time in which nothing is left out. */
function finest(distributionOf: (name: string) => Distribution): Distributions["createDate"] {
  const unit = DATE_UNITS.find((name) => distributionOf(name).others === undefined) ?? "year";
  const { values, ...others } = distributionOf(unit);
  // The newest came first.
  const dates = values.filter(({ value }) => value !== null).reverse();
  return { unit, values: [...dates, ...values.filter(({ value }) => value === null)], ...others };
}

interface Spread {
  readonly name: string;
  readonly value: string | null;
  readonly rows: string;
  /** How many values were put together. */
  readonly values: string;
  readonly cut: boolean;
}

/** By column, `app_version` by the part that tells two apart, `create_date` by unit of time. */
async function spreads(sql: Reader, table: string): Promise<ReadonlyMap<string, Distribution>> {
  // A cast that names the type: of itself a date would become a time with a zone.
  const date = "create_date::timestamp";
  const found = await sql.unsafe<Spread[]>(`
    with counted as (
      select grouping(locale, device_type, app_version, create_date) as grouped,
             locale, device_type, app_version, create_date, pg_catalog.count(*) as rows
      from ${table}
      group by grouping sets ((locale), (device_type), (app_version), (create_date))
    ), dated as (
      select grouping(day, week, month, year) as grouped, day, week, month, year, pg_catalog.sum(rows) as rows
      from (
        select ${date} as day, pg_catalog.date_trunc('week', ${date}) as week,
               pg_catalog.date_trunc('month', ${date}) as month, pg_catalog.date_trunc('year', ${date}) as year, rows
        from counted where grouped operator(pg_catalog.=) ${only(3)}
      ) as dates
      group by grouping sets ((day), (week), (month), (year))
    ), versioned as (
      select unit, app_version operator(pg_catalog.-) (app_version operator(pg_catalog.%) size) as version,
             pg_catalog.sum(rows) as rows
      from counted, (values ('patch', 1), ('minor', 1000), ('major', 1000000)) as units (unit, size)
      where grouped operator(pg_catalog.=) ${only(2)}
      group by 1, 2
    ), named as (
      select case when grouped operator(pg_catalog.=) ${only(0)} then 'locale' else 'device_type' end as name,
             coalesce(locale, device_type) as value, rows, ${MOST_VALUES} as most, null as newest
      from counted where grouped operator(pg_catalog.=) any (array[${only(0)}, ${only(1)}])
      union all
      select unit, version::pg_catalog.text, rows, ${MOST_VALUES}, null from versioned
      union all
      select name, value, rows, ${MOST_DATES}, value
      from dated, lateral (select
        case when grouped operator(pg_catalog.=) ${only(0)} then 'day' when grouped operator(pg_catalog.=) ${only(1)} then 'week'
          when grouped operator(pg_catalog.=) ${only(2)} then 'month' else 'year' end as name,
        case when grouped operator(pg_catalog.=) ${only(2)} then pg_catalog.to_char(month, 'YYYY-MM')
          when grouped operator(pg_catalog.=) ${only(3)} then pg_catalog.to_char(year, 'YYYY')
          else pg_catalog.to_char(coalesce(day, week), 'YYYY-MM-DD') end as value) as texts
    ), placed as (
      select name, value, rows, value is null as is_null, most, pg_catalog.row_number() over (
        partition by name, value is null order by newest collate pg_catalog."C" desc, rows desc, value collate pg_catalog."C") as place
      from named
    ), bounded as (
      select name, value, rows, is_null, not is_null and place operator(pg_catalog.>) most as cut,
             least(place, most operator(pg_catalog.+) 1) as place
      from placed
    )
    select name, case when not cut then pg_catalog.min(value) end as value, cut,
           pg_catalog.sum(rows) as rows, pg_catalog.count(*) as values
    from bounded
    group by name, is_null, place, cut
    order by name, cut, is_null, place`);
  const names = new Set(found.map(({ name }) => name));
  return new Map([...names].map((name) => [name, distribution(found.filter((each) => each.name === name))]));
}

/** What Postgres's `grouping` gives for the set that holds none but this one of four. */
function only(index: 0 | 1 | 2 | 3): number {
  return 0b1111 ^ (0b1000 >> index);
}

function distribution(spread: readonly Spread[]): Distribution {
  const values = spread.filter(({ cut }) => !cut).map(({ value, rows }) => ({ value, rows: Number(rows) }));
  const cut = spread.find((each) => each.cut);
  if (cut === undefined) return { values };
  return { values, others: { values: Number(cut.values), rows: Number(cut.rows) } };
}

async function repeats(sql: Reader, table: string): Promise<Distributions["repeats"]> {
  const found = await sql.unsafe<{ name: string; range: number; values: string }[]>(`
    select name, pg_catalog.width_bucket(rows, array[${REPEATS_FROM.join(", ")}]::bigint[]) as range,
           pg_catalog.count(*) as values
    from (
      select case when grouping(masked_device_id) operator(pg_catalog.=) 0 then 'devices' else 'ips' end as name,
             coalesce(masked_device_id, masked_ip) is null as is_null, pg_catalog.count(*) as rows
      from ${table}
      group by grouping sets ((masked_device_id), (masked_ip))
    ) as counted
    where not is_null
    group by 1, 2`);
  const rangesOf = (name: string): Repeats[] => {
    const own = found.filter((each) => each.name === name);
    const last = Math.max(0, ...own.map(({ range }) => range));
    return REPEATS_FROM.slice(0, last).map((min, index) => ({
      min,
      max: maxOf(index),
      values: Number(own.find(({ range }) => range === index + 1)?.values ?? 0),
    }));
  };
  return { devices: rangesOf("devices"), ips: rangesOf("ips") };
}

function maxOf(index: number): number | null {
  const next = REPEATS_FROM[index + 1];
  return next === undefined ? null : next - 1;
}
