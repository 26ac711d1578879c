// Reads the URL of `drain --metrics-push`, which may contain a password.
import { settingOf } from "./flag-variables.ts";
import type { Problems } from "./readers.ts";
import { Secret } from "./secret.ts";

const FLAG = "--metrics-push";

export interface MetricsPushFlags {
  readonly metricsPush?: string;
  readonly dryRun?: boolean;
}

/** A Pushgateway, or a server with the same interface. */
export interface MetricsPush {
  /** Host and port, for sentences. */
  readonly host: string;
  /** Without the path of a group, such as `/metrics/job/…`. */
  readonly url: Secret<URL>;
}

/** @returns undefined if no URL is set, and after a mistake, which is added to `problems` */
export function readMetricsPush(
  { metricsPush: text, dryRun }: MetricsPushFlags,
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
  if (!isDecodable(url.username) || !isDecodable(url.password))
    problems.add(
      `${settingOf(FLAG)}: the user or the password is not percent-encoded correctly. Write % as %25.`,
    );
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
