// The programs that the benchmark compares, and how to start each one.
import { fileURLToPath } from "node:url";

export interface Contender {
  readonly title: string;
  /** For node. */
  readonly args: readonly string[];
  /** What it writes to the database: a row for each login, or `nothing` if it only receives and deletes. */
  readonly writes: "rows" | "nothing";
  /** False if it does not use the queue: only its time is measured, and nothing is loaded into the process. */
  readonly usesQueue: boolean;
}

/** Relative to `dist/bench`, where this file runs. */
const BIN = fileURLToPath(new URL("../../bin/fetch-etl.js", import.meta.url));

export const CONTENDERS = {
  "fetch-etl": drainer("fetch-etl drain", [BIN, "drain"], "rows"),
  "sdk-loop": drainer("SDK loop, no database", [entry("sdk-loop")], "nothing"),
  "sqs-consumer": drainer("sqs-consumer, one insert per batch", [entry("sqs-consumer")], "rows"),
  "usual-answer": drainer("plain loop, one insert per row", [entry("usual-answer")], "rows"),
  version: { title: "fetch-etl --version", args: [BIN, "--version"], writes: "nothing", usesQueue: false },
  node: { title: "node -e 0", args: ["-e", "0"], writes: "nothing", usesQueue: false },
} as const satisfies Readonly<Record<string, Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

function drainer(title: string, args: readonly string[], writes: Contender["writes"]): Contender {
  return { title, args, writes, usesQueue: true };
}

function entry(name: string): string {
  return fileURLToPath(new URL(`contenders/${name}.js`, import.meta.url));
}
