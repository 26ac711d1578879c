// `node dist/bench/report/page.js`: the tables of docs/performance.md, made from the stored results.
import { fileURLToPath } from "node:url";
import { CONTENDERS, type ContenderName } from "../contenders.ts";
import type { Figure } from "../figures/figures.ts";
import type { MarkResult } from "../figures/marks.ts";
import { figureOf, medianOf, type ScenarioResult } from "../figures/results.ts";
import { known, pairedRatio } from "../figures/statistics.ts";
import { markdown, whole } from "./markdown.ts";
import { readKept } from "./report.ts";

type Results = readonly ScenarioResult[];

const PROGRAMS: readonly ContenderName[] = ["fetch-etl", "sdk-loop", "wire", "sqs-consumer", "usual-answer"];

/** The five programs beside each other. */
export function programTable(results: Results): string {
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
    PROGRAMS.map((label) => [
      CONTENDERS[label].title,
      whole(median("loopback", label, "throughput")),
      whole(median("20ms", label, "throughput")),
      `${whole(median("loopback", label, "cpu"))} µs`,
      `${whole(median("loopback", label, "memory"))} MiB`,
      median("loopback", label, "requests").toFixed(3),
    ]),
  );
}

/** What was wanted and what came of it. */
export function marksTable(marks: readonly MarkResult[]): string {
  return markdown(
    ["what", "target", "measured"],
    marks.map((mark) => {
      const unit = mark.against === undefined ? "" : "×";
      const value = `${known(mark.value).toFixed(known(mark.value) < 0.5 ? 3 : 2)}${unit}`;
      return [mark.name, wanted(mark, unit), mark.met === false ? `**${value}, missed**` : value];
    }),
  );
}

function wanted({ atLeast, atMost }: MarkResult, unit: string): string {
  if (atLeast !== undefined) return `${atLeast}${unit} or more`;
  return atMost === undefined ? "" : `${atMost}${unit} or less`;
}

/** What grows, and the two entries of the scenario that are compared. */
const GROWTH = [
  ["ledger and `user_logins`, to 10 million rows", "grown-tables", "grown tables", "empty tables"],
  ["invalid messages, to 1 %", "invalid", "1 % invalid", "all valid"],
  ["redelivered messages, to 10 %", "redelivered", "10 % redelivered", "all new"],
] as const;

export function growthTable(results: Results): string {
  return markdown(
    ["what grows", "throughput, relative to before", "CPU per message"],
    GROWTH.map(([what, scenario, entry, before]) => {
      const ratio = (figure: Figure): string =>
        `${known(
          pairedRatio(
            figureOf(results, { scenario, entry, figure }) ?? [],
            figureOf(results, { scenario, entry: before, figure }) ?? [],
          ),
        ).toFixed(2)}×`;
      return [what, ratio("throughput"), ratio("cpu")];
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { scenarios, marks } = await readKept();
  console.log([programTable(scenarios), marksTable(marks), growthTable(scenarios)].join("\n\n"));
}
