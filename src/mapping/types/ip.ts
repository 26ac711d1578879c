// Pure: the type `ip`, an address of IPv4 or IPv6.
import { canonicalIp, spellIp } from "../../masking/canonical.ts";
import type { ColumnType } from "../column-type.ts";
import { Invalid, type Json } from "../mapping.ts";

function bytes(value: Json): Uint8Array | Invalid {
  if (typeof value !== "string") return new Invalid("not a string");
  return canonicalIp(value) ?? new Invalid("not an IP address");
}

export const IP: ColumnType = {
  name: "ip",
  sqlType: "pg_catalog.inet",
  accepted: ["inet"],
  hasRange: false,
  text: () => (value) => {
    const canonical = bytes(value);
    return canonical instanceof Invalid ? canonical : spellIp(canonical);
  },
  masking: { bytes: () => bytes, spell: spellIp },
};
