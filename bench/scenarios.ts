// The scenarios: each is a few runs to compare with each other.
import { fileURLToPath } from "node:url";
import type { ContenderName } from "./contenders.ts";

/** One contender under one set of conditions. */
export interface Entry {
  /** Unique within the scenario. */
  readonly label: string;
  readonly contender: ContenderName;
  readonly messages: number;
  /** The number of processes that share the queue; 1 by default. */
  readonly processes?: number;
  /** More arguments for the contender. */
  readonly flags?: readonly string[];
  /** Connects to SQS over TLS. */
  readonly tls?: boolean;
  /** Milliseconds added to each SQS call. Each Postgres round trip then takes {@link POSTGRES_DELAY_MS} more. */
  readonly sqsDelayMs?: number;
  /** How many of the messages are of the wrong type. */
  readonly invalid?: number;
  /** Bytes of each body. */
  readonly bodyBytes?: number;
  /** The table that the rows go to; `user_logins` by default. */
  readonly table?: string;
  /** Encrypts the masked values for recovery. */
  readonly vault?: boolean;
  /** Loads into tables that already hold {@link GROWN_ROWS} rows each. */
  readonly grown?: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly rounds: number;
  readonly entries: readonly Entry[];
}

/** The same job written by hand, in several languages: `bench/peers/`. */
export const PEERS = ["go", "rust", "nodejs", "python-asyncio", "python-threads", "java"] as const;
export type Peer = (typeof PEERS)[number];

export function isPeer(contender: string): contender is Peer {
  return PEERS.some((peer) => peer === contender);
}

export const POSTGRES_DELAY_MS = 2;
export const GROWN_ROWS = 10_000_000;

/** The contenders that drain a queue. */
export const ALL = ["fetch-etl", "sdk-loop", "sqs-consumer", "usual-answer"] as const;

const MANY = 20_000;

/** Relative to `dist/bench`, where this file runs. */
const TWELVE_COLUMNS = fileURLToPath(new URL("../../bench/twelve-columns.yaml", import.meta.url));

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "loopback",
    title: "Loopback, no added latency",
    rounds: 5,
    entries: all(0, { "sqs-consumer": MANY, "usual-answer": MANY / 2 }),
  },
  {
    name: "20ms",
    title: `20 ms added to each SQS call, ${POSTGRES_DELAY_MS} ms to each Postgres round trip`,
    rounds: 5,
    entries: all(20, { "sqs-consumer": 2_000, "usual-answer": 1_000 }),
  },
  {
    name: "tls",
    title: "SQS over TLS, no added latency",
    rounds: 5,
    entries: (["fetch-etl", "sdk-loop"] as const).map((contender) => ({
      ...{ label: contender, contender, messages: 2 * MANY, tls: true },
    })),
  },
  processes(20, MANY),
  processes(50, 8_000),
  {
    name: "requests",
    title: "10,000 messages waiting",
    rounds: 3,
    entries: [own("loopback", 10_000), own("20 ms", 10_000, { sqsDelayMs: 20 })],
  },
  {
    name: "vault",
    title: "With the masked values encrypted for recovery, 60,000 messages",
    rounds: 3,
    entries: [
      own("without a vault", 3 * MANY),
      own("with a vault", 3 * MANY, { vault: true }),
      { label: "sdk-loop", contender: "sdk-loop", messages: 3 * MANY },
      own("without, 20 ms", 3 * MANY, { sqsDelayMs: 20 }),
      own("with, 20 ms", 3 * MANY, { sqsDelayMs: 20, vault: true }),
    ],
  },
  {
    name: "mapping",
    title: "The login, and a mapping of twelve columns",
    rounds: 5,
    entries: [
      own("the login", 3 * MANY),
      own("twelve columns", 3 * MANY, { flags: ["--mapping", TWELVE_COLUMNS], table: "twelve_columns" }),
    ],
  },
  {
    name: "empty",
    title: "An empty queue",
    rounds: 5,
    entries: [own("loopback", 0), own("20 ms", 0, { sqsDelayMs: 20 })],
  },
  {
    name: "memory",
    title: "Large messages, valid and rejected",
    rounds: 3,
    entries: [
      own("300 valid of 1 MB", 300, { bodyBytes: 1_000_000 }),
      own("300 rejected of 1 MB", 300, { invalid: 300, bodyBytes: 1_000_000 }),
      own("1,500 rejected of 250 kB", 1_500, { invalid: 1_500, bodyBytes: 250_000 }),
    ],
  },
  {
    name: "deep-queue",
    title: "20,000 and 200,000 messages waiting",
    rounds: 2,
    entries: [
      own("fetch-etl, 20,000", MANY),
      own("fetch-etl, 200,000", 10 * MANY),
      { label: "sdk-loop, 200,000", contender: "sdk-loop", messages: 10 * MANY },
    ],
  },
  {
    name: "grown-tables",
    title: "10 million rows in user_logins and in the ledger",
    rounds: 3,
    entries: [own("empty tables", MANY), own("grown tables", MANY, { grown: true })],
  },
  {
    name: "startup",
    title: "Startup",
    rounds: 20,
    entries: [
      { label: "fetch-etl --version", contender: "version", messages: 0 },
      { label: "node -e 0", contender: "node", messages: 0 },
    ],
  },
];

