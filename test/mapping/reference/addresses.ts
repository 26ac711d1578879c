// IP addresses as 16 bytes, spelled by RFC 5952, and the networks that hold them.
import { Unreadable } from "./value.ts";

const fail = (): never => {
  throw new Unreadable("not an IP address");
};

/** @throws {Unreadable} if the text is no address, with or without a port, brackets, a zone and blanks around it */
export function addressBytes(text: string): Uint8Array {
  if (text.length > 128) fail();
  const bare = text.trim();
  if (!bare.startsWith("[")) return bytesOf(withoutPort(bare));
  const end = bare.indexOf("]");
  if (end === -1) fail();
  const after = bare.slice(end + 1);
  if (after !== "" && !(after.startsWith(":") && isPort(after.slice(1)))) fail();
  return bytesOf(bare.slice(1, end));
}

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65_535;

/** Without brackets, only an address that ends in dotted decimals has a port. */
function withoutPort(text: string): string {
  const colon = text.lastIndexOf(":");
  const address = text.slice(0, Math.max(colon, 0));
  return /\.\d+$/.test(address) && !address.includes("%") && isPort(text.slice(colon + 1)) ? address : text;
}

function bytesOf(text: string): Uint8Array {
  if (!text.includes(":")) return Uint8Array.from([...Array<number>(10).fill(0), 255, 255, ...quad(text)]);
  const percent = text.indexOf("%");
  if (percent !== -1 && !/^[\w.~%-]+$/.test(text.slice(percent + 1))) fail();
  const halves = (percent === -1 ? text : text.slice(0, percent)).split("::");
  const [before, after] = halves.map((half, nth) => groups(half, nth === halves.length - 1));
  if (before === undefined || halves.length > 2) return fail();
  if (after === undefined) return before.length === 16 ? Uint8Array.from(before) : fail();
  const zeros = 16 - before.length - after.length;
  return zeros >= 2 ? Uint8Array.from([...before, ...Array<number>(zeros).fill(0), ...after]) : fail();
}

function groups(text: string, isLast: boolean): number[] {
  if (text === "") return [];
  const parts = text.split(":");
  return parts.flatMap((part, nth) => {
    if (isLast && nth === parts.length - 1 && part.includes(".")) return quad(part);
    if (!/^[0-9a-f]{1,4}$/i.test(part)) return fail();
    const group = Number.parseInt(part, 16);
    return [group >> 8, group & 255];
  });
}

function quad(text: string): number[] {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) fail();
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : fail();
}

const isMapped = (bytes: Uint8Array): boolean =>
  bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;

export function addressText(bytes: Uint8Array): string {
  if (isMapped(bytes)) return bytes.slice(12).join(".");
  const all: number[] = [];
  for (let at = 0; at < 16; at += 2) all.push((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0));
  let [best, length] = [0, 1];
  for (let start = 0; start < 8; start += 1) {
    let end = start;
    while (end < 8 && all[end] === 0) end += 1;
    if (end - start > length) [best, length] = [start, end - start];
  }
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return length < 2 ? hex(all) : `${hex(all.slice(0, best))}::${hex(all.slice(best + length))}`;
}

/** The network's first address, and the length of its prefix in IPv6 terms. */
export function networkOf(address: Uint8Array, v4: number, v6: number): Uint8Array {
  const prefix = isMapped(address) ? 96 + v4 : v6;
  const bytes = Array.from(address);
  for (let bit = prefix; bit < 128; bit += 1) {
    const at = Math.floor(bit / 8);
    bytes[at] = (bytes[at] ?? 0) & ~(1 << (7 - (bit % 8)));
  }
  return Uint8Array.from([...bytes, prefix]);
}
