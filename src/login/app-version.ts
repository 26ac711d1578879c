// Pure: encodes an app version as one integer for the table.

/** `full` stores major·1,000,000 + minor·1,000 + patch, `major` only the major part. */
export type AppVersionStyle = "full" | "major";

export const APP_VERSION_STYLES = ["full", "major"] as const satisfies readonly AppVersionStyle[];

/** The largest value of Postgres's `integer`. */
const MAX_INTEGER = 2_147_483_647;
const MAX_MINOR_OR_PATCH = 999;

/** Maximum length, characters. SemVer has no limit; this is node-semver's. */
const MAX_LENGTH = 256;

/** A leading `v`, one to three numbers, and the build metadata of SemVer 2.0.0, section 10. */
const VERSION = /^v?(\d+)(?:\.(\d+)(?:\.(\d+))?)?(?:\+[\da-z-]+(?:\.[\da-z-]+)*)?$/i;

/**
 * Encodes a version of one to three numeric parts (`2.3.0`, `0.96`, `v6.02`), or an integer. In style `full` the integers sort as the
 * versions do and are unique: `2.3` equals `2.3.0`; leading zeros and build metadata (`+17`) are ignored. In style `major` only the major
 * part must be in range.
 *
 * @returns the integer, or the reason for rejecting the value
 */
export function readAppVersion(
  value: string | number,
  style: AppVersionStyle,
): number | "not a version" | "out of range" {
  // A JSON number loses the difference between 2.10 and 2.1.
  if (typeof value === "number" && !Number.isInteger(value)) return "not a version";
  const text = typeof value === "number" ? value.toFixed(0) : value;
  if (text.length > MAX_LENGTH) return "not a version";
  const [read, major = "0", minor = "0", patch = "0"] = VERSION.exec(text) ?? [];
  if (read === undefined) return "not a version";
  if (style === "major") return Number(major) > MAX_INTEGER ? "out of range" : Number(major);
  const stored = Number(major) * 1_000_000 + Number(minor) * 1_000 + Number(patch);
  const isInRange =
    Number(minor) <= MAX_MINOR_OR_PATCH && Number(patch) <= MAX_MINOR_OR_PATCH && stored <= MAX_INTEGER;
  return isInRange ? stored : "out of range";
}

/**
 * The inverse of {@link readAppVersion}: the version of a stored integer, such as `2.3.1`; in style `major` the major part. Negative
 * integers, which no version has, are returned as text.
 */
export function versionText(stored: number, style: AppVersionStyle): string {
  if (style === "major" || stored < 0) return String(stored);
  return [stored / 1_000_000, (stored / 1_000) % 1_000, stored % 1_000].map(Math.floor).join(".");
}
