// Who takes part, and how each is started.
import { fileURLToPath } from "node:url";

export interface Contender {
  readonly title: string;
  /** For node. */
  readonly args: readonly string[];
  /** What it leaves in the database: a row for each login; `nothing` for those that only receive and delete. */
  readonly writes: "rows" | "nothing";
  /** False where the queue plays no part: only the time is taken, and nothing is loaded into the process. */
  readonly usesQueue: boolean;
}

/** From `dist/bench`, where this file runs. */
const BIN = fileURLToPath(new URL("../../bin/fetch-etl.js", import.meta.url));

export const CONTENDERS = {
  "fetch-etl": { title: "fetch-etl drain", args: [BIN, "drain"], writes: "rows", usesQueue: true },
  "sdk-loop": {
    title: "SDK loop, no database",
    args: [entry("sdk-loop")],
    writes: "nothing",
    usesQueue: true,
  },
  wire: { title: "wire, no database", args: [entry("wire")], writes: "nothing", usesQueue: true },
  "sqs-consumer": {
    title: "sqs-consumer, one insert per batch",
    args: [entry("sqs-consumer")],
    writes: "rows",
    usesQueue: true,
  },
  "usual-answer": {
    title: "plain loop, one insert per row",
    args: [entry("usual-answer")],
    writes: "rows",
    usesQueue: true,
  },
  version: {
    title: "fetch-etl --version",
    args: [BIN, "--version"],
    writes: "nothing",
    usesQueue: false,
  },
  node: { title: "node -e 0", args: ["-e", "0"], writes: "nothing", usesQueue: false },
} as const satisfies Readonly<Record<string, Contender>>;

export type ContenderName = keyof typeof CONTENDERS;

function entry(name: string): string {
  return fileURLToPath(new URL(`contenders/${name}.js`, import.meta.url));
}
