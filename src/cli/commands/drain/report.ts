// The reports of `drain`: on stdout, and as the record of a finished run.
import type { DrainReport, StoppedBy } from "../../../drain/report.ts";
import type { QueueDepth } from "../../../drain/ports.ts";
import { frequentReasons, settledOf, unitOf, type Counts, type ReasonCount } from "../../../drain/counts.ts";
import type { Waited } from "../../../drain/outages.ts";
import type { Context } from "../../context.ts";
import { isoTime, jsonLine } from "../../output.ts";
import { count, styleFor, plural, printable } from "../../terminal/style.ts";
import { columns, wrapLines } from "../../terminal/table.ts";

const ENDS = {
  empty: "the queue is empty",
  "max-messages": "--max-messages reached",
  "max-seconds": "--max-seconds reached",
  signal: "interrupted",
} as const;

/** The figures of a drain, whether it succeeded or failed. */
interface DrainFigures extends Readonly<Counts>, Pick<DrainReport, "requests" | "remaining" | "durationMs"> {
  /** Undefined for a drain that failed. */
  readonly stoppedBy: StoppedBy | undefined;
  readonly waitedMs: Waited;
}

/** The report of a drain that did not fail. */
export type FinishedDrain = DrainReport & Pick<DrainFigures, "waitedMs">;

/** A finished run. */
export interface RunRecord extends DrainFigures, DrainIdentity {
  readonly dryRun: boolean;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Epoch milliseconds. */
  readonly finishedAt: number;
  readonly exitCode: number;
  /** The error messages, one per line; undefined if the run did not fail. */
  readonly error: string | undefined;
  /** What the quarantine holds of the queue after the run, most frequent reason first; undefined if unknown. */
  readonly held: readonly ReasonCount[] | undefined;
}

/** Which run it is, and of what. */
export interface DrainIdentity {
  /** The `run_id` of its entries in the ledger, and the id of its row in the run history. */
  readonly runId: string;
  /** Of fetch-etl. */
  readonly version: string;
  readonly host: string;
  /** Where messages are received from; undefined while the settings name none. */
  readonly queue: string | undefined;
  /** Where rows are written to; likewise. */
  /** Schema, dot, name. */
  readonly table: string | undefined;
}

/** The fields of `drain --json`, without `schemaVersion`. Unknown values are null. */
export function drainFields(identity: DrainIdentity, figures: DrainFigures, dryRun: boolean) {
  const { runId, version, host, queue, table } = identity;
  return {
    command: "drain",
    ...(dryRun ? { dryRun } : {}),
    ...{ runId, version, host },
    queue: queue ?? null,
    table: table ?? null,
    received: figures.received,
    loaded: figures.loaded,
    duplicates: figures.duplicates,
    quarantined: figures.quarantined,
    skipped: figures.skipped,
    left: figures.left,
    invalid: Object.fromEntries(figures.invalid),
    reasons: Object.fromEntries(namedReasons(figures.reasons).named),
    deleted: figures.deleted,
    released: figures.released,
    requests: { ...figures.requests },
    remaining: figures.remaining === undefined ? null : { ...figures.remaining },
    stoppedBy: figures.stoppedBy ?? null,
    durationMs: figures.durationMs,
    waitedMs: { ...figures.waitedMs },
  };
}

const MOST_REASONS = 3;

/** The most frequent reasons, which are named, with their messages, and how many other reasons there are. */
function namedReasons(reasons: ReadonlyMap<string, number>): {
  readonly named: readonly (readonly [reason: string, messages: number])[];
  readonly others: number;
} {
  const all = frequentReasons(reasons);
  const named = all.slice(0, MOST_REASONS);
  return {
    named: named.map(({ reason, count: messages }) => [printable(reason), messages]),
    others: all.length - named.length,
  };
}

