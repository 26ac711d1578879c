// Pure: the type `version_major`: the major part of an app version.
import { versionType } from "./version.ts";

/** Only the major part must be in range. */
export const VERSION_MAJOR = versionType("version_major", (major) => major);