export const KILL_MESSAGES = 22_000;

/** Killed while they drain a queue; each peer also without its ledger. */
export const KILLED: readonly { readonly contender: ContenderName; readonly ledger: boolean }[] = [
  { contender: "fetch-etl", ledger: true },
  ...PEERS.flatMap((contender) => [true, false].map((ledger) => ({ contender, ledger }))),
];

const COMPARED = ["fetch-etl", ...PEERS, "sdk-loop"] as const;

/** `--peers`: these alone. */
export const PEER_SCENARIOS: readonly Scenario[] = [
  peers("peers-loopback", "Programs in other languages, loopback", [...COMPARED, "raw-loop"]),
  peers("peers-20ms", "Programs in other languages, 20 ms per call", COMPARED, { sqsDelayMs: 20 }),
  peers("peers-tls", "Programs in other languages, over TLS", [...COMPARED, "raw-loop"], { tls: true }),
  peers("peers-empty", "Programs in other languages, an empty queue", ["fetch-etl", ...PEERS], {
    messages: 0,
  }),
];

function peers(
  name: string,
  title: string,
  contenders: readonly ContenderName[],
  conditions: Partial<Entry> = {},
): Scenario {
  const entries = contenders.map((contender) => ({
    ...{ label: contender, contender, messages: 2 * MANY },
    ...conditions,
  }));
  return { name, title, rounds: 3, entries };
}

/** @param fewer the number of messages for slow contenders, so that they take about as long as the others */
function all(sqsDelayMs: number, fewer: Partial<Record<ContenderName, number>>): Entry[] {
  return ALL.map((contender) => ({
    label: contender,
    contender,
    messages: fewer[contender] ?? 2 * MANY,
    sqsDelayMs,
  }));
}

function own(label: string, messages: number, conditions: Partial<Entry> = {}): Entry {
  return { label, contender: "fetch-etl", messages, ...conditions };
}

/**
 * With a low concurrency in each process, so that most of the time is waiting. All processes, both servers and the proxies share
 * this machine: the longer the wait, the less they compete for CPU. Each process has the same number of messages, so that startup
 * weighs the same.
 */
function processes(ms: number, messages: number): Scenario {
  return {
    name: `processes-${ms}ms`,
    title: `1, 2 and 4 processes on one queue, ${ms} ms added to each SQS call, ${messages.toLocaleString("en-US")} messages per process`,
    rounds: 3,
    entries: [1, 2, 4].map((count) =>
      own(`${count} × fetch-etl`, messages * count, {
        processes: count,
        flags: ["--concurrency", "4"],
        sqsDelayMs: ms,
      }),
    ),
  };
}
