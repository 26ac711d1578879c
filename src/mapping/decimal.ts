// Pure: reads a number without rounding it.
import { Invalid, LongNumber, type Json } from "./mapping.ts";

/** A value of `digits` · 10^`exponent`. `digits` has no zero at either end; it is empty for 0, which has no sign. */
export interface Decimal {
  readonly isNegative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

/** Maximum length of a number's text, characters: 1,000 digits with sign, point and exponent. */
const MAX_LENGTH = 1_024;

/** The largest precision that a `numeric` can be declared with, digits before and after the point. */
const MAX_DIGITS = 1_000;

/** A number of RFC 8259, section 6. */
const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:e([+-]?\d+))?$/i;

const ZERO: Decimal = { isNegative: false, digits: "", exponent: 0 };

/** Reads a JSON number, or text that is one and no more. */
export function readDecimal(value: Json): Decimal | Invalid {
  const text = numberText(value);
  if (text === undefined) return new Invalid("not a number");
  if (text.length > MAX_LENGTH) return new Invalid(`longer than ${MAX_LENGTH} characters`);
  const [read, sign, whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  if (read === undefined) return new Invalid("not a number");
  const all = whole + fraction;
  let [start, end] = [0, all.length];
  while (end > 0 && all[end - 1] === "0") end -= 1;
  while (start < end && all[start] === "0") start += 1;
  if (start === end) return ZERO;
  return {
    isNegative: sign === "-",
    digits: all.slice(start, end),
    exponent: Number(exponent) - fraction.length + all.length - end,
  };
}

/** The text of a number, or a text that may be one. */
function numberText(value: Json): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  return value instanceof LongNumber ? value.text : undefined;
}

/** The shortest decimal without an exponent, such as `1.5`, `1000`, `0`. A reason if it has more than 1,000 digits. */
export function plainText({ isNegative, digits, exponent }: Decimal): string | Invalid {
  const point = digits.length + exponent;
  if (Math.max(point, 0) + Math.max(-exponent, 0) > MAX_DIGITS) return new Invalid("out of range");
  const whole = digits.slice(0, Math.max(point, 0)).padEnd(point, "0") || "0";
  const fraction = exponent < 0 ? `.${digits.slice(Math.max(point, 0)).padStart(-exponent, "0")}` : "";
  return `${isNegative ? "-" : ""}${whole}${fraction}`;
}
