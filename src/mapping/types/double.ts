// Pure: the type `double`.
import type { ColumnType } from "../column-type.ts";
import { readDecimal } from "../decimal.ts";
import { Invalid, type Json } from "../mapping.ts";

/** The nearest double. A reason if that is infinite, or 0 for a number that is not. */
function read(value: Json): string | Invalid {
  const decimal = readDecimal(value);
  if (decimal instanceof Invalid) return decimal;
  const { isNegative, digits, exponent } = decimal;
  const nearest = Number(`${isNegative ? "-" : ""}${digits || "0"}e${exponent}`);
  const isInRange = Number.isFinite(nearest) && (nearest !== 0 || digits === "");
  return isInRange ? String(nearest) : new Invalid("out of range");
}

export const DOUBLE: ColumnType = {
  name: "double",
  sqlType: "double precision",
  accepted: ["double precision"],
  hasRange: true,
  text: () => read,
};
