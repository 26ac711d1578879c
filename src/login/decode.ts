// Pure: a message's contract. A body becomes a login, or the reasons why it is none; a reason never holds a value.
import { canonicalDeviceId, canonicalIp } from "../masking/canonical.ts";
import type { Field } from "../masking/keys.ts";
import { readAppVersion, type AppVersionStyle } from "./app-version.ts";
import { readCreateDate } from "./create-date.ts";
import { textInEnvelope } from "./envelope.ts";

/** A login that keeps the contract. The personal fields are canonical bytes, ready to be masked. */
export interface Login {
  readonly userId: string;
  /** The integer that is stored. */
  readonly appVersion: number | null;
  readonly deviceType: string | null;
  readonly ip: Uint8Array | null;
  readonly locale: string | null;
  readonly deviceId: Uint8Array | null;
  /** `YYYY-MM-DD`, where the message has one. */
  readonly createDate: string | null;
}

export type Decoded =
  { readonly ok: true; readonly login: Login } | { readonly ok: false; readonly reasons: readonly string[] };

/** The keys that must be there. */
const REQUIRED_KEYS = ["user_id", "app_version", "device_type", "ip", "locale", "device_id"] as const;

/** Columns' widths in characters, which Postgres counts as code points. */
const MAX_CODE_POINTS = { user_id: 128, device_type: 32, locale: 32 } as const;

/** What a field's reader returns in place of a value. */
class Broken {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

const BYTE_ORDER_MARK = "\u{feff}";

/**
 * Decodes a message body. A byte order mark before it is skipped (RFC 8259, section 8.1). One that a topic of SNS has put into an envelope is taken out of it, once.
 *
 * @returns the login, or every reason, each `field: what is wrong with it`
 */
export function decodeLogin(body: string, style: AppVersionStyle): Decoded {
  const outer = parseObject(body);
  if (outer instanceof Broken) return { ok: false, reasons: [`body: ${outer.why}`] };
  const wrapped = textInEnvelope(outer, REQUIRED_KEYS);
  if (wrapped === undefined) return decodeObject(outer, style);
  const inner = parseObject(wrapped);
  return inner instanceof Broken
    ? { ok: false, reasons: [`Message: ${inner.why}`] }
    : decodeObject(inner, style);
}

function decodeObject(message: Readonly<Record<string, unknown>>, style: AppVersionStyle): Decoded {
  const reasons: string[] = [];
  const read = <T>(key: string, reader: (value: unknown) => T | Broken): T | null => {
    if (!Object.hasOwn(message, key)) return null;
    const value = reader(message[key]);
    if (!(value instanceof Broken)) return value;
    reasons.push(`${key}: ${value.why}`);
    return null;
  };
  for (const key of REQUIRED_KEYS) if (!Object.hasOwn(message, key)) reasons.push(`${key}: missing`);

  const userId = read("user_id", (value) => nonEmpty(text(value, MAX_CODE_POINTS.user_id)));
  const login = {
    appVersion: read(
      "app_version",
      nullable((value) => appVersion(value, style)),
    ),
    deviceType: read(
      "device_type",
      nullable((value) => text(value, MAX_CODE_POINTS.device_type)),
    ),
    ip: read("ip", nullable(ip)),
    locale: read(
      "locale",
      nullable((value) => text(value, MAX_CODE_POINTS.locale)),
    ),
    deviceId: read("device_id", nullable(deviceId)),
    createDate: read("create_date", nullable(createDate)),
  };
  if (userId === null || reasons.length > 0) return { ok: false, reasons };
  return { ok: true, login: { userId, ...login } };
}

function parseObject(body: string): Record<string, unknown> | Broken {
  let value: unknown;
  try {
    value = JSON.parse(body.startsWith(BYTE_ORDER_MARK) ? body.slice(BYTE_ORDER_MARK.length) : body);
  } catch {
    return new Broken("not JSON");
  }
  return isObject(value) ? value : new Broken("not a JSON object");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nullable<T>(reader: (value: unknown) => T | Broken): (value: unknown) => T | Broken | null {
  return (value) => (value === null ? null : reader(value));
}

/** A string that Postgres can store: it takes neither NUL nor half a surrogate pair. */
function text(value: unknown, maxCodePoints = Infinity): string | Broken {
  if (typeof value !== "string") return new Broken("not a string");
  // The length comes first: what is too long is not read to its end. A code point has two units at most.
  const { length } = value;
  if (length > 2 * maxCodePoints || (length > maxCodePoints && Array.from(value).length > maxCodePoints)) {
    return new Broken(`longer than ${maxCodePoints} characters`);
  }
  if (value.includes("\0")) return new Broken("has a NUL character");
  if (!value.isWellFormed()) return new Broken("has a lone surrogate");
  return value;
}

function nonEmpty(value: string | Broken): string | Broken {
  return value === "" ? new Broken("empty") : value;
}

function ip(value: unknown): Uint8Array | Broken {
  if (typeof value !== "string") return new Broken("not a string");
  return canonicalIp(value) ?? new Broken("not an IP address");
}

function deviceId(value: unknown): Uint8Array | Broken | null {
  const id = nonEmpty(text(value));
  return id instanceof Broken ? id : canonicalDeviceId(id);
}

function appVersion(value: unknown, style: AppVersionStyle): number | Broken {
  if (typeof value !== "string" && typeof value !== "number") return new Broken("not a version");
  const version = readAppVersion(value, style);
  return typeof version === "string" ? new Broken(version) : version;
}

function createDate(value: unknown): string | Broken {
  const day = typeof value === "string" ? readCreateDate(value) : undefined;
  return day ?? new Broken("not an ISO date");
}

/**
 * The personal values that can be read in a body, as canonical bytes, whatever is wrong with the rest of it: in the two fields of a
 * message and nowhere else. A device id is there as it was sent, too, as earlier versions masked it.
 */
export function readPersonal(body: string): Readonly<Record<Field, readonly Uint8Array[]>> {
  const outer = parseObject(body);
  const wrapped = outer instanceof Broken ? undefined : textInEnvelope(outer, REQUIRED_KEYS);
  const message = wrapped === undefined ? outer : parseObject(wrapped);
  const read = (key: Field, ...readers: readonly ((value: unknown) => unknown)[]): Uint8Array[] => {
    if (message instanceof Broken || !Object.hasOwn(message, key)) return [];
    return readers.map((reader) => reader(message[key])).filter((value) => value instanceof Uint8Array);
  };
  const asSent = (value: unknown): unknown => (typeof value === "string" ? Buffer.from(value) : undefined);
  return { ip: read("ip", ip), device_id: read("device_id", deviceId, asSent) };
}
