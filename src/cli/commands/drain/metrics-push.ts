// Sends the metrics of a run to a Pushgateway. (https://github.com/prometheus/pushgateway#api)
import type { MetricsPush } from "../../../config/metrics-push.ts";
import { Failure, systemCode } from "../../../failure.ts";
import type { Context, HttpAnswer, Services } from "../../context.ts";
import { metricsText, parseGroup, type EarlierMetrics, type MetricsText } from "./metrics.ts";
import { queueOf, UNKNOWN_QUEUE } from "./run-metrics.ts";
import type { RunRecord } from "./report.ts";

export type PushContext = Pick<Context, "log" | "clock" | "versions"> & {
  readonly services: Pick<Services, "sendHttp">;
};

/** The grouping key, besides `queue`. */
const JOB = "fetch-etl";
/** For both requests together, milliseconds. */
const TIME_LIMIT_MS = 10_000;

/**
 * Replaces the metrics of the group `job="fetch-etl", queue="…"`. Never throws, because a run must not fail because of its metrics.
 * Instead, logs a warning with the server's host and a code.
 *
 * @param ofFile what the metrics file contains now; undefined without a file: the counters then continue from the gateway's values
 */
export async function pushMetrics(
  { host, url }: MetricsPush,
  record: RunRecord,
  ofFile: MetricsText | undefined,
  { log, clock, versions, services }: PushContext,
): Promise<void> {
  const deadline = clock.now() + TIME_LIMIT_MS;
  const send = (method: "GET" | "PUT", path: string, body?: string): Promise<HttpAnswer> =>
    services.sendHttp({ method, url: below(url.reveal(), path), body, timeoutMs: deadline - clock.now() });
  const earlier = async (queue: string): Promise<EarlierMetrics | undefined> => {
    const { status, text } = await send("GET", "/metrics");
    if (isDone(status)) return parseGroup(text, { job: JOB, queue });
    if (status !== 404)
      log.warn(
        `--metrics-push: ${host} did not return its metrics (HTTP ${status}). The counters start at zero.`,
      );
    return undefined;
  };
  const ofGateway = async (): Promise<MetricsText> => {
    const queue = queueOf(record) ?? UNKNOWN_QUEUE;
    return { queue, text: await metricsText({ ...record, queue }, await earlier(queue), versions.fetchEtl) };
  };
  try {
    const { queue, text } = ofFile ?? (await ofGateway());
    // No character of a queue name requires a base64-encoded grouping key.
    const { status } = await send("PUT", `/metrics/job/${JOB}/queue/${encodeURIComponent(queue)}`, text);
    if (!isDone(status)) log.warn(notSent(host, `HTTP ${status}`));
  } catch (error) {
    log.warn(error instanceof Failure ? error.message : notSent(host, systemCode(error) ?? "unknown"));
  }
}

function isDone(status: number): boolean {
  return status >= 200 && status < 300;
}

function notSent(host: string, code: string): string {
  return `--metrics-push: the metrics could not be sent to ${host} (${code}). Check the URL, and that the server is running. The exit code does not change.`;
}

/** Keeps the query, which may name an account or labels to add. */
function below(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = url.pathname.replace(/\/$/, "") + path;
  url.hash = "";
  return url;
}
