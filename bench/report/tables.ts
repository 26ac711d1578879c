// The results as tables for the terminal.
import { layOut } from "../../sandbox/demo-tables.ts";
import type { MarkResult } from "../figures/marks.ts";
import type { EntryResult, ScenarioResult } from "../figures/results.ts";

const WIDTH = 60;

/** What the columns mean, once for all tables. */
export const LEGEND = [
  "Medians over the rounds; a ratio is taken within each round first.",
  "messages/s   from the start of the process to SQS's last answer to a delete",
  "CPU µs       of the contender's processes, a message; memory: the peak of the largest process",
  "requests     SQS requests per message: receives + deletes + others",
  "after last   from SQS's last answer to a delete to the end of the process",
];

export function scenarioTable({ title, entries }: ScenarioResult): string {
  return `${title}\n\n${layOut(entries.map(row), WIDTH)}`;
}

export function markTable(marks: readonly MarkResult[]): string {
  if (marks.length === 0) return "No mark belongs to these scenarios.";
  const rows = marks.map((mark) => ({
    mark: mark.name,
    value: rounded(mark.value, mark.against === undefined ? "" : "x"),
    wanted: wanted(mark),
    verdict: mark.met === null ? "" : mark.met ? "met" : "MISSED",
  }));
  return `The marks\n\n${layOut(rows, WIDTH)}`;
}

function row({ label, messages, median }: EntryResult): Record<string, string | null> {
  const { receives, deletes, others, requests } = median;
  const kinds =
    requests === null ? null : [receives, deletes, others].map((kind) => rounded(kind)).join(" + ");
  return {
    "": label,
    messages: messages.toLocaleString("en"),
    "messages/s": whole(median.throughput),
    "CPU µs": whole(median.cpu),
    "memory MiB": whole(median.memory),
    requests: kinds === null ? null : `${rounded(requests)} = ${kinds}`,
    "after last s": rounded(median.afterLast),
    "whole s": rounded(median.whole),
  };
}

function wanted({ atLeast, atMost }: MarkResult): string {
  if (atLeast !== undefined) return `${atLeast} or more`;
  return atMost === undefined ? "" : `${atMost} or less`;
}

function whole(value: number | null): string | null {
  return value === null ? null : Math.round(value).toLocaleString("en");
}

/** Three places for what is small, so that a request a message more in a thousand can be seen. */
function rounded(value: number | null, unit = ""): string | null {
  return value === null ? null : `${value.toFixed(value < 1 ? 3 : 2)}${unit}`;
}
