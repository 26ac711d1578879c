// Generates realistic login messages for demos, tests and benchmarks. Pure: the same seed gives the same list. No address
// or device id can belong to a real person.

/** A login as the app sends it. Every value is a string, or null if unknown. */
export interface LoginMessage {
  readonly user_id: string;
  readonly app_version: string;
  readonly device_type: "android" | "ios";
  readonly ip: string;
  readonly locale: string | null;
  readonly device_id: string;
}

/** A body that is JSON but not a login. */
export const WRONG_TYPE = '{"foo": "oops_wrong_msg_type", "bar": "123"}';

/** The index of this body in the list of {@link generateMessages}. */
const WRONG_TYPE_INDEX = 12;

const NULL_LOCALES = 0.29;
const LOCALES =
  "AR BR CA CN CZ DE ES FI FR GB GR ID IN IT JP KR MX NL NO PE PH PL PT RU SE TH UA US VN ZA".split(" ");
const SEEN_DEVICE = 0.15;
const SEEN_ADDRESS = 0.1;
const MOST_REPEATS = 5;

/** Numbers from 0 (inclusive) to 1 (exclusive). The same seed gives the same numbers. */
type Random = () => number;

/**
 * Logins. Some devices and addresses occur two to five times, so that there are duplicates to find.
 *
 * @param seed a 32-bit integer; the same seed gives the same logins
 */
export function generateLogins(count: number, seed = 1): LoginMessage[] {
  const random = mulberry32(seed);
  const devices = repeating(random, SEEN_DEVICE, deviceId);
  const addresses = repeating(random, SEEN_ADDRESS, address);
  return Array.from({ length: count }, () => ({
    user_id: uuid(random),
    app_version: appVersion(random),
    device_type: random() < 0.5 ? "android" : "ios",
    ip: addresses(),
    locale: random() < NULL_LOCALES ? null : pick(random, LOCALES),
    device_id: devices(),
  }));
}

/**
 * Message bodies as in the assignment's queue: all are logins except the 13th, which is of the wrong type.
 *
 * @param count the number of bodies; below 13, the last is of the wrong type
 */
export function generateMessages(count = 100, seed = 1): string[] {
  if (count < 1) return [];
  const bodies = generateLogins(count - 1, seed).map((login) => JSON.stringify(login));
  bodies.splice(WRONG_TYPE_INDEX, 0, WRONG_TYPE);
  return bodies;
}

/**
 * Message bodies, some of which are not valid logins: of the wrong type, with an invalid address, without a field, with a pre-release
 * version, or not JSON.
 *
 * @param bad how many are not valid; at most `count`
 */
export function generateMixed(count: number, bad: number, seed: number): string[] {
  return generateLogins(count, seed).map((login, index) => {
    // The bad ones are spread evenly.
    const nth = Math.floor(((index + 1) * bad) / count);
    const isBad = nth > Math.floor((index * bad) / count);
    return isBad ? spoil(login, nth - 1) : JSON.stringify(login);
  });
}

/** A login's body, broken in the nth way. */
function spoil({ ip, ...login }: LoginMessage, nth: number): string {
  const ways = [
    WRONG_TYPE,
    JSON.stringify({ ...login, ip: `${ip} or so` }),
    JSON.stringify(login),
    JSON.stringify({ ...login, ip, app_version: "2.0-beta1" }),
    JSON.stringify({ ...login, ip }).slice(0, -1),
  ];
  return ways[nth % ways.length] ?? WRONG_TYPE;
}

/** Tommy Ettinger's mulberry32, public domain: small, and random enough for test data. */
export function mulberry32(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values of `fresh`, or with probability `again` an earlier value. Each occurs at most {@link MOST_REPEATS} times. */
function repeating(random: Random, again: number, fresh: (random: Random) => string): () => string {
  const uses = new Map<string, number>();
  // Keep the repeatable values in their own list, so that choosing one needs no search.
  const open: string[] = [];
  return () => {
    const index = integer(random, 0, Math.max(open.length - 1, 0));
    const seen = random() < again ? open[index] : undefined;
    let value = seen ?? fresh(random);
    while (seen === undefined && uses.has(value)) value = fresh(random);
    const count = (uses.get(value) ?? 0) + 1;
    uses.set(value, count);
    if (count === 1) open.push(value);
    if (count === MOST_REPEATS) open.splice(index, 1);
    return value;
  };
}

function uuid(random: Random): string {
  const digits = hex(random, 30);
  const [a, b, c, d, e] = [0, 8, 12, 15, 18].map((start, i, starts) => digits.slice(start, starts[i + 1]));
  return `${a}-${b}-4${c}-${pick(random, ["8", "9", "a", "b"])}${d}-${e}`;
}

/** Two or three parts, such as `2.3.0` or `0.96`. */
function appVersion(random: Random): string {
  const [major, minor, patch] = [
    integer(random, 0, 9),
    integer(random, 0, random() < 0.2 ? 99 : 9),
    integer(random, 0, 9),
  ];
  return random() < 0.35 ? `${major}.${minor}` : `${major}.${minor}.${patch}`;
}

/** In the format of a US social security number, from a range that was never assigned. */
function deviceId(random: Random): string {
  const part = (low: number, high: number, length: number): string =>
    String(integer(random, low, high)).padStart(length, "0");
  return `${part(900, 999, 3)}-${part(10, 49, 2)}-${part(0, 9999, 4)}`;
}

/** From the ranges reserved for documentation (RFC 5737, RFC 3849) and benchmarks (RFC 2544). */
function address(random: Random): string {
  const kind = random();
  if (kind < 0.08) return `2001:db8::${hexGroup(random)}:${hexGroup(random)}`;
  const byte = (): number => integer(random, 1, 254);
  if (kind < 0.5) return `${pick(random, ["192.0.2", "198.51.100", "203.0.113"])}.${byte()}`;
  return `198.${pick(random, ["18", "19"])}.${byte()}.${byte()}`;
}

function hexGroup(random: Random): string {
  return integer(random, 1, 0xffff).toString(16);
}

function hex(random: Random, length: number): string {
  return Array.from({ length }, () => integer(random, 0, 15).toString(16)).join("");
}

function integer(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

function pick(random: Random, values: readonly string[]): string {
  return values[integer(random, 0, values.length - 1)] ?? "";
}
