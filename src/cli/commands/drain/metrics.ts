// Pure: the metrics of a run in Prometheus' text format, and those of earlier runs, from whose values the counters continue.
// (https://prometheus.io/docs/practices/naming/, https://prometheus.io/docs/instrumenting/exposition_formats/)
import { Counter, Gauge, Registry } from "prom-client";
import { HELD, metricsOf, type Labels, type Sample } from "./run-metrics.ts";
import type { RunRecord } from "./report.ts";

/** The metrics of earlier runs. */
export interface EarlierMetrics {
  readonly queue: string;
  /** A sample's value, by the metric's full name and its labels other than `queue`; 0 if there is none. */
  value(name: string, labels: Labels): number;
  /** All samples of a metric, without the label `queue`. */
  samples(name: string): readonly Sample[];
}

/** All metrics of a queue in Prometheus' text format. */
export interface MetricsText {
  /** The label that every metric has. */
  readonly queue: string;
  readonly text: string;
}

/** @returns Prometheus' text format */
export async function metricsText(
  run: RunRecord & { readonly queue: string },
  earlier: EarlierMetrics | undefined,
  version: string,
): Promise<string> {
  const registry = new Registry();
  const { queue } = run;
  const before = {
    lastSuccess: earlier?.value("fetch_etl_last_success_timestamp_seconds", {}) ?? 0,
    held: earlier?.samples(HELD) ?? [],
  };
  for (const { name, type, help, samples } of metricsOf(run, before, version)) {
    const labelNames = ["queue", ...Object.keys(samples[0]?.[0] ?? {})];
    const settings = { name, help, labelNames, registers: [registry] };
    if (type === "gauge") {
      const metric = new Gauge(settings);
      for (const [labels, value] of samples) metric.set({ queue, ...labels }, value);
    } else {
      const metric = new Counter(settings);
      for (const [labels, value] of samples)
        metric.inc({ queue, ...labels }, (earlier?.value(name, labels) ?? 0) + value);
    }
  }
  return registry.metrics();
}

const COMMENT = /^# (HELP|TYPE) fetch_etl_\w+ /;
/** A label, with `\\`, `\"` and `\n` in its value. */
const LABEL = /(?:^|,)((\w+)="((?:[^"\\]|\\.)*)")/g;
const SAMPLE =
  /^(?<name>fetch_etl_\w+)\{(?<labels>(?:\w+="(?:[^"\\]|\\.)*"(?:,(?=\w)|(?=\})))+)\} (?<value>\d\S*)$/;

/**
 * The metrics of one group among all that a Pushgateway returns, which adds the labels of the grouping key and an empty `instance`.
 *
 * @returns undefined if there are none
 */
export function parseGroup(text: string, group: Labels): EarlierMetrics | undefined {
  const key = Object.entries(group).map(([name, value]) => `${name}="${value}"`);
  const lines = text.split("\n").flatMap((line) => {
    const { name = "", labels = "", value = "" } = SAMPLE.exec(line)?.groups ?? {};
    const all = Array.from(labels.matchAll(LABEL), ([, label = ""]) => label).filter(
      (label) => label !== 'instance=""',
    );
    if (!key.every((label) => all.includes(label))) return [];
    const own = all.filter((label) => label.startsWith("queue=") || !key.includes(label));
    return [`${name}{${own.join(",")}} ${value}`];
  });
  return parseMetrics(lines.join("\n"));
}

/** @returns undefined if a line has another format than {@link metricsText} writes, or the lines belong to several queues */
export function parseMetrics(text: string): EarlierMetrics | undefined {
  const values = new Map<string, number>();
  const samples = new Map<string, Sample[]>();
  const queues = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "" || COMMENT.test(line)) continue;
    const { name = "", labels = "", value = "" } = SAMPLE.exec(line)?.groups ?? {};
    const number = Number(value);
    if (value === "" || !Number.isFinite(number)) return undefined;
    const read: Record<string, string> = {};
    for (const [, , key = "", escaped = ""] of labels.matchAll(LABEL)) {
      const content = escaped.replace(/\\(.)/g, (_, character: string) =>
        character === "n" ? "\n" : character,
      );
      if (key === "queue") queues.add(content);
      else read[key] = content;
    }
    values.set(keyOf(name, read), number);
    samples.set(name, [...(samples.get(name) ?? []), [read, number]]);
  }
  const [queue, ...others] = queues;
  if (queue === undefined || others.length > 0) return undefined;
  return {
    queue,
    value: (name, labels) => values.get(keyOf(name, labels)) ?? 0,
    samples: (name) => samples.get(name) ?? [],
  };
}

function keyOf(name: string, labels: Labels): string {
  return JSON.stringify([name, ...Object.entries(labels).toSorted()]);
}
