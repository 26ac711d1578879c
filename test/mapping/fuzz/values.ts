// Values near what a type reads: many that it does, many that it just does not.
import type { TypeName } from "../../../src/mapping/mapping.ts";
import { Num, type Value } from "../reference/value.ts";
import type { Choices } from "./choices.ts";

/** Keys of messages and paths. */
export const KEYS = [
  ...([
    "a",
    "b",
    "id",
    "0",
    "c",
    "1",
    "",
    "a.b",
    "Message",
    "detail",
    "data",
    "Type",
    "é",
    "2",
    "00",
  ] as const),
  ...(["__proto__", "constructor", "toString", "length", "hasOwnProperty", "text"] as const),
] as const;

const UUID = "0F8FAD5B-d9cb-469f-a165-70867728950e";
const NIL = "00000000-0000-0000-0000-000000000000";

export function valueOf(choices: Choices, type: TypeName): Value {
  return MAKERS[choices.isRare(6) ? choices.pick("text", "numeric", "jsonb", "date", "ip", "boolean") : type](
    choices,
  );
}

const MAKERS: Readonly<Record<TypeName, (choices: Choices) => Value>> = {
  text,
  integer: numberOrText,
  bigint: numberOrText,
  numeric: numberOrText,
  double: numberOrText,
  boolean: (choices) =>
    choices.pick<Value>(
      ...([true, "TRUE", "false", "1", new Num("1.0"), new Num("-0"), new Num("0.1e1"), false, "0"] as const),
      ...(["yes", "1.0", "tRue", "falſe", new Num("2"), "", " true", new Num("1e-400")] as const),
    ),
  date: time,
  timestamptz: time,
  uuid: (choices) =>
    choices.pick(
      UUID,
      NIL,
      UUID.toLowerCase(),
      ` ${UUID}`,
      `{${UUID}}`,
      UUID.replaceAll("-", ""),
      `${UUID}0`,
      "",
    ),
  ip: address,
  jsonb: (choices) => json(choices, 3),
  version,
  version_major: version,
};

function text(choices: Choices): Value {
  if (choices.isRare(3)) return "x".repeat(choices.pick(127, 128, 129)) + choices.pick("", ",y", ", y");
  if (choices.isRare(3)) return `${choices.pick("", "y,")} ${"x".repeat(choices.pick(126, 127, 128, 129))}`;
  return choices.pick<Value>(
    ...([
      "x",
      " A\u{a0}",
      "",
      "📱é",
      "%41+b",
      "a+b",
      '\\"\\\\',
      "100%",
      "%C3%A9",
      "%00",
      UUID,
      NIL,
      "p, Q ,r",
      "İ",
      "null",
    ] as const),
    ...([
      "{}",
      '{"a":1}',
      "[1]",
      "e30",
      "W10=",
      "1",
      "a\0",
      "\ud800",
      "\u{feff}a\u{2028}",
      "%ED%A0%80",
    ] as const),
    ...([" ", ",", "📱📱📱📱", "a\u{301}", "\u{85}x", '"[1]"', "MQ==", `%${UUID}`, "=", "K"] as const),
  );
}

function numberOrText(choices: Choices): Value {
  const number = numberText(choices);
  if (choices.isRare(6))
    return choices.pick(` ${number}`, `+${number}`, `0${number}`, `${number}.`, "NaN", "", "0x1");
  return choices.nat(2) === 0 ? new Num(number) : number;
}

const EDGES = [
  ...([
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "9007199254740993",
    "0.1",
    "1e400",
  ] as const),
  ...([
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
  ] as const),
  ...(["1.7976931348623157e308", "1.7976931348623159e308", "5e-324", "2e-324", "1e999", "1e1000"] as const),
  ...([
    "1e-1000",
    "1e-1001",
    "1e99999999999999999999",
    "-1e-99999999999999999999",
    "0e99999999999999999999",
  ] as const),
] as const;

function numberText(choices: Choices): string {
  if (choices.isRare(12)) return choices.pick(...EDGES);
  const sign = choices.pick("", "", "-");
  const whole = choices.pick("0", "1", "12", digits(choices, 9), digits(choices, 20));
  if (choices.isRare(3)) {
    const places = choices.pick(490, 498, 499, 500, 509, 510);
    return `${sign}1${"7".repeat(places)}.${"3".repeat(choices.pick(500, 510, 520))}5`;
  }
  if (choices.isRare(3)) {
    const zeros = "0".repeat(choices.pick(998, 999, 1_000, 1_021, 1_022, 1_023));
    const threes = "3".repeat(zeros.length);
    return (
      sign +
      choices.pick(`1.${zeros}`, `0.${threes}`, `0.${zeros}1e${zeros.length}`, `1${zeros}e-${zeros.length}`)
    );
  }
  const fraction = choices.pick("", "", ".0", `.${digits(choices, 6)}0`, `.${digits(choices, 20)}`);
  const power = choices.pick("", "", "", "e0", "e3", "E+2", "e-3", "e-20", "e22", "e-400", "e300");
  return sign + whole + fraction + power;
}

function digits(choices: Choices, most: number): string {
  return choices
    .times(choices.nat(most) + 1, (nth) => String(nth === 0 ? choices.nat(9) + 1 : choices.nat(10)))
    .join("");
}

const two = (value: number): string => String(value).padStart(2, "0");

