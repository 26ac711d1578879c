// Pure: the type `date`.
import type { ColumnType } from "../column-type.ts";
import { dayStart, isoText, readInstant } from "../instant.ts";
import { Invalid } from "../mapping.ts";
import { utf8Masking } from "../utf8-masking.ts";

const LENGTH = "YYYY-MM-DD".length;

/** A day, `YYYY-MM-DD`, or the day in UTC of a date and time. */
const text: ColumnType["text"] = (column) => (value) => {
  if (typeof value === "string" && value.length === LENGTH && dayStart(value) !== undefined) return value;
  const instant = readInstant(value, column);
  if (instant === undefined) return new Invalid("not an ISO date");
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
