// Pure: what a masked column's token is made of.
import { spellIp } from "../masking/canonical.ts";
import type { Masking, Reader } from "./column-type.ts";
import { Invalid, TYPES, type Column, type MaskedType } from "./mapping.ts";
import { COLUMN_TYPES } from "./types.ts";

export interface ColumnMask {
  readonly type: MaskedType;
  /** Names the key: see `fieldKey`. */
  readonly keyName: string;
  /** Canonical bytes of a value that is not null. */
  readonly bytes: Reader<Uint8Array>;
}

/**
 * The mask of a column; undefined if the column has none.
 *
 * @throws if values of the column's type cannot be masked, which is a mistake of the mapping
 */
export function columnMask(column: Column): ColumnMask | undefined {
  const { mask, type } = column;
  if (mask === undefined) return undefined;
  const { masking } = COLUMN_TYPES[type];
  if (masking === undefined) throw new TypeError(`values of type ${type} cannot be masked`);
  const bytes = masking.bytes(column);
  if (mask.kind === "token") return { type, keyName: mask.field, bytes };
  return {
    type: "network",
    keyName: `network/${mask.field}`,
    bytes: (value) => {
      const address = bytes(value);
      return address instanceof Invalid ? address : networkBytes(address, mask.v4, mask.v6);
    },
  };
}

/**
 * How canonical bytes of a type are spelled.
 *
 * @param type possibly altered
 * @returns undefined if values of the type are not masked
 */
export function spellingOf(type: string): Masking["spell"] | undefined {
  if (type === "network") return spellNetwork;
  const name = TYPES.find((each) => each === type);
  return name === undefined ? undefined : COLUMN_TYPES[name].masking?.spell;
}

/** The bits before those of an IPv4 address in an IPv4-mapped one (RFC 4291, section 2.5.5.2). */
const IPV4_PREFIX = 96;

/**
 * The network of an address: the 16 bytes of its first address, and the prefix length as one byte, for IPv4 that of the IPv4-mapped
 * addresses.
 *
 * @param address an address's canonical bytes
 * @param v4 prefix length of IPv4, 0 to 32
 * @param v6 prefix length of IPv6, 0 to 128
 */
export function networkBytes(address: Uint8Array, v4: number, v6: number): Uint8Array {
  const prefix = isIpv4(address) ? IPV4_PREFIX + v4 : v6;
  const network = address.map(
    (byte, index) => byte & (0xff00 >> Math.min(Math.max(prefix - index * 8, 0), 8)),
  );
  return Uint8Array.of(...network, prefix);
}

/** The network of {@link networkBytes}, such as `192.0.2.0/24`. */
export function spellNetwork(canonical: Uint8Array): string {
  const address = canonical.subarray(0, 16);
  const prefix = canonical[16] ?? 0;
  return `${spellIp(address)}/${isIpv4(address) ? prefix - IPV4_PREFIX : prefix}`;
}

function isIpv4(address: Uint8Array): boolean {
  return address.subarray(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 0xff));
}
