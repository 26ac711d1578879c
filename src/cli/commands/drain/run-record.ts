// Keeps what is known of a drain while it goes on, and puts it on record when it has ended, however that was.
import type { RunFiles } from "../../../config/files.ts";
import type { Queue } from "../../../drain/ports.ts";
import type { DrainReport, StoppedBy } from "../../../drain/report.ts";
import { newCounts, type Counts } from "../../../drain/counts.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { writeOutputFile } from "../../output-file.ts";
import { drainFields } from "./report.ts";
import { runReportText, type RunRecord } from "./run-report.ts";

/** A run under way. What it comes to know it writes here. */
export interface Run {
  readonly counts: Counts;
  /** The queue's name, from the settings. */
  queueName: string | undefined;
  queue?: Queue;
  /** Why it ended before there was a drain. */
  stoppedBy?: StoppedBy;
  /** There once the drain has ended well. */
  report?: DrainReport;
}

/** What putting a run on record takes. */
export type RecordContext = Pick<
  Context,
  "log" | "clock" | "epochNow" | "explain" | "readFile" | "writeFile" | "withFileLock" | "versions"
>;

/**
 * Does the work of a run, and writes the files that were asked for after it. One that cannot be written is told as an error; a run that
 * went well before ends with exit code 1 then, any other as it would have.
 *
 * @param work resolves to the exit code
 * @throws what `work` throws, once it is on record
 */
export async function recordRun(
  files: RunFiles,
  dryRun: boolean,
  context: RecordContext,
  work: (run: Run) => Promise<number>,
): Promise<number> {
  const { clock, epochNow } = context;
  const run: Run = { counts: newCounts(), queueName: undefined };
  const [startedAt, started] = [epochNow(), clock.now()];
  const end = (exitCode: number, error?: string): Promise<number> => {
    const { report, stoppedBy, counts: tally, queue, queueName } = run;
    const figures = report ?? {
      ...tally,
      requests: queue?.requests ?? { receive: 0, delete: 0, other: 0 },
      remaining: undefined,
      stoppedBy,
      durationMs: Math.round(clock.now() - started),
    };
    const finishedAt = epochNow();
    return putOnRecord(
      { ...figures, queue: queue?.name ?? queueName, dryRun, startedAt, finishedAt, exitCode, error },
      files,
      context,
    );
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

/** @returns the exit code, which a file that cannot be written changes */
async function putOnRecord(record: RunRecord, files: RunFiles, context: RecordContext): Promise<number> {
  const exitCode = await writeFiles(record, files, context);
  const { queue, dryRun } = record;
  context.log.event("Drain finished", { ...drainFields(queue, record, dryRun), exitCode });
  return exitCode;
}

async function writeFiles(
  record: RunRecord,
  { report, metrics }: RunFiles,
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
      : attempt(() => writeOutputFile(context, "--report", report, runReportText({ ...record, exitCode })));
  const reported = await writeReport();
  if (metrics === undefined) return exitCode;
  const written = await attempt(async () => {
    // Imported when it is asked for: few runs need what it brings.
    const { updateMetrics } = await import("./metrics-file.ts");
    await updateMetrics(metrics, { ...record, exitCode }, context);
  });
  // So that it tells the exit code that the process ends with.
  if (!written && reported === true) await writeReport();
  return exitCode;
}
