// A run as Prometheus metrics. Counters continue from the values of the earlier run.
// (https://prometheus.io/docs/practices/naming/, https://prometheus.io/docs/instrumenting/exposition_formats/)
import { Counter, Gauge, Registry } from "prom-client";
import { EXIT } from "../../exit-codes.ts";
import type { EarlierMetrics, Labels } from "./earlier-metrics.ts";
import type { RunRecord } from "./run-report.ts";

/** The label of a queue whose name is unknown. */
export const UNKNOWN_QUEUE = "unknown";

type Sample = readonly [labels: Labels, value: number];

/** @returns Prometheus' text format */
export async function metricsText(
  run: RunRecord & { readonly queue: string },
  earlier: EarlierMetrics | undefined,
  version: string,
): Promise<string> {
  const registry = new Registry();
  const { queue, exitCode, requests, remaining } = run;
  const settingsOf = (name: string, help: string, samples: readonly Sample[]) => ({
    name: `fetch_etl_${name}`,
    help,
    labelNames: ["queue", ...Object.keys(samples[0]?.[0] ?? {})],
    registers: [registry],
  });
  const before = (name: string, labels: Labels): number => earlier?.value(`fetch_etl_${name}`, labels) ?? 0;
  const counter = (name: string, help: string, samples: readonly Sample[]): void => {
    const metric = new Counter(settingsOf(name, help, samples));
    for (const [labels, more] of samples) metric.inc({ queue, ...labels }, before(name, labels) + more);
  };
  const gauge = (name: string, help: string, samples: readonly Sample[]): void => {
    const metric = new Gauge(settingsOf(name, help, samples));
    for (const [labels, value] of samples) metric.set({ queue, ...labels }, value);
  };

  const finished = run.finishedAt / 1000;
  const seconds = run.durationMs / 1000;
  const outcomes: readonly Sample[] = [
    [{ outcome: "loaded" }, run.loaded],
    [{ outcome: "duplicate" }, run.duplicates],
    [{ outcome: "quarantined" }, run.quarantined],
    [{ outcome: "left" }, run.left],
    [{ outcome: "released" }, run.released],
  ];
  counter(
    "runs_total",
    "Runs by exit code.",
    Object.values(EXIT).map((code): Sample => [{ exit_code: String(code) }, code === exitCode ? 1 : 0]),
  );
  counter("run_seconds_total", "Total duration of runs.", [[{}, seconds]]);
  counter("messages_received_total", "Messages received from SQS, including redeliveries.", [
    [{}, run.received],
  ]);
  counter("messages_total", "Messages by outcome.", outcomes);
  counter("messages_deleted_total", "Messages deleted from the queue.", [[{}, run.deleted]]);
  counter("sqs_requests_total", "SQS requests, including retries.", [
    [{ operation: "receive" }, requests.receive],
    [{ operation: "delete" }, requests.delete],
    [{ operation: "other" }, requests.other],
  ]);
  gauge("last_run_timestamp_seconds", "When the last run ended.", [[{}, finished]]);
  gauge("last_success_timestamp_seconds", "When the last run with exit code 0 ended; 0 if there was none.", [
    [{}, exitCode === EXIT.done ? finished : before("last_success_timestamp_seconds", {})],
  ]);
  gauge("last_run_exit_code", "Exit code of the last run.", [[{}, exitCode]]);
  gauge("last_run_duration_seconds", "Duration of the last run.", [[{}, seconds]]);
  gauge("last_run_messages", "Messages of the last run by outcome.", outcomes);
  if (remaining !== undefined) {
    gauge("queue_messages", "Messages in the queue at the end of the last run, as SQS counts them.", [
      [{ state: "visible" }, remaining.visible],
      [{ state: "in_flight" }, remaining.inFlight],
      [{ state: "delayed" }, remaining.delayed],
    ]);
  }
  gauge("build_info", "Version of the last run; the value is always 1.", [[{ version }, 1]]);
  return registry.metrics();
}
