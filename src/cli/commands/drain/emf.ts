// Pure: converts a run to CloudWatch metrics in a log line (embedded metric format).
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html)
import type { EmbeddedMetrics } from "../../log/log.ts";
import { metricsOf, NO_EARLIER } from "./run-metrics.ts";
import type { RunRecord } from "./report.ts";

const NAMESPACE = "fetch-etl";

/**
 * The members to add to the log line: `_aws`, the dimension `queue`, and a number for each metric. Counters contain only the values of this
 * run, which CloudWatch adds up. A metric with a label becomes one metric per label value, such as `fetch_etl_queue_messages_visible`,
 * because a line can have only one value per dimension.
 */
export function embeddedMetrics(
  run: RunRecord & { readonly queue: string },
  version: string,
): EmbeddedMetrics {
  const metrics = metricsOf(run, NO_EARLIER, version).flatMap(({ name, unit, isSum, samples }) => {
    if (unit === undefined) return [];
    if (isSum === true) {
      // Without a count, no samples mean that the sum is unknown.
      return run.held === undefined
        ? []
        : [{ name, unit, value: samples.reduce((sum, [, value]) => sum + value, 0) }];
    }
    return samples.map(([labels, value]) => ({
      name: [name, ...Object.values(labels)].join("_"),
      unit,
      value,
    }));
  });
  return {
    _aws: {
      Timestamp: run.finishedAt,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [["queue"]],
          Metrics: metrics.map(({ name, unit }) => ({ Name: name, Unit: unit })),
        },
      ],
    },
    queue: run.queue,
    ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
  };
}
