import type { QueueDepth } from "../../../drain/ports.ts";
import type { PastRun, RunCounts, RunHistory } from "../../../postgres/runs.ts";
import type { Context } from "../../context.ts";
import { isoTime, writeJson } from "../../output.ts";
import { durationText } from "../../terminal/pace.ts";
import { count, listText, plural, printable, styleFor } from "../../terminal/style.ts";
import { columns, width, wrap } from "../../terminal/table.ts";

export interface Status extends RunHistory {
  /** The name of the queue. */
  readonly queue: string;
  /** A sentence that says why, if it is unknown. */
  readonly depth: QueueDepth | string;
}

export function writeStatusJson({ stdout, log }: Context, status: Status): void {
  const { queue, depth, quarantined, runs, lastFailure, otherQueues } = status;
  if (typeof depth === "string") log.warn(`The queue was not checked. ${depth}`);
  writeJson(stdout, {
    command: "status",
    queue,
    waiting: typeof depth === "string" ? null : depth,
    quarantined: quarantined ?? null,
    runs: runs.map(runFields),
    lastFailure: lastFailure === undefined ? null : runFields(lastFailure),
    otherQueues,
  });
}

/** Unknown values are null. */
function runFields(run: PastRun): Record<string, unknown> {
  const { id, queue, target, host, version, keyId, startedAt, endedAt, counts } = run;
  return {
    ...{ id, queue, table: target, host, version, keyId },
    startedAt: isoTime(startedAt),
    endedAt: isoTime(endedAt),
    endedBy: run.endedBy ?? null,
    exitCode: run.exitCode ?? null,
    error: run.error ?? null,
    counts: counts ?? null,
  };
}

/** At most about 20 lines on a terminal of 80 columns. */
export function writeStatus(context: Context, status: Status): void {
  const { stdout, env } = context;
  const style = styleFor(stdout, env);
  const { queue, runs } = status;
  stdout.write(`${style.bold(printable(queue))}\n`);
  for (const [name, ...lines] of facts(status)) {
    const wrapped = lines.flatMap((line) => wrap(printable(line), stdout.columns - INDENT));
    for (const [index, line] of wrapped.entries())
      stdout.write(`${(index === 0 ? `  ${name}` : "").padEnd(INDENT)}${line}\n`);
  }
  if (runs.length === 0) {
    stdout.write(`\nno drains of this queue are recorded in fetch_etl.runs\n`);
    return;
  }
  const isWide = runTable(runs, PLAIN)
    .split("\n")
    .every((line) => width(line) <= stdout.columns);
  stdout.write(`\n${isWide || stdout.columns === 0 ? runTable(runs, style) : runList(runs, style)}`);
  if (runs.some(({ endedAt }) => endedAt === undefined)) {
    const lines = wrap(NO_END_MEANS, stdout.columns);
    stdout.write(lines.map((line) => `${line}\n`).join(""));
  }
}

/** Adds colors, which take up no columns. */
type Paint = Readonly<Record<"red" | "yellow", (text: string) => string>>;
const PLAIN: Paint = { red: String, yellow: String };

/** Two spaces, a name, two spaces. */
const INDENT = 2 + "last failure".length + 2;

/** Each: a name, then the lines of its text. */
function facts({ depth, quarantined, lastFailure, otherQueues }: Status): (readonly [string, ...string[]])[] {
  return [
    ["waiting", typeof depth === "string" ? `unknown: ${depth}` : depthText(depth)],
    [
      "quarantine",
      quarantined === undefined
        ? "unknown: this Postgres user has no permission to read fetch_etl.quarantine"
        : plural(quarantined, "message"),
    ],
    lastFailure === undefined
      ? ["last failure", "none recorded"]
      : [
          "last failure",
          `${timeText(lastFailure.endedAt)}, exit code ${lastFailure.exitCode ?? "unknown"}`,
          ...(lastFailure.error === undefined ? [] : [lastFailure.error]),
        ],
    ...(otherQueues.length === 0 ? [] : ([["other queues", listText(otherQueues)]] as const)),
  ];
}

function depthText({ visible, inFlight, delayed }: QueueDepth): string {
  return `${count(visible)} visible, ${count(inFlight)} in flight, ${count(delayed)} delayed`;
}

const NO_END = "no end recorded";
const NO_END_MEANS = `${NO_END}: in progress, killed, or Postgres did not answer at the end`;

/** The outcomes in the table. Those not in {@link ALWAYS} are shown only if a run has them. */
const OUTCOMES = ["loaded", "duplicates", "quarantined", "skipped", "left"] as const;
const ALWAYS: readonly string[] = ["loaded"];

function outcomesOf(runs: readonly PastRun[]): readonly (typeof OUTCOMES)[number][] {
  return OUTCOMES.filter(
    (name) => ALWAYS.includes(name) || runs.some(({ counts }) => (counts?.[name] ?? 0) > 0),
  );
}

/** A line per run, newest first. Numbers are right-aligned. */
function runTable(runs: readonly PastRun[], style: Paint): string {
  const outcomes = outcomesOf(runs);
  const numbers = [
    ["took", ...runs.map(tookText)],
    ...outcomes.map((name) => [name, ...runs.map(({ counts }) => countText(counts, name))]),
  ].map((cells) => {
    const most = Math.max(...cells.map(width));
    return cells.map((cell) => cell.padStart(most));
  });
  const started = ["started", ...runs.map(({ startedAt }) => timeText(startedAt))];
  const ended = ["ended", ...runs.map((run) => endText(run, style))];
  return columns(
    started.map((cell, line) => [cell, ...numbers.map((cells) => cells[line] ?? ""), ended[line] ?? ""]),
  );
}

/** Two lines per run, for a narrow terminal. */
function runList(runs: readonly PastRun[], style: Paint): string {
  const outcomes = outcomesOf(runs);
  return runs
    .map((run) => {
      const { startedAt, counts } = run;
      const parts = outcomes.map((name) => `${countText(counts, name)} ${name}`);
      return (
        `${timeText(startedAt)}  ${endText(run, style)}\n` +
        (counts === undefined ? "" : `  ${parts.join(", ")} in ${tookText(run)}\n`)
      );
    })
    .join("");
}

function countText(counts: RunCounts | undefined, name: (typeof OUTCOMES)[number]): string {
  return counts === undefined ? "-" : count(counts[name]);
}

function tookText({ startedAt, endedAt }: PastRun): string {
  if (startedAt === undefined || endedAt === undefined || endedAt < startedAt) return "-";
  return durationText((endedAt - startedAt) / 1000);
}

/** Exit codes that need no display, because `endedBy` already explains them. */
const EXPLAINED: readonly (number | undefined)[] = [undefined, 0, 129, 130, 143];

function endText({ endedAt, endedBy = "unknown", exitCode, error }: PastRun, style: Paint): string {
  if (endedAt === undefined) return style.yellow(NO_END);
  const text = printable(endedBy);
  if (EXPLAINED.includes(exitCode) && error === undefined) return text;
  return style.red(`${text} (${exitCode ?? "unknown"})`);
}

/** In UTC, to the second. */
function timeText(epochMs: number | undefined): string {
  return isoTime(epochMs)?.replace(/\.\d+Z$/, "Z") ?? "unknown";
}
