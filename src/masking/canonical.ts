// Pure: brings a personal value into the one form of bytes that is masked, so that equal values give equal tokens.
import ipaddr from "ipaddr.js";

/** Longer texts are not read. The longest address has 45 characters; brackets, zone, port and blanks come to it. */
const MAX_IP_LENGTH = 128;
/** IPv4 in the four decimal parts of RFC 6943, section 3.1.1: no octal, no hexadecimal, nothing left out. */
const IPV4 = /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/;
/** RFC 4291, section 2.5.5.2: 80 bits of zero and 16 of one, before the 32 of the IPv4 address. */
const IPV4_MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const IPV6 = /^[\da-f:.]+$/i;
/** Brackets, a port or both. Without brackets only what ends as IPv4 can have a port: `2001:db8::7:443` is an address itself. */
const BRACKETS_OR_PORT = /^(?:\[(?<inside>[^[\]]+)\]|(?<dotted>[\da-f:]*(?:\.\d+)+))(?::(?<port>\d{1,5}))?$/i;
/** The zone of an IPv6 address (RFC 4007, section 11), of the characters that RFC 6874 allows it. */
const ZONED = /^(?<address>[\da-f.]*:[\da-f:.]*)%[\w.~-]+$/i;
const MAX_PORT = 65_535;

/**
 * The 16 bytes of an IP address; IPv4 as IPv4-mapped IPv6, `::ffff:a.b.c.d` (RFC 4291, section 2.5.5.2). Every spelling of an address that
 * RFC 4291, section 2.2, allows gives the same bytes. Brackets, a port, the zone of an IPv6 address (a matter of one host: RFC 4007) and
 * white space around the whole are left out.
 *
 * @returns undefined when the text is no IP address, or a list of several; a prefix length makes it none
 */
export function canonicalIp(text: string): Uint8Array | undefined {
  if (text.length > MAX_IP_LENGTH) return undefined;
  if (IPV4.test(text)) return ipv4Bytes(text);
  const trimmed = text.trim();
  const { inside, dotted, port = "0" } = BRACKETS_OR_PORT.exec(trimmed)?.groups ?? {};
  if (Number(port) > MAX_PORT) return undefined;
  const zoned = inside ?? dotted ?? trimmed;
  const address = ZONED.exec(zoned)?.groups?.["address"] ?? zoned;
  return IPV4.test(address) ? ipv4Bytes(address) : ipv6Bytes(address);
}

/** @param text matches {@link IPV4} */
function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split(".").map(Number);
  return parts.every((part) => part <= 255) ? Uint8Array.from([...IPV4_MAPPED, ...parts]) : undefined;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const embedded = text.slice(text.lastIndexOf(":") + 1);
  if (!IPV6.test(text) || (embedded.includes(".") && !IPV4.test(embedded))) return undefined;
  // ipaddr.js takes `::a.b.c.d` for `::ffff:a.b.c.d`, another address; written `0::a.b.c.d` it is read as it stands.
  const spelled = text.replace(/^::(?=\d+\.)/, "0::");
  if (!ipaddr.IPv6.isValid(spelled)) return undefined;
  return Uint8Array.from(ipaddr.IPv6.parse(spelled).toByteArray());
}

/**
 * Spells the bytes of {@link canonicalIp}: IPv4 in decimal parts, IPv6 as RFC 5952 recommends.
 *
 * @throws when there are not 16 bytes
 */
export function spellIp(canonical: Uint8Array): string {
  const address = new ipaddr.IPv6(Array.from(canonical));
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String();
}

const UUID_LENGTH = 36;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/**
 * A device id's exact UTF-8 bytes; those of a UUID in lower case, because its case means nothing (RFC 9562, section 4).
 *
 * @param text well formed (no lone surrogate)
 * @returns null for the nil UUID (RFC 9562, section 5.9), which stands for no device: advertising ids are all zeros where a user allows none
 */
export function canonicalDeviceId(text: string): Uint8Array | null {
  if (text === NIL_UUID) return null;
  const isUuid = text.length === UUID_LENGTH && UUID.test(text);
  return Buffer.from(isUuid ? text.toLowerCase() : text);
}
