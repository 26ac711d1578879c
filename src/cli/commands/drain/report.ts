// What `drain` tells at its end.
import type { DrainReport, StoppedBy } from "../../../drain/report.ts";
import type { QueueDepth, RequestCounts } from "../../../drain/ports.ts";
import { settledOf, type Counts } from "../../../drain/counts.ts";
import type { Context } from "../../context.ts";
import { writeJson } from "../../json.ts";
import { count, styleFor, plural } from "../../terminal/style.ts";
import { columns } from "../../terminal/table.ts";

const ENDS = {
  empty: "the queue is empty",
  "max-messages": "--max-messages reached",
  "max-seconds": "--max-seconds reached",
  signal: "stopped by a signal",
} as const;

/** What there is to tell of a drain that ended well, and of one that failed. */
export interface DrainFigures extends Readonly<Counts> {
  readonly requests: Readonly<RequestCounts>;
  readonly remaining: QueueDepth | undefined;
  /** Undefined for a drain that failed. */
  readonly stoppedBy: StoppedBy | undefined;
  readonly durationMs: number;
}

/** The fields of `drain --json`, without `schemaVersion`; what is not known is null. */
export function drainFields(queue: string | undefined, figures: DrainFigures, dryRun: boolean) {
  return {
    command: "drain",
    ...(dryRun ? { dryRun } : {}),
    queue: queue ?? null,
    received: figures.received,
    loaded: figures.loaded,
    duplicates: figures.duplicates,
    quarantined: figures.quarantined,
    left: figures.left,
    deleted: figures.deleted,
    released: figures.released,
    requests: { ...figures.requests },
    remaining: figures.remaining === undefined ? null : { ...figures.remaining },
    stoppedBy: figures.stoppedBy ?? null,
    durationMs: figures.durationMs,
  };
}

export function writeDrainJson(context: Context, queue: string, report: DrainReport, dryRun: boolean): void {
  writeJson(context.stdout, drainFields(queue, report, dryRun));
}

/** A short table for a person at a terminal; else one line. */
export function writeDrainSummary(
  context: Context,
  queue: string,
  report: DrainReport,
  dryRun: boolean,
): void {
  const style = styleFor(context.stdout, context.env);
  const seconds = (report.durationMs / 1000).toFixed(1);
  // After a dry run everything is in the queue again.
  const end = dryRun ? dryRunEndText(report) : endText(report);
  if (context.stdout.isTerminal) {
    const heading = dryRun ? `${style.bold(queue)}: dry run; ${end}` : `${style.bold(queue)}: ${end}`;
    context.stdout.write(`${heading} (${seconds} s)\n${tallyTable(report, dryRun)}`);
    return;
  }
  const what = dryRun ? `dry run: would load ${tallyText(report)}` : `loaded ${tallyText(report)}`;
  context.stdout.write(`${style.bold(queue)}: ${what}; ${end} (${seconds} s)\n`);
}

/** Names and numbers, the numbers under each other; what is none is left out, but for the first two. */
function tallyTable(report: DrainReport, dryRun: boolean): string {
  const { receive, delete: deletes, other } = report.requests;
  const seconds = report.durationMs / 1000;
  const lines = [
    ["received", report.received],
    [dryRun ? "would load" : "loaded", report.loaded],
    ["duplicates", report.duplicates],
    [dryRun ? "would quarantine" : "quarantined", report.quarantined],
    [dryRun ? "would leave" : "left", report.left],
    ["deleted", report.deleted],
    ["given back", report.released],
    ["messages a second", seconds > 0 ? Math.round(settledOf(report) / seconds) : 0],
    ["requests to SQS", receive + deletes + other],
  ] as const;
  const shown = lines.filter(([, value], index) => index < 2 || value > 0);
  const width = Math.max(...shown.map(([, value]) => count(value).length));
  return columns(shown.map(([name, value]) => [`  ${name}`, count(value).padStart(width)]));
}

/** For messages that could not be made visible again. */
export function leftHiddenText(messages: number): string {
  return (
    `${plural(messages, "message")} could not be given back (is sqs:ChangeMessageVisibility allowed?), and will be visible when ` +
    "the visibility timeout has run out."
  );
}

/** The counts in words, from the number loaded on; what is none is left out. */
export function tallyText(counts: Readonly<Counts>): string {
  const parts = [`${count(counts.loaded)} of ${plural(counts.received, "message")}`];
  if (counts.duplicates > 0) parts.push(plural(counts.duplicates, "duplicate"));
  if (counts.quarantined > 0) parts.push(`${count(counts.quarantined)} quarantined`);
  if (counts.left > 0) parts.push(`${count(counts.left)} left`);
  parts.push(`${count(counts.deleted)} deleted`);
  if (counts.released > 0) parts.push(`${count(counts.released)} given back`);
  return parts.join(", ");
}

function dryRunEndText(report: DrainReport): string {
  if (report.stoppedBy === "empty") return "everything was seen";
  const seen = `only ${plural(report.received, "message")} looked at`;
  return report.stoppedBy === "max-messages"
    ? `${seen}: --max-messages sets how many`
    : `${seen}, ${endText(report)}`;
}

function endText({ stoppedBy, stillVisible, remaining, left: leftByUs }: DrainReport): string {
  const left = remainingText(remaining, leftByUs === 0 ? "held by others" : "in flight");
  if (stillVisible) return `the queue hands out no more${left}`;
  return stoppedBy === "empty" && left !== "" ? `no more to receive${left}` : `${ENDS[stoppedBy]}${left}`;
}

function remainingText(remaining: QueueDepth | undefined, inFlight: string): string {
  if (remaining === undefined) return "";
  const parts = [
    [remaining.visible, "visible"],
    [remaining.inFlight, inFlight],
    [remaining.delayed, "delayed"],
  ] as const;
  const left = parts
    .filter(([messages]) => messages > 0)
    .map(([messages, how]) => `${count(messages)} ${how}`);
  return left.length === 0 ? "" : `, ${left.join(", ")}`;
}
