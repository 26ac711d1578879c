// Reads the URL of `drain --metrics-push`, which may contain a password.
import { variableOf, settingOf } from "./flag-variables.ts";
import type { Problems } from "./readers.ts";
import { Secret } from "./secret.ts";

const FLAG = "--metrics-push";
const VARIABLE = variableOf(FLAG) ?? "";

export interface MetricsPushFlags {
  readonly metricsPush?: string;
  readonly dryRun?: boolean;
}

/** A Pushgateway, or a server with the same interface. */
export interface MetricsPush {
  /** Host and port, for sentences. */
  readonly host: string;
  /** Without the part of a group, such as `/metrics/job/…`. */
  readonly url: Secret<URL>;
}

/**
 * @param env to find out whether the URL is from the variable: only that one may contain a password
 * @returns undefined if no URL is set, and after a mistake, which is added to `problems`
 */
export function readMetricsPush(
  { metricsPush: text, dryRun }: MetricsPushFlags,
  env: NodeJS.ProcessEnv,
  problems: Problems,
): MetricsPush | undefined {
  if (text === undefined) return undefined;
  if (dryRun === true)
    problems.add(`${FLAG} cannot be used with --dry-run, which would be counted as a real run.`);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    problems.add(`${settingOf(FLAG)} is not a URL. Write it as http://pushgateway:9091.`);
    return undefined;
  }
  if (url.pathname.includes("/metrics/job/")) {
    problems.add(`${settingOf(FLAG)} takes the URL without /metrics/job/…, which fetch-etl adds.`);
  }
  if ((url.username !== "" || url.password !== "") && env[VARIABLE] !== text) {
    problems.add(
      `${FLAG} must not contain a user or a password, which other users could see in the process list. Set ${VARIABLE} instead.`,
    );
  }
  if (!isDecodable(url.username) || !isDecodable(url.password))
    problems.add(`${VARIABLE}: the user or the password is not percent-encoded correctly. Write % as %25.`);
  return { host: url.host, url: new Secret(url) };
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
