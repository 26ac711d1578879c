// Pure: the type `timestamptz`.
import type { ColumnType } from "../column-type.ts";
import { isoText, readInstant } from "../instant.ts";
import { Invalid } from "../mapping.ts";

export const TIMESTAMPTZ: ColumnType = {
  name: "timestamptz",
  sqlType: "timestamp with time zone",
  accepted: ["timestamp with time zone", "timestamp without time zone"],
  hasRange: true,
  text: (column) => (value) => {
    const instant = readInstant(value, column);
    if (instant === undefined) return new Invalid("not an ISO date and time with a time zone");
    return instant instanceof Invalid ? instant : isoText(instant);
  },
};
