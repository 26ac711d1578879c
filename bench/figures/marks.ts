// The marks that fetch-etl has to meet, and what was measured. Pure.
import type { Figure } from "./figures.ts";
import { figureOf, type ScenarioResult } from "./results.ts";
import { median, pairedRatio } from "./statistics.ts";

interface Mark {
  readonly name: string;
  readonly scenario: string;
  readonly figure: Figure;
  /** The label of the entry that is measured, and of the one it is divided by; without that the figure itself counts. */
  readonly entry: string;
  readonly against?: string;
  /** Neither: shown, and not judged. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface MarkResult extends Mark {
  /** Null when the runs were not made. */
  readonly value: number | null;
  /** Null when there is nothing to judge. */
  readonly met: boolean | null;
}

export const MARKS: readonly Mark[] = [
  {
    name: "throughput on loopback vs. the SDK loop",
    ...{ scenario: "loopback", figure: "throughput", entry: "fetch-etl", against: "sdk-loop", atLeast: 1.3 },
  },
  {
    name: "throughput on loopback vs. the wire",
    ...{ scenario: "loopback", figure: "throughput", entry: "fetch-etl", against: "wire" },
  },
  {
    name: "throughput at 20 ms vs. the SDK loop",
    ...{ scenario: "20ms", figure: "throughput", entry: "fetch-etl", against: "sdk-loop", atLeast: 1 },
  },
  {
    name: "throughput at 20 ms vs. sqs-consumer",
    ...{ scenario: "20ms", figure: "throughput", entry: "fetch-etl", against: "sqs-consumer", atLeast: 10 },
  },
  {
    name: "throughput at 20 ms vs. one insert per row",
    ...{ scenario: "20ms", figure: "throughput", entry: "fetch-etl", against: "usual-answer", atLeast: 30 },
  },
  {
    name: "CPU per message vs. the SDK loop",
    ...{ scenario: "loopback", figure: "cpu", entry: "fetch-etl", against: "sdk-loop", atMost: 0.8 },
  },
  {
    name: "SQS requests per message, 10,000 waiting, loopback",
    ...{ scenario: "requests", figure: "requests", entry: "loopback", atMost: 0.205 },
  },
  {
    name: "SQS requests per message, 10,000 waiting, 20 ms",
    ...{ scenario: "requests", figure: "requests", entry: "20 ms", atMost: 0.205 },
  },
  {
    name: "peak memory vs. the SDK loop",
    ...{ scenario: "loopback", figure: "memory", entry: "fetch-etl", against: "sdk-loop", atMost: 1.25 },
  },
  {
    name: "peak memory at 200,000 messages vs. 20,000",
    ...{
      scenario: "deep-queue",
      figure: "memory",
      entry: "fetch-etl, 200,000",
      against: "fetch-etl, 20,000",
    },
    atMost: 1.1,
  },
  ...["300 valid of 1 MB", "300 rejected of 1 MB", "1,500 rejected of 250 kB"].map((entry) => ({
    name: `peak memory, ${entry}, MiB`,
    ...({ scenario: "memory", figure: "memory", entry, atMost: 320 } as const),
  })),
  {
    name: "CPU per message at 200,000 messages vs. 20,000",
    ...{ scenario: "deep-queue", figure: "cpu", entry: "fetch-etl, 200,000", against: "fetch-etl, 20,000" },
  },
  {
    name: "2 processes at 20 ms vs. one",
    ...{ scenario: "processes-20ms", figure: "throughput", entry: "2 × fetch-etl", against: "1 × fetch-etl" },
    atLeast: 1.9,
  },
  {
    name: "4 processes at 20 ms vs. one",
    ...{ scenario: "processes-20ms", figure: "throughput", entry: "4 × fetch-etl", against: "1 × fetch-etl" },
    atLeast: 3.6,
  },
  {
    name: "4 processes at 50 ms vs. one",
    ...{ scenario: "processes-50ms", figure: "throughput", entry: "4 × fetch-etl", against: "1 × fetch-etl" },
  },
  {
    name: "throughput with a vault vs. without, loopback",
    ...{ scenario: "vault", figure: "throughput", entry: "with a vault", against: "without a vault" },
    atLeast: 0.85,
  },
  {
    name: "throughput with a vault vs. without, 20 ms",
    ...{ scenario: "vault", figure: "throughput", entry: "with, 20 ms", against: "without, 20 ms" },
    atLeast: 0.85,
  },
  {
    name: "last message to exit, loopback, seconds",
    ...{ scenario: "loopback", figure: "afterLast", entry: "fetch-etl", atMost: 2.5 },
  },
  {
    name: "last message to exit, 20 ms, seconds",
    ...{ scenario: "20ms", figure: "afterLast", entry: "fetch-etl", atMost: 2.5 },
  },
  {
    name: "fetch-etl --version vs. node -e 0",
    ...{
      scenario: "startup",
      figure: "whole",
      entry: "fetch-etl --version",
      against: "node -e 0",
      atMost: 2,
    },
  },
  {
    name: "an empty queue, whole process, loopback, seconds",
    ...{ scenario: "empty", figure: "whole", entry: "loopback", atMost: 2.8 },
  },
  {
    name: "an empty queue, whole process, 20 ms, seconds",
    ...{ scenario: "empty", figure: "whole", entry: "20 ms", atMost: 2.8 },
  },
  {
    name: "throughput into 10 million rows vs. empty tables",
    ...{ scenario: "grown-tables", figure: "throughput", entry: "grown tables", against: "empty tables" },
  },
  {
    name: "CPU per message into 10 million rows vs. empty tables",
    ...{ scenario: "grown-tables", figure: "cpu", entry: "grown tables", against: "empty tables" },
  },
];

/** The marks whose scenarios were run. */
export function judge(results: readonly ScenarioResult[], marks: readonly Mark[] = MARKS): MarkResult[] {
  return marks
    .filter(({ scenario }) => results.some(({ name }) => name === scenario))
    .map((mark) => {
      const value = measure(results, mark);
      return { ...mark, value, met: isMet(mark, value) };
    });
}

function measure(results: readonly ScenarioResult[], mark: Mark): number | null {
  const values = figureOf(results, mark) ?? [];
  if (mark.against === undefined) return median(values.filter((value) => value !== null));
  return pairedRatio(values, figureOf(results, { ...mark, entry: mark.against }) ?? []);
}

function isMet({ atLeast, atMost }: Mark, value: number | null): boolean | null {
  if (value === null || (atLeast === undefined && atMost === undefined)) return null;
  return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
}