/** `ip: not an IP address (5); user_id: missing (2); 4 other reasons`; empty if there are none. */
export function reasonsText({ shownReasons }: Pick<Counts, "shownReasons">): string {
  const { named, others } = namedReasons(shownReasons);
  const texts = named.map(([reason, messages]) => `${reason} (${count(messages)})`);
  return [...texts, ...(others > 0 ? [plural(others, "other reason")] : [])].join("; ");
}

/** The `--report` file: the fields of `drain --json` plus times, exit code and error, on one line. */
export function runReportText(record: RunRecord): string {
  return jsonLine({
    ...drainFields(record, record, record.dryRun),
    startedAt: isoTime(record.startedAt),
    finishedAt: isoTime(record.finishedAt),
    exitCode: record.exitCode,
    error: record.error ?? null,
  });
}

/** A short table on a terminal, otherwise one line. */
export function writeDrainSummary(
  context: Context,
  queue: string,
  report: FinishedDrain,
  dryRun: boolean,
): void {
  const style = styleFor(context.stdout, context.env);
  const seconds = [secondsText(report.durationMs), ...waitedText(report.waitedMs)].join(", ");
  const end = dryRun ? dryRunEndText(report) : endText(report);
  if (context.stdout.isTerminal) {
    const heading = dryRun ? `${style.bold(queue)}: dry run; ${end}` : `${style.bold(queue)}: ${end}`;
    const title = wrapLines(`${heading} (${seconds})`, context.stdout.columns);
    context.stdout.write(`${title}\n${countsTable(report, dryRun)}`);
    return;
  }
  const what = dryRun ? `dry run: ${wouldText(report)}` : `loaded ${countsText(report).join(", ")}`;
  context.stdout.write(`${style.bold(queue)}: ${what}; ${end} (${seconds})\n`);
}

function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function waitedText({ sqs, postgres }: Waited): string[] {
  const waits = [
    [sqs, "SQS"],
    [postgres, "Postgres"],
  ] as const;
  return waits
    .filter(([ms]) => ms >= SHORTEST_WAIT_MS)
    .map(([ms, server]) => `waited ${secondsText(ms)} for ${server}`);
}

/** A shorter wait is not worth mentioning, milliseconds. */
const SHORTEST_WAIT_MS = 100;

/** Names and right-aligned numbers. Lines whose number is 0 are omitted, except the first two. */
function countsTable(report: DrainReport, dryRun: boolean): string {
  const { receive, delete: deletes, other } = report.requests;
  const seconds = report.durationMs / 1000;
  const lines = [
    ["received", report.received],
    [dryRun ? "would load" : "loaded", report.loaded],
    ["duplicates", report.duplicates],
    [dryRun ? "would quarantine" : "quarantined", report.quarantined],
    [dryRun ? "would skip" : "skipped", report.skipped],
    [dryRun ? "would leave" : "left", report.left],
    ["values stored as NULL", invalidValues(report)],
    ["deleted", report.deleted],
    ["returned to queue", report.released],
    [`${unitOf(report)}s per second`, seconds > 0 ? Math.round(settledOf(report) / seconds) : 0],
    ["SQS requests", receive + deletes + other],
  ] as const;
  const shown = lines.filter(([, value], index) => index < 2 || value > 0);
  const width = Math.max(...shown.map(([, value]) => count(value).length));
  return columns(shown.map(([name, value]) => [`  ${name}`, count(value).padStart(width)]));
}

/** For messages that could not be returned to the queue. */
export function leftHiddenText(messages: number): string {
  return (
    `${plural(messages, "message")} could not be returned to the queue and will become visible when the visibility timeout expires. ` +
    "Check the permission sqs:ChangeMessageVisibility."
  );
}

/** What a failed drain did until then. */
export function beforeFailureText(counts: Readonly<Counts>, dryRun: boolean): string {
  const [loaded = "", ...others] = countsText(counts);
  const after = others.length === 0 ? "" : `; ${others.join(", ")}`;
  return `${dryRun ? "Would have loaded" : "Loaded"} ${loaded} before the failure${after}.`;
}

