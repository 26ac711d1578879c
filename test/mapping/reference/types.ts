// A value as a cell of its column's type.
import type { Column } from "../../../src/mapping/mapping.ts";
import { addressBytes, addressText } from "./addresses.ts";
import { dayText, timeOfIso, timeOfMail, timeOfNumber, timeText } from "./times.ts";
import { canonical, decimalOf, digitsOf, Num, plain, Unreadable, type Decimal, type Value } from "./value.ts";

const fail = (reason: string): never => {
  throw new Unreadable(reason);
};

/** @throws {Unreadable} if the column's type cannot read the value */
export function cellOf(column: Column, value: Value): string {
  switch (column.type) {
    case "text":
      return readText(column, value);
    case "integer":
      return readInteger(value, 2n ** 31n);
    case "bigint":
      return readInteger(value, 2n ** 63n);
    case "numeric":
      return plain(readNumber(value));
    case "double":
      return readDouble(value);
    case "boolean":
      return readBoolean(value);
    case "date":
      return dayText(readTime(column, value, true));
    case "timestamptz":
      return timeText(readTime(column, value, false));
    case "uuid":
      return UUID.test(string(value)) ? string(value).toLowerCase() : fail("not a UUID");
    case "ip":
      return addressText(addressBytes(string(value)));
    case "jsonb":
      return canonical(storable(column.keep === undefined ? value : keep(value, column.keep)));
    case "version":
    case "version_major":
      return readVersion(value, column.type === "version");
  }
}

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function string(value: Value): string {
  return typeof value === "string" ? value : fail("not a string");
}

/** Postgres stores neither a NUL character nor half a surrogate pair. */
function characters(text: string): string[] {
  const all = Array.from(text);
  for (const each of all) {
    const code = each.codePointAt(0) ?? 0;
    if (code === 0 || (code >= 0xd800 && code <= 0xdfff)) fail("not storable");
  }
  return all;
}

function readText({ min, max }: Column, value: Value): string {
  const { length } = characters(string(value));
  if (length < (min ?? 0) || length > (max ?? Infinity)) fail("length");
  return string(value);
}

function readNumber(value: Value): Decimal {
  const decimal = readDecimal(value);
  return digitsOf(decimal) > 1_000n ? fail("out of range") : decimal;
}

/** A JSON number that a double holds has the double's text, however long it was written. */
function readDecimal(value: Value): Decimal {
  const text = value instanceof Num ? value.text : string(value);
  const decimal = decimalOf(text) ?? fail("not a number");
  if (text.length <= 1_024) return decimal;
  const double = value instanceof Num ? decimalOf(String(Number(text))) : undefined;
  const isHeld = double?.digits === decimal.digits && double.exponent === decimal.exponent;
  return isHeld ? decimal : fail("too long");
}

function readInteger(value: Value, end: bigint): string {
  const { digits, exponent } = readNumber(value);
  if (exponent < 0n) fail("not an integer");
  const integer = digits * 10n ** exponent;
  return integer >= -end && integer < end ? String(integer) : fail("out of range");
}

function readDouble(value: Value): string {
  const { digits, exponent } = readDecimal(value);
  const double = Number(`${digits}e${exponent}`);
  if (!Number.isFinite(double) || (double === 0 && digits !== 0n)) fail("out of range");
  return String(double);
}

function readBoolean(value: Value): string {
  if (typeof value === "boolean") return String(value);
  if (value instanceof Num) {
    const number = canonical(value);
    return number === "1e0" ? "true" : number === "0e0" ? "false" : fail("not a boolean");
  }
  const text = string(value);
  if (text === "1" || /^true$/i.test(text)) return "true";
  return text === "0" || /^false$/i.test(text) ? "false" : fail("not a boolean");
}

/** Microseconds since 1970. */
function readTime({ unit, zone }: Column, value: Value, canBeDay: boolean): bigint {
  const text = value instanceof Num ? value.text : string(value);
  if (decimalOf(text) !== undefined)
    return unit === undefined ? fail("no unit") : timeOfNumber(readDecimal(value), unit);
  const iso = timeOfIso(text, zone);
  if (iso === undefined) return timeOfMail(text) ?? fail("no time");
  return iso.isDay && !canBeDay ? fail("a day alone") : iso.time;
}

function storable(value: Value): Value {
  if (typeof value === "string") characters(value);
  if (value instanceof Num) readNumber(value);
  if (Array.isArray(value)) value.forEach(storable);
  if (value instanceof Map) for (const [key, member] of value) storable([key, member]);
  return value;
}

type Keys = readonly string[];

function keep(value: Value, paths: readonly Keys[]): Value {
  return kept(value, paths) ?? fail("not an object or a list");
}

/** Undefined is what a path cannot go on in. */
function kept(value: Value, paths: readonly Keys[]): Value | undefined {
  if (paths.some((path) => path.length === 0)) return value;
  if (Array.isArray(value)) {
    return value.map((element) => kept(element, paths)).filter((element) => element !== undefined);
  }
  if (!(value instanceof Map)) return undefined;
  const object = new Map<string, Value>();
  for (const [key, member] of value) {
    const inner = paths.filter(([first]) => first === key).map((path) => path.slice(1));
    const stays = inner.length === 0 ? undefined : kept(member, inner);
    if (stays !== undefined) object.set(key, stays);
  }
  return object;
}

function readVersion(value: Value, isWhole: boolean): string {
  const text = value instanceof Num ? wholeNumber(value) : string(value);
  if (text.length > 256) fail("not a version");
  const [, parts] = /^v?(\d+(?:\.\d+){0,2})(?:\+[0-9a-z-]+(?:\.[0-9a-z-]+)*)?$/i.exec(text) ?? [];
  if (parts === undefined) return fail("not a version");
  const [major = 0n, minor = 0n, patch = 0n] = parts.split(".").map(BigInt);
  if (isWhole && (minor > 999n || patch > 999n)) fail("out of range");
  const stored = isWhole ? major * 1_000_000n + minor * 1_000n + patch : major;
  return stored < 2n ** 31n ? String(stored) : fail("out of range");
}

/** A version that is a number is an integer. */
function wholeNumber(value: Num): string {
  const decimal = readNumber(value);
  return decimal.exponent >= 0n && decimal.digits >= 0n ? plain(decimal) : fail("not a version");
}
