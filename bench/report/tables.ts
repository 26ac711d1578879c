// The results as Markdown tables: for the terminal and for the documentation. Pure.
import { CONTENDERS } from "../contenders.ts";
import type { MarkResult } from "../figures/marks.ts";
import { medianOf, type EntryResult, type Figure, type ScenarioResult } from "../figures/results.ts";
import { ALL } from "../scenarios.ts";

/** What the columns mean, once for all tables. */
export const LEGEND = [
  "Medians over the rounds. Ratios compare entries within a round.",
  "messages/s   from the first receive to the last response to a delete",
  "CPU µs       of the contender's processes, per message; memory: the peak of the largest process",
  "requests     SQS requests per message: receives + deletes + others",
  "after last   from the last response to a delete to the end of the process",
];

export function scenarioTable({ title, entries }: ScenarioResult): string {
  const head = ["", "messages", "messages/s", "CPU µs", "memory MiB", "requests", "after last s", "whole s"];
  return `${title}\n\n${markdown(head, entries.map(entryRow))}`;
}

function entryRow({ label, messages, median }: EntryResult): string[] {
  const { receives, deletes, others, requests } = median;
  const kinds = [receives, deletes, others].map(rounded).join(" + ");
  return [
    label,
    whole(messages),
    ...[median.throughput, median.cpu, median.memory].map((value) => (value === null ? "-" : whole(value))),
    requests === null ? "-" : `${rounded(requests)} = ${kinds}`,
    rounded(median.afterLast),
    rounded(median.whole),
  ];
}

/** The targets and what was measured. */
export function marksTable(marks: readonly MarkResult[]): string {
  return markdown(
    ["what", "target", "measured"],
    marks.map((mark) => {
      const unit = mark.against === undefined ? "" : "×";
      const value = mark.value === null ? "-" : `${rounded(mark.value)}${unit}`;
      return [mark.name, target(mark, unit), mark.met === false ? `**${value}, missed**` : value];
    }),
  );
}

function target({ atLeast, atMost }: MarkResult, unit: string): string {
  if (atLeast !== undefined) return `${atLeast}${unit} or more`;
  return atMost === undefined ? "" : `${atMost}${unit} or less`;
}

/** The contenders side by side. */
export function programTable(results: readonly ScenarioResult[]): string {
  const median = (scenario: string, entry: string, figure: Figure): number =>
    medianOf(results, { scenario, entry, figure });
  return markdown(
    [
      "",
      "messages/s, loopback",
      "at 20 ms per call",
      "CPU per message, loopback",
      "peak memory",
      "SQS requests per message",
    ],
    ALL.map((label) => [
      CONTENDERS[label].title,
      whole(median("loopback", label, "throughput")),
      whole(median("20ms", label, "throughput")),
      `${whole(median("loopback", label, "cpu"))} µs`,
      `${whole(median("loopback", label, "memory"))} MiB`,
      median("loopback", label, "requests").toFixed(3),
    ]),
  );
}

/** Without padding: Prettier adds it. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Rounded to a whole number. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Three decimal places for small values, so that one more request per thousand messages shows. */
function rounded(value: number | null): string {
  return value === null ? "-" : value.toFixed(value < 0.5 ? 3 : 2);
}
