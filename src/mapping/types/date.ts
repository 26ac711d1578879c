// Pure: the type `date`.
import type { ColumnType } from "../column-type.ts";
import { dayStart, isoText, readInstant } from "../instant.ts";
import { Invalid } from "../mapping.ts";
import { utf8Masking } from "../utf8-masking.ts";

const LENGTH = "YYYY-MM-DD".length;
const MAX_UTC_LENGTH = "YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ".length;
/** Forms whose day is the one they begin with, in UTC; most dates have one of them, and need no more than this test. */
const UTC = /^\d{4}-\d{2}-\d{2}(?:T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z)?$/;

const NO_DATE = new Invalid("not an ISO date");

/** A day, `YYYY-MM-DD`, or the day in UTC of a date and time. */
const text: ColumnType["text"] = (column) => (value) => {
  if (typeof value === "string" && value.length <= MAX_UTC_LENGTH && UTC.test(value)) {
    const day = value.slice(0, LENGTH);
    return dayStart(day) === undefined ? NO_DATE : day;
  }
  const instant = readInstant(value, column);
  if (instant === undefined) return NO_DATE;
  return instant instanceof Invalid ? instant : isoText(instant).slice(0, LENGTH);
};

export const DATE: ColumnType = {
  name: "date",
  sqlType: "pg_catalog.date",
  accepted: ["date"],
  hasRange: true,
  text,
  masking: utf8Masking(text),
};
