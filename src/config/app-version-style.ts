// Reads how app versions are stored.
import { APP_VERSION_STYLES, type AppVersionStyle } from "../login/app-version.ts";
import { oneOf } from "./one-of.ts";
import type { Problems } from "./problems.ts";

/** Reads the flag `--app-version`; a mistake is added to `problems`, and reads as `full`. */
export function readAppVersionStyle(text: string | undefined, problems: Problems): AppVersionStyle {
  return oneOf(text ?? "full", "--app-version", APP_VERSION_STYLES, problems) ?? "full";
}
