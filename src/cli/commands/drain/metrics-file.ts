// The file of `drain --metrics`: brings it up to date after a run.
import { whyUnreadable, writeOutputFile } from "../../../config/files.ts";
import { systemCode } from "../../../failure.ts";
import type { Context } from "../../context.ts";
import { metricsText, parseMetrics, type EarlierMetrics, type MetricsText } from "./metrics.ts";
import { queueOf, UNKNOWN_QUEUE } from "./run-metrics.ts";
import type { RunRecord } from "./report.ts";

type MetricsContext = Pick<Context, "log" | "readFile" | "writeFile" | "withFileLock" | "versions">;

/**
 * Adds a run to the file, which keeps the counters and the time of the last success between runs. Without a file, counters start at zero;
 * with an unusable file too, with a warning. A file lock serializes runs that end at the same time.
 *
 * @returns what the file contains then
 * @throws {Failure} if the file cannot be written
 */
export async function updateMetrics(
  path: string,
  record: RunRecord,
  context: MetricsContext,
): Promise<MetricsText> {
  return context.withFileLock(path, async () => {
    const known = queueOf(record);
    const earlier = readEarlier(path, known, context);
    const queue = known ?? earlier?.queue ?? UNKNOWN_QUEUE;
    const text = await metricsText({ ...record, queue }, earlier, context.versions.fetchEtl);
    await writeOutputFile(context.writeFile, "--metrics", path, text);
    return { queue, text };
  });
}

function readEarlier(
  path: string,
  queue: string | undefined,
  { log, readFile }: MetricsContext,
): EarlierMetrics | undefined {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    log.warn(`--metrics: the file ${whyUnreadable(error)}. Its counters start at zero.`);
    return undefined;
  }
  const earlier = parseMetrics(text);
  if (earlier === undefined) {
    log.warn(
      "The --metrics file contained something other than fetch-etl metrics; it was replaced, and its counters start at zero.",
    );
    return undefined;
  }
  if (queue === undefined || [queue, UNKNOWN_QUEUE].includes(earlier.queue)) return earlier;
  log.warn(
    `The --metrics file contained the metrics of queue ${earlier.queue} and was replaced. Use a separate file for each queue.`,
  );
  return undefined;
}
