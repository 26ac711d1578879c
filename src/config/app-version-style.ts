// Reads how app versions are stored.
import { APP_VERSION_STYLES, type AppVersionStyle } from "../login/app-version.ts";
import type { Problems } from "./problems.ts";

/** Reads the flag `--app-version`; a mistake is added to `problems`, and reads as `full`. */
export function readAppVersionStyle(text: string | undefined, problems: Problems): AppVersionStyle {
  const style = APP_VERSION_STYLES.find((name) => name === (text ?? "full"));
  if (style === undefined) problems.add(`--app-version must be one of: ${APP_VERSION_STYLES.join(", ")}.`);
  return style ?? "full";
}
