// Pure: a run as Prometheus metrics, and the metrics of the earlier run, from whose values the counters continue.
// (https://prometheus.io/docs/practices/naming/, https://prometheus.io/docs/instrumenting/exposition_formats/)
import { Counter, Gauge, Registry } from "prom-client";
import { EXIT } from "../../exit-codes.ts";
import { invalidValues, type RunRecord } from "./report.ts";

/** The label of a queue whose name is unknown. */
export const UNKNOWN_QUEUE = "unknown";

/** The content of an earlier run's file. */
export interface EarlierMetrics {
  readonly queue: string;
  /** A sample's value, by the metric's full name and its labels other than `queue`; 0 if there is none. */
  value(name: string, labels: Labels): number;
}

type Labels = Readonly<Record<string, string>>;

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
    [{ outcome: "skipped" }, run.skipped],
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
  counter("invalid_values_total", "Values that could not be read and were stored as NULL.", [
    [{}, invalidValues(run)],
  ]);
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

const COMMENT = /^# (HELP|TYPE) fetch_etl_\w+ /;
const SAMPLE = /^(?<name>fetch_etl_\w+)\{(?<labels>[^{}]*)\} (?<value>\d\S*)$/;
const LABEL = /^(\w+)="([^"\\]*)"$/;

/** @returns undefined if a line has another format than {@link metricsText} writes, or the lines belong to several queues */
export function parseMetrics(text: string): EarlierMetrics | undefined {
  const values = new Map<string, number>();
  const queues = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "" || COMMENT.test(line)) continue;
    const { name = "", labels = "", value = "" } = SAMPLE.exec(line)?.groups ?? {};
    const pairs = labels.split(",").map((label) => LABEL.exec(label));
    const number = Number(value);
    if (value === "" || !Number.isFinite(number)) return undefined;
    const read: Record<string, string> = {};
    for (const pair of pairs) {
      const [, key, content] = pair ?? [];
      if (key === undefined || content === undefined) return undefined;
      if (key === "queue") queues.add(content);
      else read[key] = content;
    }
    values.set(keyOf(name, read), number);
  }
  const [queue, ...others] = queues;
  if (queue === undefined || others.length > 0) return undefined;
  return { queue, value: (name, labels) => values.get(keyOf(name, labels)) ?? 0 };
}

function keyOf(name: string, labels: Labels): string {
  return JSON.stringify([name, ...Object.entries(labels).toSorted()]);
}
