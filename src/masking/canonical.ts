// Pure: brings a personal value into the one form of bytes that is masked, so that equal values give equal tokens.
import ipaddr from "ipaddr.js";

/** IPv4 in the four decimal parts of RFC 6943, section 3.1.1: no octal, no hexadecimal, nothing left out. */
const IPV4 = /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/;
/** RFC 4291, section 2.5.5.2: 80 bits of zero and 16 of one, before the 32 of the IPv4 address. */
const IPV4_MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const IPV6 = /^[0-9a-f:]*:[0-9a-f:.]*$/i;

/**
 * The 16 bytes of an IP address; IPv4 as IPv4-mapped IPv6, `::ffff:a.b.c.d` (RFC 4291, section 2.5.5.2).
 * Every spelling of an address that RFC 4291, section 2.2, allows gives the same bytes.
 *
 * @returns undefined when the text is no IP address; a zone (`%eth0`) or a prefix length makes it none
 */
export function canonicalIp(text: string): Uint8Array | undefined {
  if (IPV4.test(text)) {
    if (!ipaddr.IPv4.isValid(text)) return undefined;
    return Uint8Array.from([...IPV4_MAPPED, ...ipaddr.IPv4.parse(text).toByteArray()]);
  }
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

/** A device id's exact UTF-8 bytes. The text must be well formed (no lone surrogate). */
export function canonicalDeviceId(text: string): Uint8Array {
  return Buffer.from(text);
}
