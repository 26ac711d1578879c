// Pure: one linear pass over a JSON text, before a parser sees it: how deep it nests, how many parts it has, and which numbers a double would
// change.
import { BeyondLimit, MAX_LEVELS, MAX_PARTS } from "./limits.ts";
import { LongNumber } from "./mapping.ts";

const TOO_DEEP = new BeyondLimit("deeper than 128 levels");
const TOO_MANY_PARTS = new BeyondLimit("more than 500,000 objects, lists and long numbers");

/** Numbers from this magnitude on are taken out of a text, which leaves such doubles free to stand for them while it is parsed. */
export const FIRST_STAND_IN = 1e300;

/** A number of up to 15 digits without an exponent has its value in a double. */
const MAX_CERTAIN_LENGTH = 15;
/** `1e99`: no exponent of so few characters is too large. */
const MAX_CERTAIN_LENGTH_WITH_EXPONENT = 4;

/** The numbers that a parser must not see. */
export interface TakenOut {
  /** The start and the end of each. */
  readonly places: readonly number[];
  readonly numbers: readonly (number | LongNumber)[];
}

/** RFC 8259, section 6. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const LOWER_E = 0x65;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Finds the numbers that a double would change, in a text that need not be JSON.
 *
 * @returns undefined if there are none; {@link BeyondLimit} beyond 128 levels, or 500,000 objects, lists and such numbers
 */
export function scan(text: string): TakenOut | BeyondLimit | undefined {
  let takenOut: { places: number[]; numbers: (number | LongNumber)[] } | undefined;
  let level = 0;
  let opened = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const end = endOfNumber(text, at);
      const number = isCertain(text, at, end) ? undefined : numberToTakeOut(text.slice(at, end));
      if (number !== undefined) {
        takenOut ??= { places: [], numbers: [] };
        takenOut.places.push(at, end);
        takenOut.numbers.push(number);
        if (opened + takenOut.numbers.length > MAX_PARTS) return TOO_MANY_PARTS;
      }
      at = end;
    } else {
      if (code === OPEN_OBJECT || code === OPEN_LIST) {
        level += 1;
        opened += 1;
        if (level > MAX_LEVELS) return TOO_DEEP;
        if (opened + (takenOut?.numbers.length ?? 0) > MAX_PARTS) return TOO_MANY_PARTS;
      } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) level -= 1;
      at += 1;
    }
  }
  return takenOut;
}

/** Where a string ends, after its closing quote. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote + 1;
}

/** Whether an odd number of backslashes stands before a quote. The string's opening quote ends the count. */
function isEscaped(text: string, quote: number): boolean {
  let before = quote - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (quote - before) % 2 === 0;
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (isInNumber(text.charCodeAt(end))) end += 1;
  return end;
}

function isInNumber(code: number): boolean {
  const isDigit = code >= ZERO && code <= NINE;
  return isDigit || code === POINT || code === LOWER_E || code === UPPER_E || code === MINUS || code === PLUS;
}

function isCertain(text: string, start: number, end: number): boolean {
  const length = end - start;
  if (length > MAX_CERTAIN_LENGTH) return false;
  if (length <= MAX_CERTAIN_LENGTH_WITH_EXPONENT) return true;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === LOWER_E || code === UPPER_E) return false;
  }
  return true;
}

/** Undefined if the parser may see it: a double has its value, or it is no number and the text no JSON. */
function numberToTakeOut(text: string): number | LongNumber | undefined {
  if (!NUMBER.test(text)) return undefined;
  const double = Number(text);
  if (!isExact(text, double)) return new LongNumber(text);
  return Math.abs(double) >= FIRST_STAND_IN ? double : undefined;
}

/** Whether a double has a number's value: it prints the number, perhaps spelled otherwise. */
function isExact(text: string, double: number): boolean {
  if (!Number.isFinite(double)) return false;
  const printed = String(double);
  return printed === text || decimal(printed) === decimal(text);
}

/** The digits of a number's magnitude without zeros at either end, and their exponent: equal for equal values. */
function decimal(number: string): string {
  const [mantissa = "", exponent = "0"] = number.replace(/^-/, "").split(/e/i);
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "0";
  let length = digits.length;
  while (digits.charCodeAt(length - 1) === ZERO) length -= 1;
  return `${digits.slice(0, length)}e${Number(exponent) - fraction.length + digits.length - length}`;
}
