// Pure: an app version as the one integer that the table holds.

/** Major, minor and patch; a part that is not given is 0. */
export interface AppVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** `full` stores major·1,000,000 + minor·1,000 + patch, `major` the major part alone. */
export type AppVersionStyle = "full" | "major";

export const APP_VERSION_STYLES = ["full", "major"] as const satisfies readonly AppVersionStyle[];

/** The largest value of Postgres's `integer`. */
const MAX_INTEGER = 2_147_483_647;
const MAX_MINOR_OR_PATCH = 999;

/**
 * Reads one to three numeric parts (`2.3.0`, `0.96`, `6.02`) or an integer.
 * `2.3` and `2.3.0` are one version; leading zeros mean nothing.
 *
 * @returns the version, or why it is none, without quoting it
 */
export function parseAppVersion(value: string | number): AppVersion | "not a version" | "out of range" {
  // As a number, 2.10 is 2.1: the text that it was written as is gone.
  if (typeof value === "number" && !Number.isInteger(value)) return "not a version";
  const text = typeof value === "number" ? value.toFixed(0) : value;
  if (!/^\d+(\.\d+){0,2}$/.test(text)) return "not a version";
  const [major = 0, minor = 0, patch = 0] = text.split(".").map(Number);
  const version = { major, minor, patch };
  if (minor > MAX_MINOR_OR_PATCH || patch > MAX_MINOR_OR_PATCH) return "out of range";
  return storedVersion(version, "full") > MAX_INTEGER ? "out of range" : version;
}

/** The integer that is stored. In style `full` it sorts as versions do, and no two versions collide. */
export function storedVersion({ major, minor, patch }: AppVersion, style: AppVersionStyle): number {
  return style === "major" ? major : major * 1_000_000 + minor * 1_000 + patch;
}

/**
 * The inverse of {@link storedVersion}: the version that an integer stands for, such as `2.3.1`; in style `major` its major part.
 * An integer that no version is stored as, a negative one, is given as it is.
 */
export function versionText(stored: number, style: AppVersionStyle): string {
  if (style === "major" || stored < 0) return String(stored);
  return [stored / 1_000_000, (stored / 1_000) % 1_000, stored % 1_000].map(Math.floor).join(".");
}
