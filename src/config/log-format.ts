// Reads the format of the log on stderr.
import { oneOf, type Problems } from "./readers.ts";

/** `emf`: like `json`, with metrics for CloudWatch in the last line of a drain. */
export const LOG_FORMATS = ["text", "json", "emf"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The flags of the log, and of where its settings are read from. */
export interface LogFlags {
  readonly dotenv?: string;
  readonly logFormat?: string;
  readonly debug?: boolean;
  readonly quiet?: boolean;
}

/** A mistake is added to `problems`, and `text` returned. */
export function readLogFormat(
  { logFormat }: LogFlags,
  env: NodeJS.ProcessEnv,
  problems: Problems,
): LogFormat {
  const format = logFormat ?? env["FETCH_ETL_LOG_FORMAT"] ?? "text";
  return oneOf(format, "--log-format", LOG_FORMATS, problems) ?? "text";
}
