// Pure: an app version as the one integer that the table holds.

/** `full` stores major·1,000,000 + minor·1,000 + patch, `major` the major part alone. */
export type AppVersionStyle = "full" | "major";

export const APP_VERSION_STYLES = ["full", "major"] as const satisfies readonly AppVersionStyle[];

/** The largest value of Postgres's `integer`. */
const MAX_INTEGER = 2_147_483_647;
const MAX_MINOR_OR_PATCH = 999;

/** Longer texts are not read. SemVer has no limit of its own; node-semver has this one. */
const MAX_LENGTH = 256;

/** A leading `v`, one to three numbers, and the build metadata of SemVer 2.0.0, section 10. */
const VERSION = /^v?(\d+)(?:\.(\d+)(?:\.(\d+))?)?(?:\+[\da-z-]+(?:\.[\da-z-]+)*)?$/i;

/**
 * Reads one to three numeric parts (`2.3.0`, `0.96`, `v6.02`) or an integer, as the integer that is stored. In style `full` it sorts as
 * versions do, and no two versions collide: `2.3` and `2.3.0` are one version, leading zeros and build metadata (`+17`) mean nothing.
 * In style `major` only the major part has to fit.
 *
 * @returns the integer, or why there is none, without quoting the value
 */
export function readAppVersion(
  value: string | number,
  style: AppVersionStyle,
): number | "not a version" | "out of range" {
  // As a number, 2.10 is 2.1: the text that it was written as is gone.
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
 * The inverse of {@link readAppVersion}: the version that an integer stands for, such as `2.3.1`; in style `major` its major part.
 * An integer that no version is stored as, a negative one, is given as it is.
 */
export function versionText(stored: number, style: AppVersionStyle): string {
  if (style === "major" || stored < 0) return String(stored);
  return [stored / 1_000_000, (stored / 1_000) % 1_000, stored % 1_000].map(Math.floor).join(".");
}
