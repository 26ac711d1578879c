// Pure: reads a date and time. Digits beyond microseconds are cut off.
import { dateTimeParts, type DateTimeParts } from "./date-time-text.ts";
import { readDecimal, type Decimal } from "./decimal.ts";
import { Invalid, type Column, type Json, type Unit } from "./mapping.ts";

/** A time in the years 0001 to 9999: milliseconds since 1970, and 0 to 999 microseconds beyond them. */
export interface Instant {
  readonly ms: number;
  readonly us: number;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MINUTES_A_DAY = 1_440;
const MS_A_MINUTE = 60_000;
const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** Microseconds are `factor` · 10^`power` times the number. */
const UNITS: Readonly<Record<Unit, { readonly factor: bigint; readonly power: number }>> = {
  d: { factor: 86_400n, power: 6 },
  s: { factor: 1n, power: 6 },
  ms: { factor: 1n, power: 3 },
  us: { factor: 1n, power: 0 },
  ns: { factor: 1n, power: -3 },
};
/** More digits than the microseconds of any year to 9999. */
const MAX_DIGITS = 20;

/**
 * Reads a date and time of ISO 8601 or RFC 5322, or a number in the column's unit. A time of ISO 8601 without a zone is in the column's.
 *
 * @returns undefined for other values, a reason for a number out of range
 */
export function readInstant(
  value: Json,
  { unit, zone }: Pick<Column, "unit" | "zone">,
): Instant | Invalid | undefined {
  if (unit !== undefined) {
    const number = readDecimal(value);
    if (!(number instanceof Invalid)) return ofNumber(number, unit) ?? new Invalid("out of range");
  }
  const parts = typeof value === "string" ? dateTimeParts(value) : undefined;
  return parts && ofParts(parts, zone);
}

/** `YYYY-MM-DDThh:mm:ss.uuuuuuZ` */
export function isoText({ ms, us }: Instant): string {
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us).padStart(3, "0")}Z`;
}

/** The start of a day, `YYYY-MM-DD`, in UTC, epoch milliseconds; undefined if the calendar has no such day in the years 0001 to 9999. */
export function dayStart(day: string): number | undefined {
  if (!DAY.test(day)) return undefined;
  const start = Date.parse(day);
  // A day beyond the end of its month is one of the next month.
  return start >= FIRST_MS && new Date(start).getUTCDate() === Number(day.slice(-2)) ? start : undefined;
}

/** Rounds down, as cutting digits off the text of a time does. */
function ofNumber({ isNegative, digits, exponent }: Decimal, unit: Unit): Instant | undefined {
  const { factor, power } = UNITS[unit];
  const scale = exponent + power;
  if (digits.length + scale > MAX_DIGITS) return undefined;
  // A number this small is less than a microsecond.
  if (digits.length + scale < -MAX_DIGITS) return inRange(isNegative ? -1n : 0n);
  const scaled = BigInt(`${isNegative ? "-" : ""}${digits || "0"}`) * factor;
  return inRange(scale < 0 ? floorDivide(scaled, 10n ** BigInt(-scale)) : scaled * 10n ** BigInt(scale));
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient;
}

function inRange(microseconds: bigint): Instant | undefined {
  const ms = floorDivide(microseconds, 1_000n);
  return instant(Number(ms), Number(microseconds - ms * 1_000n));
}

function instant(ms: number, us: number): Instant | undefined {
  return ms >= FIRST_MS && ms <= LAST_MS ? { ms, us } : undefined;
}

function ofParts(parts: DateTimeParts, defaultZone: number | undefined): Instant | undefined {
  const { day, hour, minute, second, fraction } = parts;
  const start = dayStart(day);
  const zone = parts.zone ?? defaultZone;
  const minutes = hour * 60 + minute;
  if (start === undefined || zone === undefined || minute > 59 || minutes > MINUTES_A_DAY) return undefined;
  const inUtc = minutes - zone;
  if (second > 60 || (second === 60 && !isLastOfDay(inUtc))) return undefined;
  // 24:00 is the end of the day (ISO 8601-1:2019/Amd 1:2022).
  if (minutes === MINUTES_A_DAY && (second > 0 || Number(fraction) > 0)) return undefined;
  const midnight = start + inUtc * MS_A_MINUTE;
  // No clock in Postgres has a leap second: it becomes the end of the second before, so that it stays in its day.
  if (second === 60) return instant(midnight + 59_999, 999);
  const micros = fraction.slice(0, 6).padEnd(6, "0");
  return instant(midnight + second * 1_000 + Number(micros.slice(0, 3)), Number(micros.slice(3)));
}

/** A leap second is the last second of a day in UTC (RFC 3339, section 5.7). */
function isLastOfDay(minutesInUtc: number): boolean {
  return (minutesInUtc + MINUTES_A_DAY) % MINUTES_A_DAY === MINUTES_A_DAY - 1;
}