function time(choices: Choices): Value {
  if (choices.nat(4) === 1) return numericTime(choices);
  const year = choices.pick("2024", "2023", "0001", "9999", "1969", "1900", "2000", "0000");
  const day = choices.nat(31) + (choices.isRare(5) ? 1 : 0);
  const month = choices.nat(12) + (choices.isRare(3) ? 1 : 0);
  const isEdge = choices.isRare(25);
  const hour = isEdge ? choices.pick(0, 23, 24, 25) : choices.nat(24);
  const minute = isEdge ? choices.pick(59, 0, 60) : choices.nat(60);
  const second = isEdge ? choices.pick(60, 0, 59, 61) : choices.nat(60);
  const offset = `${choices.pick("+", "-")}${two(choices.nat(25))}`;
  const minutes = choices.pick("00", "30", "59", "60");
  if (choices.nat(4) === 1) {
    const months = "Jan Feb Mar Apr May Jun jul AUG Sep Oct Nov Dec Foo".split(" ");
    const weekday = choices.pick(
      "",
      "",
      "Mon, ",
      "tue,",
      "Wed, ",
      "Thu,  ",
      "Fri, ",
      "Sat, ",
      "Sun, ",
      "Foo, ",
    );
    const clock = `${two(hour)}:${two(minute)}${choices.isRare(20) ? "" : `:${two(second)}`}`;
    const zone = choices.pick(
      "GMT",
      "+0000",
      `${offset}${minutes}`,
      "UT",
      "gmt",
      "-0000",
      "EST",
      "Z",
      "UTC",
      "",
    );
    const comment = choices.pick("", "", " (CET)", " ()", "\t(a b)", "(x)", " (a) (b)");
    return `${weekday}${choices.isRare(30) ? two(day + 1) : day + 1} ${months[month]} ${year} ${clock} ${zone}${comment}`;
  }
  const date = `${year}-${two(month + 1)}-${two(day + 1)}`;
  if (choices.isRare(20)) return date + choices.pick("", "", "Z", " ", "T10");
  const fraction = choices.pick("", `.${choices.pick("0", "5", "1234567", "999999", "0000001")}`, ",25", ".");
  const clock = `${two(hour)}:${two(minute)}${choices.isRare(20) ? "" : `:${two(second)}${fraction}`}`;
  const edge = choices.pick("24:00:00.5", "10:15:60", "23:59:60.5", "24:00", "00:59:60", "24:00:00.0");
  const zone = choices.pick("Z", "", "z", offset, `${offset}:${minutes}`, offset + minutes, " Z", "UTC");
  return date + choices.pick("T", " ", "t", "  ") + (choices.isRare(10) ? edge : clock) + zone;
}

function numericTime(choices: Choices): Value {
  const number = choices.pick(
    ...([
      "0",
      "19737",
      "1705363199",
      "1705313730123",
      "1705313730123456",
      "1705313730123456789",
      "-1",
    ] as const),
    ...([
      "19737.999",
      "1705313730.1234567",
      "-0.0000001",
      "-62135596800",
      "-62135596801",
      "-719162",
    ] as const),
    ...([
      "253402300799.9999999",
      "253402300800",
      "2932896",
      "2932897",
      "1e-400",
      "-1e-400",
      "1.7e9",
    ] as const),
    numberText(choices),
  );
  return choices.nat(2) === 0 ? new Num(number) : number;
}

function address(choices: Choices): Value {
  const quad = choices
    .times(4, () => choices.pick("0", "1", "192", "255", choices.pick("256", "01", "99")))
    .join(".");
  const groups = choices.times(8, () => choices.pick("0", "0", "1", "db8", "FFFF", "00a0"));
  const gap = choices.nat(8);
  const short = `${groups.slice(0, gap).join(":")}::${groups.slice(gap + choices.nat(4)).join(":")}`;
  const six = choices.pick(
    short,
    groups.join(":"),
    `::ffff:${quad}`,
    `::${quad}`,
    "::",
    "::1",
    `${short}%eth0`,
  );
  const bare = choices.pick(quad, six);
  const port = choices.pick(":443", ":65535", ":65536", ":0", ":", ":00080");
  const full = choices.pick(
    bare,
    bare,
    `${bare}${port}`,
    `[${bare}]`,
    `[${bare}]${port}`,
    `${bare}/24`,
    `[${bare}`,
  );
  const list = `${quad},x, ${full} `;
  const padded = `${" ".repeat(choices.pick(127, 128, 129) - Math.min(bare.length, 127))}${bare}`;
  return choices.pick(full, full, ` ${full}\n`, list, `${full}, 10.0.0.1`, `x,${padded}`, `${padded},x`);
}

function version(choices: Choices): Value {
  const part = (): string =>
    choices.pick("1", "0", "02", "999", "1000", "2147", "483", "648", "2147483647", "2147483648");
  if (choices.isRare(25))
    return new Num(choices.pick("2", "2.0", "1e2", "-1", "2147", "2148", "2.5", "1e400", "-0"));
  const parts = choices.times(choices.nat(4) + 1, part).join(".");
  return (
    choices.pick("", "v", "V", " ") + parts + choices.pick("", "", "+17", "+a-.b", "+", "-beta", "+a_b", ".")
  );
}

/** Any JSON, of so many levels. */
export function json(choices: Choices, levels: number): Value {
  const kind = choices.nat(levels > 0 ? 8 : 5);
  if (kind === 0) return new Num(numberText(choices));
  if (kind === 1) return text(choices);
  if (kind === 2) return choices.pick<Value>(null, true, false);
  if (kind < 5) return choices.pick<Value>("x", new Num("1"), new Num("1.50"));
  if (kind === 5) return choices.times(choices.nat(4), () => json(choices, levels - 1));
  return new Map(choices.times(choices.nat(4) + 1, () => [choices.pick(...KEYS), json(choices, levels - 1)]));
}
