// A run that has ended, and the file of `drain --report`, which tells of it.
import { drainFields, type DrainFigures } from "./report.ts";
import { jsonLine } from "../../json.ts";

/** A run that has ended. */
export interface RunRecord extends DrainFigures {
  /** Undefined where the settings do not tell the queue's name. */
  readonly queue: string | undefined;
  readonly dryRun: boolean;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Epoch milliseconds. */
  readonly finishedAt: number;
  readonly exitCode: number;
  /** What the user is told of a failure, several mistakes a line each; undefined where the run did not fail. */
  readonly error: string | undefined;
}

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