/** The counts in words, the number loaded first. Counts of 0 are omitted. */
function countsText(counts: Readonly<Counts>): string[] {
  const parts = [`${loadedText(counts)} of ${plural(counts.received, "message")}`];
  if (counts.duplicates > 0) parts.push(plural(counts.duplicates, "duplicate"));
  if (counts.quarantined > 0) parts.push(`${count(counts.quarantined)} quarantined`);
  if (counts.skipped > 0) parts.push(`${count(counts.skipped)} skipped`);
  if (counts.left > 0) parts.push(`${count(counts.left)} left`);
  if (invalidValues(counts) > 0) parts.push(invalidText(counts));
  if (counts.deleted > 0) parts.push(`${count(counts.deleted)} deleted`);
  if (counts.released > 0) parts.push(`${count(counts.released)} returned to the queue`);
  return parts;
}

/** Of messages with several records, their records. */
function loadedText(counts: Readonly<Counts>): string {
  return unitOf(counts) === "record" ? plural(counts.loaded, "record") : count(counts.loaded);
}

/** Values that could not be read and were stored as NULL. */
export function invalidValues({ invalid }: Pick<Counts, "invalid">): number {
  return [...invalid.values()].reduce((sum, values) => sum + values, 0);
}

/** Columns that are named. */
const MOST_NAMED = 5;

/** Columns with the most values first. */
function invalidText({ invalid }: Pick<Counts, "invalid">): string {
  const columnsOfMost = [...invalid].toSorted(([, a], [, b]) => b - a);
  const named = columnsOfMost
    .slice(0, MOST_NAMED)
    .map(([name, values]) => `${printable(name)} ${count(values)}`);
  const others = columnsOfMost.length - named.length;
  if (others > 0) named.push(plural(others, "other column"));
  return `${plural(invalidValues({ invalid }), "value")} stored as NULL (${named.join(", ")})`;
}

/** What a drain would do with the messages of a dry run. */
function wouldText(report: DrainReport): string {
  const { duplicates, quarantined, skipped, left, received } = report;
  const parts = [`load ${loadedText(report)}`];
  if (duplicates > 0) parts.push(`skip ${plural(duplicates, "duplicate")}`);
  if (quarantined > 0) parts.push(`quarantine ${count(quarantined)}`);
  if (skipped > 0) parts.push(`skip ${count(skipped)} unmatched`);
  if (left > 0) parts.push(`leave ${count(left)}`);
  const stored = invalidValues(report) > 0 ? `, ${invalidText(report)}` : "";
  return `would ${new Intl.ListFormat("en-GB").format(parts)} of ${plural(received, "message")}${stored}`;
}

function dryRunEndText(report: DrainReport): string {
  if (report.stoppedBy === "empty") return "nothing was changed";
  const seen = `looked at only ${plural(report.received, "message")}`;
  return report.stoppedBy === "max-messages"
    ? `${seen}; --max-messages sets the limit`
    : `${seen}: ${endText(report)}`;
}

function endText({ stoppedBy, stillVisible, remaining, left: leftByUs }: DrainReport): string {
  const left = remainingText(remaining, leftByUs === 0 ? "held by other consumers" : "in flight");
  if (stillVisible) return `SQS returned no more messages${left}`;
  return stoppedBy === "empty" && left !== "" ? `no more to receive${left}` : `${ENDS[stoppedBy]}${left}`;
}

function remainingText(remaining: QueueDepth | undefined, inFlight: string): string {
  if (remaining === undefined) return "";
  const parts = [
    [remaining.visible, "still waiting"],
    [remaining.inFlight, inFlight],
    [remaining.delayed, "delayed"],
  ] as const;
  const left = parts
    .filter(([messages]) => messages > 0)
    .map(([messages, how], index) => `${index === 0 ? plural(messages, "message") : count(messages)} ${how}`);
  return left.length === 0 ? "" : `; ${left.join(", ")}`;
}
