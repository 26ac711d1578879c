// The record of a finished run, and the `drain --report` file.
import { drainFields, type DrainFigures } from "./report.ts";
import { jsonLine } from "../../json.ts";

/** A finished run. */
export interface RunRecord extends DrainFigures {
  /** Undefined if the settings do not contain a valid queue name. */
  readonly queue: string | undefined;
  readonly dryRun: boolean;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Epoch milliseconds. */
  readonly finishedAt: number;
  readonly exitCode: number;
  /** The error messages, one per line; undefined if the run did not fail. */
  readonly error: string | undefined;
}

/** The fields of `drain --json` plus times, exit code and error, on one line. */
export function runReportText(record: RunRecord): string {
  return jsonLine({
    ...drainFields(record.queue, record, record.dryRun),
    startedAt: new Date(record.startedAt).toISOString(),
    finishedAt: new Date(record.finishedAt).toISOString(),
    exitCode: record.exitCode,
    error: record.error ?? null,
  });
}
