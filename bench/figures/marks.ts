// The targets that fetch-etl has to meet, and what was measured. Pure.
import { figureOf, type Figure, type ScenarioResult } from "./results.ts";
import { median, pairedRatio } from "./statistics.ts";

interface Bounds {
  /** If both are missing, the mark is only for information. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

interface Mark extends Bounds {
  readonly name: string;
  readonly scenario: string;
  readonly figure: Figure;
  /** The label of the entry. */
  readonly entry: string;
  /** The label of the entry to divide by; without it, the figure itself is judged. */
  readonly against?: string;
}

export interface MarkResult extends Mark {
  /** Null if the entries did not run. */
  readonly value: number | null;
  /** Null if there is nothing to judge. */
  readonly met: boolean | null;
}

const THROUGHPUT = ["loopback", "throughput"] as const;
const THROUGHPUT_20MS = ["20ms", "throughput"] as const;
const CPU = ["loopback", "cpu"] as const;
const SDK_LOOP = ["fetch-etl", "sdk-loop"] as const;
const DEEP_QUEUE = ["fetch-etl, 200,000", "fetch-etl, 20,000"] as const;

export const MARKS: readonly Mark[] = [
  ratio("throughput on loopback vs. the SDK loop", THROUGHPUT, SDK_LOOP, { atLeast: 2.2 }),
  ratio("throughput at 20 ms vs. the SDK loop", THROUGHPUT_20MS, SDK_LOOP, { atLeast: 2.2 }),
  ratio("throughput over TLS vs. the SDK loop", ["tls", "throughput"], SDK_LOOP, { atLeast: 2 }),
  ratio("throughput at 20 ms vs. sqs-consumer", THROUGHPUT_20MS, ["fetch-etl", "sqs-consumer"], {
    atLeast: 10,
  }),
  ratio("throughput at 20 ms vs. one insert per row", THROUGHPUT_20MS, ["fetch-etl", "usual-answer"], {
    atLeast: 30,
  }),
  ratio("CPU per message vs. the SDK loop", CPU, SDK_LOOP, { atMost: 0.38 }),
  ratio("CPU per message over TLS vs. the SDK loop", ["tls", "cpu"], SDK_LOOP, { atMost: 0.42 }),
  ratio("CPU per message vs. Go with a ledger", ["peers-loopback", "cpu"], ["fetch-etl", "go"], {
    atMost: 1.4,
  }),
  mark("SQS requests per message, 10,000 waiting, loopback", ["requests", "requests"], "loopback", {
    atMost: 0.205,
  }),
  mark("SQS requests per message, 10,000 waiting, 20 ms", ["requests", "requests"], "20 ms", {
    atMost: 0.205,
  }),
  mark("peak memory, logins, MiB", ["loopback", "memory"], "fetch-etl", { atMost: 150 }),
  ratio("peak memory vs. the SDK loop", ["loopback", "memory"], SDK_LOOP),
  ratio("peak memory at 200,000 messages vs. 20,000", ["deep-queue", "memory"], DEEP_QUEUE, { atMost: 1.1 }),
  ...["300 valid of 1 MB", "300 rejected of 1 MB", "1,500 rejected of 250 kB"].map((entry) =>
    mark(`peak memory, ${entry}, MiB`, ["memory", "memory"], entry, { atMost: 320 }),
  ),
  ratio("CPU per message at 200,000 messages vs. 20,000", ["deep-queue", "cpu"], DEEP_QUEUE),
  ...(
    [
      [2, 20, { atLeast: 1.9 }],
      [4, 20, { atLeast: 3.6 }],
      [4, 50, {}],
    ] as const
  ).map(([processes, ms, bounds]) =>
    ratio(
      `${processes} processes at ${ms} ms vs. one`,
      [`processes-${ms}ms`, "throughput"],
      [`${processes} × fetch-etl`, "1 × fetch-etl"],
      bounds,
    ),
  ),
  ratio(
    "throughput with a vault vs. the SDK loop, loopback",
    ["vault", "throughput"],
    ["with a vault", "sdk-loop"],
    { atLeast: 0.9 },
  ),
  ratio(
    "throughput with a vault vs. without, loopback",
    ["vault", "throughput"],
    ["with a vault", "without a vault"],
    { atLeast: 0.9 },
  ),
  ratio(
    "throughput with a vault vs. without, 20 ms",
    ["vault", "throughput"],
    ["with, 20 ms", "without, 20 ms"],
    { atLeast: 0.9 },
  ),
  ratio(
    "CPU per message, a mapping of 12 columns vs. the login",
    ["mapping", "cpu"],
    ["twelve columns", "the login"],
    {
      atMost: 1.5,
    },
  ),
  mark("last message to exit, loopback, seconds", ["loopback", "afterLast"], "fetch-etl", { atMost: 2.5 }),
  mark("last message to exit, 20 ms, seconds", ["20ms", "afterLast"], "fetch-etl", { atMost: 2.5 }),
  ratio("fetch-etl --version vs. node -e 0", ["startup", "whole"], ["fetch-etl --version", "node -e 0"], {
    atMost: 1.8,
  }),
  mark("an empty queue, whole process, loopback, seconds", ["empty", "whole"], "loopback", { atMost: 1.4 }),
  mark("an empty queue, whole process, 20 ms, seconds", ["empty", "whole"], "20 ms", { atMost: 1.4 }),
  ratio(
    "throughput into 10 million rows vs. empty tables",
    ["grown-tables", "throughput"],
    ["grown tables", "empty tables"],
  ),
  ratio(
    "CPU per message into 10 million rows vs. empty tables",
    ["grown-tables", "cpu"],
    ["grown tables", "empty tables"],
  ),
];

/** The marks of the scenarios that ran. */
export function judge(results: readonly ScenarioResult[], marks: readonly Mark[] = MARKS): MarkResult[] {
  return marks
    .filter(({ scenario }) => results.some(({ name }) => name === scenario))
    .map((each) => {
      const value = measure(results, each);
      return { ...each, value, met: isMet(each, value) };
    });
}

function mark(
  name: string,
  [scenario, figure]: readonly [string, Figure],
  entry: string,
  bounds: Bounds = {},
): Mark {
  return { name, scenario, figure, entry, ...bounds };
}

function ratio(
  name: string,
  measured: readonly [string, Figure],
  [entry, against]: readonly [string, string],
  bounds: Bounds = {},
): Mark {
  return { ...mark(name, measured, entry, bounds), against };
}

function measure(results: readonly ScenarioResult[], each: Mark): number | null {
  const values = figureOf(results, each);
  if (each.against === undefined) return median(values.filter((value) => value !== null));
  return pairedRatio(values, figureOf(results, { ...each, entry: each.against }));
}

function isMet({ atLeast, atMost }: Bounds, value: number | null): boolean | null {
  if (value === null || (atLeast === undefined && atMost === undefined)) return null;
  return value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
}
