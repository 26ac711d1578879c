// Pure: the message contract. Decodes a body into a login, or into the reasons for rejecting it; reasons contain no values.
import { canonicalDeviceId, canonicalIp } from "../masking/canonical.ts";
import type { Field } from "../masking/keys.ts";
import { readAppVersion, type AppVersionStyle } from "./app-version.ts";
import { readCreateDate } from "./create-date.ts";
import { textInEnvelope } from "./envelope.ts";

/** A valid login. The personal fields are canonical bytes, ready for masking. */
export interface Login {
  readonly userId: string;
  /** The integer for the table. */
  readonly appVersion: number | null;
  readonly deviceType: string | null;
  readonly ip: Uint8Array | null;
  readonly locale: string | null;
  readonly deviceId: Uint8Array | null;
  /** `YYYY-MM-DD`; null if the message has none. */
  readonly createDate: string | null;
}

export type Decoded =
  { readonly ok: true; readonly login: Login } | { readonly ok: false; readonly reasons: readonly string[] };

/** The keys that a message must have. */
const REQUIRED_KEYS = ["user_id", "app_version", "device_type", "ip", "locale", "device_id"] as const;

/** Maximum column widths in code points, as Postgres counts characters. */
const MAX_CODE_POINTS = { user_id: 128, device_type: 32, locale: 32 } as const;

/** An invalid field: what its reader returns instead of a value. */
class Invalid {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

const BYTE_ORDER_MARK = "\u{feff}";

/**
 * Decodes a message body. Ignores a byte order mark (RFC 8259, section 8.1), and unwraps one SNS envelope.
 *
 * @returns the login, or every reason for rejecting it, each as `field: reason`
 */
export function decodeLogin(body: string, style: AppVersionStyle): Decoded {
  const outer = parseObject(body);
  if (outer instanceof Invalid) return { ok: false, reasons: [`body: ${outer.reason}`] };
  const wrapped = textInEnvelope(outer, REQUIRED_KEYS);
  if (wrapped === undefined) return decodeObject(outer, style);
  const inner = parseObject(wrapped);
  return inner instanceof Invalid
    ? { ok: false, reasons: [`Message: ${inner.reason}`] }
    : decodeObject(inner, style);
}

function decodeObject(message: Readonly<Record<string, unknown>>, style: AppVersionStyle): Decoded {
  const reasons: string[] = [];
  const read = <T>(key: string, reader: (value: unknown) => T | Invalid): T | null => {
    if (!Object.hasOwn(message, key)) return null;
    const value = reader(message[key]);
    if (!(value instanceof Invalid)) return value;
    reasons.push(`${key}: ${value.reason}`);
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

function parseObject(body: string): Record<string, unknown> | Invalid {
  let value: unknown;
  try {
    value = JSON.parse(body.startsWith(BYTE_ORDER_MARK) ? body.slice(BYTE_ORDER_MARK.length) : body);
  } catch {
    return new Invalid("not JSON");
  }
  return isObject(value) ? value : new Invalid("not a JSON object");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nullable<T>(reader: (value: unknown) => T | Invalid): (value: unknown) => T | Invalid | null {
  return (value) => (value === null ? null : reader(value));
}

/** A string that Postgres can store: no NUL character and no lone surrogate. */
function text(value: unknown, maxCodePoints = Infinity): string | Invalid {
  if (typeof value !== "string") return new Invalid("not a string");
  // Checked first, so that a very long text is not scanned. A code point has at most two UTF-16 units.
  const { length } = value;
  if (length > 2 * maxCodePoints || (length > maxCodePoints && Array.from(value).length > maxCodePoints)) {
    return new Invalid(`longer than ${maxCodePoints} characters`);
  }
  if (value.includes("\0")) return new Invalid("has a NUL character");
  if (!value.isWellFormed()) return new Invalid("has a lone surrogate");
  return value;
}

function nonEmpty(value: string | Invalid): string | Invalid {
  return value === "" ? new Invalid("empty") : value;
}

function ip(value: unknown): Uint8Array | Invalid {
  if (typeof value !== "string") return new Invalid("not a string");
  return canonicalIp(value) ?? new Invalid("not an IP address");
}

function deviceId(value: unknown): Uint8Array | Invalid | null {
  const id = nonEmpty(text(value));
  return id instanceof Invalid ? id : canonicalDeviceId(id);
}

function appVersion(value: unknown, style: AppVersionStyle): number | Invalid {
  if (typeof value !== "string" && typeof value !== "number") return new Invalid("not a version");
  const version = readAppVersion(value, style);
  return typeof version === "string" ? new Invalid(version) : version;
}

function createDate(value: unknown): string | Invalid {
  const day = typeof value === "string" ? readCreateDate(value) : undefined;
  return day ?? new Invalid("not an ISO date");
}

/**
 * The personal values in the two fields of a body, as canonical bytes, even if the rest of the body is invalid. Also returns a device id
 * as it was sent, because earlier versions masked that.
 */
export function readPersonal(body: string): Readonly<Record<Field, readonly Uint8Array[]>> {
  const outer = parseObject(body);
  const wrapped = outer instanceof Invalid ? undefined : textInEnvelope(outer, REQUIRED_KEYS);
  const message = wrapped === undefined ? outer : parseObject(wrapped);
  const read = (key: Field, ...readers: readonly ((value: unknown) => unknown)[]): Uint8Array[] => {
    if (message instanceof Invalid || !Object.hasOwn(message, key)) return [];
    return readers.map((reader) => reader(message[key])).filter((value) => value instanceof Uint8Array);
  };
  const asSent = (value: unknown): unknown => (typeof value === "string" ? Buffer.from(value) : undefined);
  return { ip: read("ip", ip), device_id: read("device_id", deviceId, asSent) };
}
