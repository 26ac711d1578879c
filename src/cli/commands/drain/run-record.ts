// Collects the figures of a drain. When it ends, even if it fails, writes the --report and --metrics files, sends the metrics, and completes
// its row in the run history.
import { writeOutputFile, type RunFiles } from "../../../config/files.ts";
import type { MetricsPush } from "../../../config/metrics-push.ts";
import type { Queue } from "../../../drain/ports.ts";
import type { DrainReport, StoppedBy } from "../../../drain/report.ts";
import { newCounts, type Counts } from "../../../drain/counts.ts";
import type { Outages } from "../../../drain/outages.ts";
import type { PostgresLoader } from "../../../postgres/load.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import type { MetricsText } from "./metrics.ts";
import type { PushContext } from "./metrics-push.ts";
import { queueOf, UNKNOWN_QUEUE } from "./run-metrics.ts";
import { drainFields, runReportText, type RunRecord } from "./report.ts";

/** A run in progress, which updates these fields. */
export interface Run {
  readonly counts: Counts;
  /** The queue's name, from the settings. */
  queueName: string | undefined;
  /** The table, from the settings. */
  table: string | undefined;
  queue?: Queue;
  /** Set once the drain starts. */
  outages?: Pick<Outages, "waited">;
  /** Set once it is open. It is closed after the end of the run is recorded. */
  loader?: Pick<PostgresLoader, "recordEnd" | "heldReasons" | "close">;
  /** Set if the run stopped before the drain started. */
  stoppedBy?: StoppedBy;
  /** Set when the drain has ended without an error. */
  report?: DrainReport;
}

/** The parts of the context that recording needs. */
export type RecordContext = Pick<
  Context,
  | "log"
  | "clock"
  | "epochNow"
  | "explain"
  | "readFile"
  | "writeFile"
  | "withFileLock"
  | "versions"
  | "runId"
  | "host"
> &
  PushContext;

/** Where a record goes. */
export interface RunOutputs extends RunFiles {
  readonly push: MetricsPush | undefined;
}

/** Time limit for recording the end in Postgres, milliseconds. */
const RECORDING_MS = 3_000;

/**
 * Runs `work`, then writes the files. If a file cannot be written, logs an error; a run that was otherwise successful then ends with exit
 * code 1, and any other run keeps its exit code.
 *
 * @param work resolves to the exit code
 * @throws the errors of `work`, after they are recorded
 */
export async function recordRun(
  outputs: RunOutputs,
  dryRun: boolean,
  context: RecordContext,
  work: (run: Run) => Promise<number>,
): Promise<number> {
  const { clock, epochNow } = context;
  const run: Run = { counts: newCounts(), queueName: undefined, table: undefined };
  const [startedAt, started] = [epochNow(), clock.now()];
  const end = async (exitCode: number, error?: string): Promise<number> => {
    const { report, stoppedBy, counts, queue, outages, loader, queueName, table } = run;
    const figures = report ?? {
      ...counts,
      requests: queue?.requests ?? { receive: 0, delete: 0, other: 0 },
      remaining: undefined,
      stoppedBy,
      durationMs: Math.round(clock.now() - started),
    };
    const { runId, host, versions } = context;
    const identity = { runId, version: versions.fetchEtl, host, queue: queue?.name ?? queueName, table };
    const waitedMs = outages?.waited ?? { sqs: 0, postgres: 0 };
    // Another statement would only wait behind the one that Postgres has not answered.
    const answering = report?.databaseSilent === true ? undefined : loader;
    const finishedAt = epochNow();
    const held =
      hasMetrics(outputs, context) && answering ? await inTime(answering.heldReasons(), clock) : undefined;
    const record = {
      ...figures,
      waitedMs,
      ...identity,
      held,
      dryRun,
      startedAt,
      finishedAt,
      exitCode,
      error,
    };
    const finalCode = await writeFiles(record, outputs, context);
    if (answering !== undefined) await recordEnd(answering, { ...record, exitCode: finalCode }, clock);
    await loader?.close();
    await logEnd({ ...record, exitCode: finalCode }, context);
    return finalCode;
  };
  let exitCode: number;
  try {
    exitCode = await work(run);
  } catch (error) {
    const { code, sentence } = context.explain(error);
    await end(code, sentence);
    throw error;
  }
  return end(exitCode);
}

function hasMetrics({ metrics, push }: RunOutputs, { log }: RecordContext): boolean {
  return metrics !== undefined || push !== undefined || log.format === "emf";
}

/** Undefined after a time limit: a run that has ended must not fail because the database does not answer. */
async function inTime<T>(work: Promise<T>, clock: RecordContext["clock"]): Promise<T | undefined> {
  const done = new AbortController();
  const late = clock.wait(RECORDING_MS, done.signal).then(() => undefined);
  return Promise.race([work, late]).finally(() => {
    done.abort();
  });
}

async function recordEnd(
  loader: NonNullable<Run["loader"]>,
  record: RunRecord,
  clock: RecordContext["clock"],
): Promise<void> {
  const error = record.error?.replaceAll("\n", " ");
  const endedBy = error === undefined ? (record.stoppedBy ?? "failed") : "failed";
  await inTime(loader.recordEnd({ ...record, endedBy, error }), clock);
}

async function logEnd(record: RunRecord, { log, versions }: RecordContext): Promise<void> {
  const fields = { ...drainFields(record, record, record.dryRun), exitCode: record.exitCode };
  if (log.format !== "emf" || record.dryRun) {
    log.event("Drain finished", fields);
    return;
  }
  const { embeddedMetrics } = await import("./emf.ts");
  const queue = queueOf(record) ?? UNKNOWN_QUEUE;
  log.metrics("Drain finished", fields, embeddedMetrics({ ...record, queue }, versions.fetchEtl));
}

/** @returns the exit code, which a failed write can change */
async function writeFiles(
  record: RunRecord,
  { report, metrics, push }: RunOutputs,
  context: RecordContext,
): Promise<number> {
  const { log } = context;
  let exitCode = record.exitCode;
  const attempt = async (write: () => Promise<void>): Promise<boolean> => {
    try {
      await write();
      return true;
    } catch (error) {
      log.error(`${context.explain(error).sentence} Loaded rows stay loaded.`);
      if (exitCode === EXIT.done) exitCode = EXIT.unexpected;
      return false;
    }
  };
  const writeReport = (): Promise<boolean> | undefined =>
    report === undefined
      ? undefined
      : attempt(() =>
          writeOutputFile(context.writeFile, "--report", report, runReportText({ ...record, exitCode })),
        );
  const reported = await writeReport();
  let text: MetricsText | undefined;
  if (metrics !== undefined) {
    const written = await attempt(async () => {
      // Imported on demand, because it loads prom-client.
      const { updateMetrics } = await import("./metrics-file.ts");
      text = await updateMetrics(metrics, { ...record, exitCode }, context);
    });
    // Again, so that it contains the final exit code.
    if (!written && reported === true) await writeReport();
  }
  if (push !== undefined) {
    const { pushMetrics } = await import("./metrics-push.ts");
    await pushMetrics(push, { ...record, exitCode }, text, context);
  }
  return exitCode;
}
