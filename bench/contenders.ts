// The programs that the benchmark compares, and how to start each one.
import { fileURLToPath } from "node:url";
import { built, source } from "./peers/places.ts";

export interface Contender {
  readonly title: string;
  /** The program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** What it writes to the database: a row for each login, or `nothing` if it only receives and deletes. */
  readonly writes: "rows" | "nothing";
  /** False if it does not use the queue: only its time is measured. */
  readonly usesQueue: boolean;
}

/** Relative to `dist/bench`, where this file runs. */
const BIN = fileURLToPath(new URL("../../bin/fetch-etl.js", import.meta.url));

export const CONTENDERS = {
  "fetch-etl": drainer("fetch-etl drain", node(BIN, "drain"), "rows"),
  "sdk-loop": drainer("SDK loop, no database", node(entry("contenders/sdk-loop")), "nothing"),
  "sqs-consumer": drainer(
    "sqs-consumer, one insert per batch",
    node(entry("contenders/sqs-consumer")),
    "rows",
  ),
  "usual-answer": drainer("plain loop, one insert per row", node(entry("contenders/usual-answer")), "rows"),
  "raw-loop": drainer(
    "bare sockets, nothing signed or parsed",
    node(entry("contenders/raw-loop")),
    "nothing",
  ),
  nodejs: drainer("Node.js", node(entry("peers/nodejs/drain")), "rows"),
  go: drainer("Go", [built("go", "drain")], "rows"),
  rust: drainer("Rust", [built("rust", "release", "drain")], "rows"),
  "python-threads": drainer(
    "Python, threads",
    [built("python-threads", "bin", "python"), source("python-threads", "drain.py")],
    "rows",
  ),
  "python-asyncio": drainer(
    "Python, asyncio",
    [built("python-asyncio", "bin", "python"), source("python-asyncio", "drain.py")],
    "rows",
  ),
  java: drainer("Java", ["java", "-cp", built("java", "*"), "Drain"], "rows"),
  version: {
    title: "fetch-etl --version",
    command: node(BIN, "--version"),
    writes: "nothing",
    usesQueue: false,
  },
  node: { title: "node -e 0", command: node("-e", "0"), writes: "nothing", usesQueue: false },
} as const satisfies Readonly<Record<string, Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

function drainer(title: string, command: Contender["command"], writes: Contender["writes"]): Contender {
  return { title, command, writes, usesQueue: true };
}

function node(...args: string[]): Contender["command"] {
  return [process.execPath, ...args];
}

function entry(name: string): string {
  return fileURLToPath(new URL(`${name}.js`, import.meta.url));
}
