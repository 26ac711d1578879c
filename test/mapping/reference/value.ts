// What the reference reader reads: JSON values whose numbers are texts and whose objects are maps.

export type Value = null | boolean | string | Num | Value[] | Map<string, Value>;

/** A number as it was written. */
export class Num {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A value that cannot be read. */
export class Unreadable extends Error {}

/** A text beyond a limit: it is not missing, its record is rejected. */
export class Beyond extends Unreadable {}

export interface Decimal {
  /** With the sign; no trailing zero unless it is 0. */
  readonly digits: bigint;
  readonly exponent: bigint;
}

const isDigit = (character: string | undefined): boolean =>
  character !== undefined && character >= "0" && character <= "9";

/** Where the JSON number (RFC 8259, section 6) that begins there ends; undefined if none does. */
export function endOfNumber(text: string, start: number): number | undefined {
  let at = start;
  if (text[at] === "-") at += 1;
  if (!isDigit(text[at])) return undefined;
  if (text[at] === "0") at += 1;
  else while (isDigit(text[at])) at += 1;
  if (text[at] === ".") {
    at += 1;
    if (!isDigit(text[at])) return undefined;
    while (isDigit(text[at])) at += 1;
  }
  if (text[at] === "e" || text[at] === "E") {
    at += 1;
    if (text[at] === "+" || text[at] === "-") at += 1;
    if (!isDigit(text[at])) return undefined;
    while (isDigit(text[at])) at += 1;
  }
  return at;
}

/** The value of a JSON number; undefined if the text is none. */
export function decimalOf(text: string): Decimal | undefined {
  if (endOfNumber(text, 0) !== text.length) return undefined;
  const [mantissa = "", power = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  let digits = BigInt(whole.replace("-", "") + fraction);
  let exponent = BigInt(power.replace("+", "")) - BigInt(fraction.length);
  if (digits === 0n) return { digits, exponent: 0n };
  while (digits % 10n === 0n) {
    digits /= 10n;
    exponent += 1n;
  }
  return { digits: whole.startsWith("-") ? -digits : digits, exponent };
}

/** Digits before the point, but for a single 0, and after it. */
export function digitsOf({ digits, exponent }: Decimal): bigint {
  const length = BigInt(String(digits).replace("-", "").length);
  if (exponent >= 0n) return length + exponent;
  return length > -exponent ? length : -exponent;
}

/** Without an exponent. */
export function plain(decimal: Decimal): string {
  const { digits, exponent } = decimal;
  const sign = digits < 0n ? "-" : "";
  let text = String(digits).replace("-", "");
  if (exponent >= 0n) return sign + text + "0".repeat(Number(exponent));
  const places = Number(-exponent);
  while (text.length <= places) text = `0${text}`;
  return `${sign}${text.slice(0, text.length - places)}.${text.slice(text.length - places)}`;
}

/** One text for equal values: keys in order, numbers as digits and exponent. */
export function canonical(value: Value): string {
  if (value instanceof Num) {
    const decimal = decimalOf(value.text);
    if (decimal === undefined) throw new Error("not a number");
    return `${decimal.digits}e${decimal.exponent}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const members = Array.from(value, ([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
  return `{${members.sort().join()}}`;
}
