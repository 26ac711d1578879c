// Pure: converts an IP address to canonical bytes, so that equal addresses give equal tokens.
import ipaddr from "ipaddr.js";

/** Maximum length, characters. The longest address has 45, plus brackets, zone, port and white space. */
const MAX_IP_LENGTH = 128;
/** IPv4 as four decimal parts (RFC 6943, section 3.1.1): no octal or hexadecimal, no part omitted. */
const IPV4 = /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/;
/** RFC 4291, section 2.5.5.2: 80 bits of zero and 16 of one, before the 32 of the IPv4 address. */
const IPV4_MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const POINT = 0x2e;
const ZERO = 0x30;
const IPV6 = /^[\da-f:.]+$/i;
/** Brackets, a port or both. Without brackets only dotted forms can have a port: `2001:db8::7:443` is an address. */
const BRACKETS_OR_PORT = /^(?:\[(?<inside>[^[\]]+)\]|(?<dotted>[\da-f:]*(?:\.\d+)+))(?::(?<port>\d{1,5}))?$/i;
/** An IPv6 address with a zone (RFC 4007, section 11) of the characters in RFC 6874. */
const ZONED = /^(?<address>[\da-f.]*:[\da-f:.]*)%[\w.~-]+$/i;
const MAX_PORT = 65_535;

/**
 * The 16 bytes of an IP address; IPv4 as IPv4-mapped IPv6, `::ffff:a.b.c.d` (RFC 4291, section 2.5.5.2). All spellings in RFC 4291,
 * section 2.2, give the same bytes. Ignores brackets, a port, an IPv6 zone (valid on one host only: RFC 4007) and surrounding white space.
 *
 * @returns undefined if the text is not a single IP address; a prefix length is invalid
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
  const bytes = new Uint8Array(16);
  bytes.set(IPV4_MAPPED);
  let at = IPV4_MAPPED.length;
  let part = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    part = code === POINT ? 0 : part * 10 + code - ZERO;
    if (part > 255) return undefined;
    if (code === POINT) at += 1;
    bytes[at] = part;
  }
  return bytes;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const embedded = text.slice(text.lastIndexOf(":") + 1);
  if (!IPV6.test(text) || (embedded.includes(".") && !IPV4.test(embedded))) return undefined;
  // ipaddr.js parses `::a.b.c.d` as `::ffff:a.b.c.d`, another address, but `0::a.b.c.d` correctly.
  const spelled = text.replace(/^::(?=\d+\.)/, "0::");
  if (!ipaddr.IPv6.isValid(spelled)) return undefined;
  return Uint8Array.from(ipaddr.IPv6.parse(spelled).toByteArray());
}

/**
 * The text of {@link canonicalIp}'s bytes: IPv4 in decimal parts, IPv6 as in RFC 5952.
 *
 * @throws if there are not 16 bytes
 */
export function spellIp(canonical: Uint8Array): string {
  const address = new ipaddr.IPv6(Array.from(canonical));
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String();
}
