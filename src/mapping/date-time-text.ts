// Pure: takes the text of a date and time apart, in the forms of ISO 8601 and RFC 5322.

export interface DateTimeParts {
  /** `YYYY-MM-DD`, which the calendar may not have. */
  readonly day: string;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** Digits after the point; may be empty. */
  readonly fraction: string;
  /** Minutes east of UTC; undefined if the text has none. */
  readonly zone: number | undefined;
}

/** Maximum length, characters. A date-time with a zone and nanoseconds has 35. */
const MAX_ISO_LENGTH = 40;
/** A space may replace the `T` (RFC 3339, section 5.6). */
const ISO =
  /^(?<day>\d{4}-\d{2}-\d{2})[T ](?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d+))?)?(?<zone>Z|(?<sign>[+-])(?<zoneHour>\d{2})(?::?(?<zoneMinute>\d{2}))?)?$/i;

/** Maximum length, characters. The longest name of a zone in a comment makes a text of 70. */
const MAX_RFC5322_LENGTH = 80;
/** RFC 5322, section 3.3, with one comment at the end, and the two names for UTC of section 4.3. */
const RFC5322 =
  /^(?:(?<weekday>[a-z]{3}),[ \t]*)?(?<date>\d{1,2})[ \t]+(?<month>[a-z]{3})[ \t]+(?<year>\d{4})[ \t]+(?<hour>[01]\d|2[0-3]):(?<minute>\d{2})(?::(?<second>\d{2}))?[ \t]+(?<zone>GMT|UT|(?<sign>[+-])(?<zoneHour>\d{2})(?<zoneMinute>\d{2}))(?:[ \t]*\([^()]*\))?$/i;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** @returns undefined if the text has neither form */
export function dateTimeParts(text: string): DateTimeParts | undefined {
  if (text.length > MAX_RFC5322_LENGTH) return undefined;
  const iso = text.length > MAX_ISO_LENGTH ? undefined : ISO.exec(text)?.groups;
  if (iso !== undefined) return withTime(iso["day"] ?? "", iso);
  const mail = RFC5322.exec(text)?.groups;
  return mail && withTime(mailDay(mail), mail);
}

type Groups = Readonly<Record<string, string | undefined>>;

function withTime(day: string | undefined, groups: Groups): DateTimeParts | undefined {
  const zone = groups["zone"] === undefined ? undefined : zoneMinutes(groups);
  if (day === undefined || zone === null) return undefined;
  return {
    day,
    hour: Number(groups["hour"]),
    minute: Number(groups["minute"]),
    second: Number(groups["second"] ?? 0),
    fraction: groups["fraction"] ?? "",
    zone,
  };
}

/** Minutes east of UTC; null if there is no such zone. The defaults are for the names of UTC. */
function zoneMinutes({ sign, zoneHour = "0", zoneMinute = "0" }: Groups): number | null {
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return null;
  const minutes = Number(zoneHour) * 60 + Number(zoneMinute);
  return sign === "-" ? -minutes : minutes;
}

/** Undefined if there is no such month, or the day has another name. */
function mailDay({ weekday, date = "", month = "", year = "" }: Groups): string | undefined {
  const number = MONTHS.indexOf(month.toLowerCase()) + 1;
  const day = `${year}-${String(number).padStart(2, "0")}-${date.padStart(2, "0")}`;
  const isNamed =
    weekday === undefined || WEEKDAYS[new Date(`${day}T00:00:00Z`).getUTCDay()] === weekday.toLowerCase();
  return number > 0 && isNamed ? day : undefined;
}
