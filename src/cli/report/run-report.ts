// The file of `drain --report`.
import type { RunRecord } from "../run-record.ts";
import { drainFields } from "./drain-report.ts";
import { jsonLine } from "./json.ts";

/** What `drain --json` prints, and when the run was and how it ended, in one line. */
export function runReportText(record: RunRecord): string {
  return jsonLine({
    ...drainFields(record.queue, record, record.dryRun),
    startedAt: new Date(record.startedAt).toISOString(),
    finishedAt: new Date(record.finishedAt).toISOString(),
    exitCode: record.exitCode,
    error: record.error ?? null,
  });
}
