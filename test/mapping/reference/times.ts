// Dates and times (ISO 8601, RFC 5322, numbers) as microseconds since 1970, counted day by day.
import type { Unit } from "../../../src/mapping/mapping.ts";
import { Unreadable, type Decimal } from "./value.ts";

const DAY = 86_400_000_000n;
const MINUTE = 60_000_000n;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
/** Units a day, as a power of ten and what is left of it. */
const MICROSECONDS: Readonly<Record<Unit, readonly [bigint, bigint]>> = {
  ...{ d: [864n, 8n], s: [1n, 6n], ms: [1n, 3n], us: [1n, 0n], ns: [1n, -3n] },
};

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const daysOfYear = (year: number): number => (isLeap(year) ? 366 : 365);
const daysOfMonth = (year: number, month: number): number =>
  month === 2 ? daysOfYear(year) - 337 : [4, 6, 9, 11].includes(month) ? 30 : 31;

/** The first day of each year from 1 to 10000, in days since 1970. */
const YEARS = [0];
for (let [year, days] = [1, -719_162]; year <= 10_000; year += 1) {
  YEARS.push(days);
  days += daysOfYear(year);
}
const FIRST = BigInt(YEARS[1] ?? 0) * DAY;
const END = BigInt(YEARS[10_000] ?? 0) * DAY;

function days(year: number, month: number, day: number): bigint {
  const first = YEARS[year];
  if (year < 1 || year > 9_999 || first === undefined) throw new Unreadable("no such year");
  if (month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month))
    throw new Unreadable("no such day");
  let sum = first + day - 1;
  for (let earlier = 1; earlier < month; earlier += 1) sum += daysOfMonth(year, earlier);
  return BigInt(sum);
}

function floorDivided(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

function inRange(microseconds: bigint): bigint {
  if (microseconds < FIRST || microseconds >= END) throw new Unreadable("out of range");
  return microseconds;
}

/** What a number of units is, rounded down to a microsecond. */
export function timeOfNumber({ digits, exponent }: Decimal, unit: Unit): bigint {
  const [factor, power] = MICROSECONDS[unit];
  const places = exponent + power;
  if (digits === 0n) return 0n;
  if (places > 30n) throw new Unreadable("out of range");
  if (places >= 0n) return inRange(digits * factor * 10n ** places);
  // 1,024 digits at most, so that nothing but the sign is left beyond
  if (places < -2_000n) return digits < 0n ? -1n : 0n;
  return inRange(floorDivided(digits * factor, 10n ** -places));
}

/** Two digits of a time, or 0. */
const number = (text: string | undefined): number => Number(text ?? "0");

interface Clock {
  readonly day: bigint;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: bigint;
  /** Minutes east of UTC. */
  readonly offset: number;
}

function instant({ day, hour, minute, second, microsecond, offset }: Clock): bigint {
  if (minute > 59 || second > 60) throw new Unreadable("no such time");
  const toMinute = day * DAY + BigInt(hour * 60 + minute - offset) * MINUTE;
  if (second < 60) return inRange(toMinute + BigInt(second) * 1_000_000n + microsecond);
  const nextDay = toMinute + MINUTE;
  if (nextDay % DAY !== 0n) throw new Unreadable("no leap second");
  return inRange(nextDay - 1n);
}

function offsetOf(sign: string, hours: string, minutes: string): number {
  if (Number(hours) > 23 || Number(minutes) > 59) throw new Unreadable("no such zone");
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?)?$/;

/** @param zone minutes east of UTC of a time that has none */
export function timeOfIso(
  text: string,
  zone: number | undefined,
): { time: bigint; isDay: boolean } | undefined {
  const [, year, month, date, hours, minutes, seconds, fraction, utc, sign, offHours, offMinutes] =
    (text.length <= 40 ? ISO.exec(text) : null) ?? [];
  if (year === undefined) return undefined;
  const day = days(Number(year), Number(month), Number(date));
  if (hours === undefined) return { time: day * DAY, isDay: true };
  const offset =
    utc !== undefined ? 0 : sign === undefined ? zone : offsetOf(sign, offHours ?? "", offMinutes ?? "0");
  if (offset === undefined) throw new Unreadable("no zone");
  const microsecond = BigInt((fraction ?? "").padEnd(6, "0").slice(0, 6));
  const [hour, minute, second] = [number(hours), number(minutes), number(seconds)];
  const isEnd = hour === 24 && minute === 0 && second === 0 && /^0*$/.test(fraction ?? "");
  if (hour > 23 && !isEnd) throw new Unreadable("no such time");
  return { time: instant({ day, hour, minute, second, microsecond, offset }), isDay: false };
}

const MAIL =
  /^(?:([a-z]{3}),[ \t]*)?(\d\d?)[ \t]+([a-z]{3})[ \t]+(\d{4})[ \t]+(\d\d):(\d\d)(?::(\d\d))?[ \t]+(?:(gmt|ut)|([+-])(\d\d)(\d\d))(?:[ \t]*\([^()\\]*\))?$/i;

export function timeOfMail(text: string): bigint | undefined {
  const [, weekday, date, name, year, hours, minutes, seconds, utc, sign, offHours, offMinutes] =
    (text.length <= 64 ? MAIL.exec(text) : null) ?? [];
  if (year === undefined || name === undefined) return undefined;
  const day = days(Number(year), MONTHS.indexOf(name.toLowerCase()) + 1, Number(date));
  const nth = Number(((day % 7n) + 7n) % 7n);
  if (weekday !== undefined && WEEKDAYS[nth] !== weekday.toLowerCase()) throw new Unreadable("wrong weekday");
  if (number(hours) > 23) throw new Unreadable("no such time");
  const offset = utc === undefined ? offsetOf(sign ?? "", offHours ?? "", offMinutes ?? "") : 0;
  const [hour, minute, second] = [number(hours), number(minutes), number(seconds)];
  return instant({ day, hour, minute, second, microsecond: 0n, offset });
}

/** `YYYY-MM-DD` in UTC. */
export function dayText(time: bigint): string {
  let rest = Number(floorDivided(time, DAY));
  let year = 1970 + Math.floor(rest / 366) - 1;
  if (year < 1) year = 1;
  while (year < 9_999 && (YEARS[year + 1] ?? Infinity) <= rest) year += 1;
  while ((YEARS[year] ?? -Infinity) > rest) year -= 1;
  rest -= YEARS[year] ?? 0;
  let month = 1;
  for (; rest >= daysOfMonth(year, month); month += 1) rest -= daysOfMonth(year, month);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(rest + 1)}`;
}

export function timeText(time: bigint): string {
  const rest = time - floorDivided(time, DAY) * DAY;
  const part = (unit: bigint, of: bigint, width: number): string =>
    String((rest / unit) % of).padStart(width, "0");
  const clock = [part(3_600_000_000n, 24n, 2), part(MINUTE, 60n, 2), part(1_000_000n, 60n, 2)].join(":");
  return `${dayText(time)}T${clock}.${part(1n, 1_000_000n, 6)}Z`;
}
