// Pure: reads a message's create_date.

/** Maximum length, characters. A date-time with a zone and nanoseconds has 35. */
const MAX_LENGTH = 40;

const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** ISO 8601 date, time and zone; a space may replace the `T` (RFC 3339, section 5.6). */
const DATE_TIME =
  /^(?<date>\d{4}-\d{2}-\d{2})[T ](?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d+))?)?(?:Z|(?<sign>[+-])(?<zoneHour>\d{2})(?::?(?<zoneMinute>\d{2}))?)$/i;

const MINUTES_A_DAY = 1_440;
const MS_A_MINUTE = 60_000;

/**
 * Reads a day (`YYYY-MM-DD`), or the UTC day of a date and time with a zone (`Z`, `+hh:mm`, `+hhmm`, `+hh`). The first valid day is
 * 0001-01-01: Postgres has no year 0.
 *
 * @returns the day, `YYYY-MM-DD`; undefined for other texts, including a time without a zone
 */
export function readCreateDate(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  if (DATE.test(text)) return midnight(text) === undefined ? undefined : text;
  const parts = DATE_TIME.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const { date = "", sign = "+", fraction = "" } = parts;
  const start = midnight(date);
  const minutes = minutesOfDay(parts["hour"], parts["minute"]);
  const offset = minutesOfZone(parts["zoneHour"], parts["zoneMinute"]);
  if (start === undefined || minutes === undefined || offset === undefined) return undefined;
  const inUtc = minutes - (sign === "-" ? -offset : offset);
  const seconds = Number(parts["second"] ?? 0);
  if (seconds > 60 || (seconds === 60 && !isLastOfDay(inUtc))) return undefined;
  // Midnight at the end of a day.
  if (minutes === MINUTES_A_DAY && (seconds > 0 || Number(fraction) > 0)) return undefined;
  return dayOf(start + inUtc * MS_A_MINUTE);
}

/** The start of a day in UTC, epoch milliseconds; undefined if the calendar has no such day. */
function midnight(date: string): number | undefined {
  const start = Date.parse(`${date}T00:00:00Z`);
  return dayOf(start) === date ? start : undefined;
}

/** Undefined before the year 1 and after the year 9999. */
function dayOf(epochMs: number): string | undefined {
  if (Number.isNaN(epochMs)) return undefined;
  const day = new Date(epochMs).toISOString().slice(0, "YYYY-MM-DD".length);
  return DATE.test(day) && !day.startsWith("0000") ? day : undefined;
}

/** 24:00 is the end of the day (ISO 8601-1:2019/Amd 1:2022). */
function minutesOfDay(hour = "", minute = ""): number | undefined {
  const minutes = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && minutes <= MINUTES_A_DAY ? minutes : undefined;
}

/** The defaults are for `Z`, which has no hour and minute. */
function minutesOfZone(hour = "0", minute = "0"): number | undefined {
  return Number(hour) < 24 && Number(minute) < 60 ? Number(hour) * 60 + Number(minute) : undefined;
}

/** A leap second is the last second of a day in UTC (RFC 3339, section 5.7). */
function isLastOfDay(minutesInUtc: number): boolean {
  return (minutesInUtc + MINUTES_A_DAY) % MINUTES_A_DAY === MINUTES_A_DAY - 1;
}
