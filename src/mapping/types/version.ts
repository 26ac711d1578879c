// Pure: the type `version`, and what `version_major` has in common with it: an app version as one integer.
import type { ColumnType } from "../column-type.ts";
import { Invalid, LongNumber, type Json } from "../mapping.ts";

/** The largest value of Postgres's `integer`. */
const MAX_INTEGER = 2_147_483_647;
const MAX_MINOR_OR_PATCH = 999;

/** Maximum length, characters. SemVer has no limit; this is node-semver's. */
const MAX_LENGTH = 256;

/** A leading `v`, one to three numbers, and the build metadata of SemVer 2.0.0, section 10. */
const FORM = /^v?(\d+)(?:\.(\d+)(?:\.(\d+))?)?(?:\+[\da-z-]+(?:\.[\da-z-]+)*)?$/i;

/** The encoding of a version's parts; undefined if it does not fit into an `integer`. */
type Encoding = (major: number, minor: number, patch: number) => number | undefined;

/** The form of both types. */
export function versionType(name: "version" | "version_major", encode: Encoding): ColumnType {
  const read = (value: Json): string | Invalid => {
    const text = versionText(value);
    if (text === undefined || text.length > MAX_LENGTH) return new Invalid("not a version");
    const [found, major = "0", minor = "0", patch = "0"] = FORM.exec(text) ?? [];
    if (found === undefined) return new Invalid("not a version");
    const stored = encode(Number(major), Number(minor), Number(patch));
    return stored === undefined || stored > MAX_INTEGER ? new Invalid("out of range") : String(stored);
  };
  return { name, sqlType: "integer", accepted: ["integer", "bigint"], hasRange: false, text: () => read };
}

/** The text of a version. A JSON number must be an integer: as a number, 2.10 is 2.1. */
function versionText(value: Json): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return Number.isInteger(value) ? value.toFixed(0) : undefined;
  return value instanceof LongNumber && !value.text.includes(".") ? value.text : undefined;
}

/**
 * One to three numeric parts (`2.3.0`, `0.96`, `v6.02`) as major·1,000,000 + minor·1,000 + patch: the integers sort as the versions do, and
 * are unique. `2.3` equals `2.3.0`; leading zeros and build metadata (`+17`) are ignored.
 */
export const VERSION = versionType("version", (major, minor, patch) =>
  minor > MAX_MINOR_OR_PATCH || patch > MAX_MINOR_OR_PATCH
    ? undefined
    : major * 1_000_000 + minor * 1_000 + patch,
);

/** The version that is stored as the integer, such as `2.3.1`. Negative integers, which no version has, are returned as text. */
export function spellVersion(stored: number): string {
  if (stored < 0) return String(stored);
  return [stored / 1_000_000, (stored / 1_000) % 1_000, stored % 1_000].map(Math.floor).join(".");
}
