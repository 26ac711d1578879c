// The distribution of the rows of `user_logins` over their values, and how often tokens repeat. The result is small however many rows
// and values there are. Writes nothing. Counts the values of masked columns and never reads them.
import { versionText, type AppVersionStyle } from "../login/app-version.ts";
import type { Reader } from "./connection.ts";

/** A value and the number of its rows; null stands for NULL. */
interface ValueRows {
  readonly value: string | null;
  readonly rows: number;
}

/** The ten most frequent values, most rows first, then NULL. */
export interface Distribution {
  readonly values: readonly ValueRows[];
  /** The remaining values: how many, and in how many rows. */
  readonly others?: { readonly values: number; readonly rows: number };
}

/** The number of values that have `min` to `max` rows each; `max` is null if there is no upper limit. */
export interface Repeats {
  readonly min: number;
  readonly max: number | null;
  readonly values: number;
}

export interface Distributions {
  readonly locale: Distribution;
  readonly deviceType: Distribution;
  /** Decoded, such as `2.3.1`; only the major part in style `major`. */
  readonly appVersion: Distribution & { readonly unit: "patch" | "major" };
  /** Dates such as `2026-01-31`. */
  readonly createDate: Distribution & { readonly unit: "day" };
  /** Up to the last that is not empty. */
  readonly repeats: { readonly devices: readonly Repeats[]; readonly ips: readonly Repeats[] };
}

/** The values to show besides NULL. */
const MOST_VALUES = 10;

/** The lower limit of each range of rows. */
const REPEATS_FROM = [1, 2, 3, 4, 10, 100] as const;

/**
 * Scans the rows twice.
 *
 * @param table as SQL takes it
 * @param style how the rows' app versions were stored
 */
export async function distributions(
  sql: Reader,
  table: string,
  style: AppVersionStyle,
): Promise<Distributions> {
  const [locale, deviceType, appVersion, createDate] = await valueRows(sql, table);
  const version = (stored: string | null): string | null =>
    stored === null ? null : versionText(Number(stored), style);
  return {
    locale,
    deviceType,
    appVersion: {
      ...appVersion,
      unit: style === "major" ? "major" : "patch",
      values: appVersion.values.map(({ value, rows }) => ({ value: version(value), rows })),
    },
    createDate: { ...createDate, unit: "day" },
    repeats: await repeats(sql, table),
  };
}

interface Place {
  /** The bits of Postgres's `grouping` for the four columns: 0 for the column that the value is from. */
  readonly grouped: number;
  /** From 1; {@link MOST_VALUES} + 1 for all remaining values together. */
  readonly place: number;
  readonly value: string | null;
  readonly rows: string;
  readonly values: string;
}

/** Of locale, device type, app version and date. */
async function valueRows(
  sql: Reader,
  table: string,
): Promise<[Distribution, Distribution, Distribution, Distribution]> {
  // Without its cast to timestamp, to_char would take a date for a timestamp with time zone.
  const found = await sql.unsafe<Place[]>(`
    with counted as (
      select grouping(locale, device_type, app_version, create_date) as grouped, pg_catalog.count(*) as rows,
             coalesce(locale, device_type, app_version::pg_catalog.text,
                      pg_catalog.to_char(create_date::timestamp, 'YYYY-MM-DD')) as value
      from ${table}
      group by grouping sets ((locale), (device_type), (app_version), (create_date))
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
  const of = (bits: number): Distribution => distribution(found.filter(({ grouped }) => grouped === bits));
  return [of(0b0111), of(0b1011), of(0b1101), of(0b1110)];
}

function distribution(places: readonly Place[]): Distribution {
  const rest = places.find(({ place }) => place > MOST_VALUES);
  const values = places
    .filter((each) => each !== rest)
    .map(({ value, rows }) => ({ value, rows: Number(rows) }));
  if (rest === undefined) return { values };
  return { values, others: { values: Number(rest.values), rows: Number(rest.rows) } };
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
    return REPEATS_FROM.slice(0, last).map((min, index) => {
      const next = REPEATS_FROM[index + 1];
      const values = Number(own.find(({ range }) => range === index + 1)?.values ?? 0);
      return { min, max: next === undefined ? null : next - 1, values };
    });
  };
  return { devices: rangesOf("devices"), ips: rangesOf("ips") };
}
