// Pure: converts a run to metrics for Prometheus and CloudWatch.
import { queueNameToShow } from "../../../config/queue.ts";
import { EXIT } from "../../exit-codes.ts";
import type { ReasonCount } from "../../../drain/counts.ts";
import { printable } from "../../terminal/style.ts";
import { invalidValues, type RunRecord } from "./report.ts";

/** The value of the label or dimension `queue` for a queue whose name is unknown. */
export const UNKNOWN_QUEUE = "unknown";

/** The value of that label; undefined if the name is unknown or invalid. */
export function queueOf({ queue }: Pick<RunRecord, "queue">): string | undefined {
  return queue === undefined ? undefined : queueNameToShow(queue);
}

export type Labels = Readonly<Record<string, string>>;

export type Sample = readonly [labels: Labels, value: number];

export interface Metric {
  /** Includes `fetch_etl_`. */
  readonly name: string;
  /** A counter's samples are for this run only; the values of earlier runs are added to them. */
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly Sample[];
  /** CloudWatch's unit; undefined for metrics that CloudWatch does not get, because it has the time itself, or can compute them from others. */
  readonly unit?: "Count" | "Seconds" | "None";
  /** CloudWatch gets the sum of the samples, because their labels are texts. */
  readonly isSum?: true;
}

/** What the metrics of earlier runs say. */
export interface Earlier {
  /** When the last run with exit code 0 ended, epoch seconds; 0 if there was none. */
  readonly lastSuccess: number;
  /** The samples of {@link HELD}. */
  readonly held: readonly Sample[];
}

/** No earlier runs. */
export const NO_EARLIER: Earlier = { lastSuccess: 0, held: [] };

/** Messages in the quarantine. */
export const HELD = "fetch_etl_quarantine_held";
/** Reasons that have a sample of their own. */
const MOST_REASONS = 10;
/** Maximum length of a reason, in characters. */
const LONGEST_REASON = 100;

/**
 * @param earlier what a run cannot know that failed before it could look
 * @param version of fetch-etl
 */
export function metricsOf(run: RunRecord, earlier: Earlier, version: string): readonly Metric[] {
  const { exitCode, requests, remaining } = run;
  const finished = run.finishedAt / 1000;
  const seconds = run.durationMs / 1000;
  const one = (value: number): readonly Sample[] => [[{}, value]];
  const each = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
    Object.entries(values).map(([key, value]) => [{ [label]: key }, value]);
  const outcomes = each("outcome", {
    loaded: run.loaded,
    duplicate: run.duplicates,
    quarantined: run.quarantined,
    skipped: run.skipped,
    left: run.left,
    released: run.released,
  });
  const counter = (name: string, help: string, samples: readonly Sample[], unit?: "Count"): Metric => ({
    ...{ name: `fetch_etl_${name}`, type: "counter", help, samples },
    ...(unit === undefined ? {} : { unit }),
  });
  const gauge = (name: string, help: string, samples: readonly Sample[], unit?: Metric["unit"]): Metric => ({
    ...{ name: `fetch_etl_${name}`, type: "gauge", help, samples },
    ...(unit === undefined ? {} : { unit }),
  });
  return [
    counter(
      "runs_total",
      "Runs by exit code.",
      Object.values(EXIT).map((code): Sample => [{ exit_code: String(code) }, code === exitCode ? 1 : 0]),
    ),
    counter("run_seconds_total", "Total duration of runs.", one(seconds)),
    counter(
      "messages_received_total",
      "Messages received from SQS, including redeliveries.",
      one(run.received),
      "Count",
    ),
    counter("messages_total", "Messages by outcome.", outcomes),
    counter("messages_deleted_total", "Messages deleted from the queue.", one(run.deleted), "Count"),
    counter(
      "invalid_values_total",
      "Values that could not be read and were stored as NULL.",
      one(invalidValues(run)),
      "Count",
    ),
    counter(
      "sqs_requests_total",
      "SQS requests, including retries.",
      each("operation", { receive: requests.receive, delete: requests.delete, other: requests.other }),
      "Count",
    ),
    gauge("last_run_timestamp_seconds", "When the last run ended.", one(finished)),
    gauge(
      "last_success_timestamp_seconds",
      "When the last run with exit code 0 ended; 0 if there was none.",
      one(exitCode === EXIT.done ? finished : earlier.lastSuccess),
    ),
    gauge("last_run_exit_code", "Exit code of the last run.", one(exitCode), "None"),
    gauge("last_run_duration_seconds", "Duration of the last run.", one(seconds), "Seconds"),
    gauge("last_run_messages", "Messages of the last run by outcome.", outcomes, "Count"),
    ...(remaining === undefined
      ? []
      : [
          gauge(
            "queue_messages",
            "Messages in the queue at the end of the last run, as SQS counts them.",
            each("state", {
              visible: remaining.visible,
              in_flight: remaining.inFlight,
              delayed: remaining.delayed,
            }),
            "Count",
          ),
        ]),
    {
      ...{ name: HELD, type: "gauge", unit: "Count", isSum: true },
      help: "Messages in the quarantine that are not replayed, by reason; a message with two reasons counts for both.",
      samples: run.held === undefined ? earlier.held : heldSamples(run.held),
    },
    gauge("build_info", "Version of the last run; the value is always 1.", [[{ version }, 1]]),
  ];
}

/** The most frequent reasons, and the sum of the others. A label has few values, because each is a time series. */
function heldSamples(held: readonly ReasonCount[]): readonly Sample[] {
  const byLabel = new Map<string, number>();
  for (const { reason, count } of held) {
    const shown = Array.from(printable(reason)).slice(0, LONGEST_REASON).join("");
    const label = byLabel.has(shown) || byLabel.size < MOST_REASONS ? shown : "other";
    byLabel.set(label, (byLabel.get(label) ?? 0) + count);
  }
  return [...byLabel].map(([reason, count]) => [{ reason }, count]);
}
