// What is run: each scenario is a few runs that are compared with each other.
import type { ContenderName } from "./contenders.ts";

/** One contender under one set of circumstances. */
export interface Entry {
  /** Unique within the scenario. */
  readonly label: string;
  readonly contender: ContenderName;
  readonly messages: number;
  /** How many processes share the queue; 1 unless told. */
  readonly processes?: number;
  /** More arguments for the contender. */
  readonly flags?: readonly string[];
  /** Milliseconds added to each SQS call; each Postgres round trip then takes {@link POSTGRES_DELAY_MS} more. */
  readonly sqsDelayMs?: number;
  /** How many of the messages are of the wrong type. */
  readonly invalid?: number;
  /** How many of the messages were loaded before, by a run that ended between its commit and its deletes. */
  readonly redelivered?: number;
  /** Bytes of each body. */
  readonly bodyBytes?: number;
  /** With the values kept for recovery, sealed. */
  readonly vault?: boolean;
  /** Into tables that hold {@link GROWN_ROWS} rows each already. */
  readonly grown?: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly rounds: number;
  readonly entries: readonly Entry[];
}

export const POSTGRES_DELAY_MS = 2;
export const GROWN_ROWS = 10_000_000;

const MANY = 20_000;
const MEBIBYTE = 1024 * 1024;

/** How many messages each contender gets at a latency, so that none takes much longer than the others. */
type Messages = Readonly<Record<"fetch-etl" | "sdk-loop" | "wire" | "sqs-consumer" | "usual-answer", number>>;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "loopback",
    title: "Loopback, nothing added",
    rounds: 5,
    entries: everybody(0, {
      "fetch-etl": MANY,
      "sdk-loop": MANY,
      wire: MANY,
      "sqs-consumer": MANY,
      "usual-answer": 10_000,
    }),
  },
  network(5, 3, { "sqs-consumer": 4_000, "usual-answer": 2_000 }),
  network(20, 5, { "sqs-consumer": 2_000, "usual-answer": 1_000 }),
  network(50, 3, { "sqs-consumer": 1_000, "usual-answer": 600 }),
  processes(20, MANY),
  processes(50, 8_000),
  {
    name: "requests",
    title: "10,000 messages waiting",
    rounds: 3,
    entries: [
      { label: "loopback", contender: "fetch-etl", messages: 10_000 },
      { label: "20 ms", contender: "fetch-etl", messages: 10_000, sqsDelayMs: 20 },
    ],
  },
  {
    name: "invalid",
    title: "1 % of the messages invalid",
    rounds: 3,
    entries: [
      { label: "all valid", contender: "fetch-etl", messages: MANY },
      { label: "1 % invalid", contender: "fetch-etl", messages: MANY, invalid: MANY / 100 },
    ],
  },
  {
    name: "redelivered",
    title: "10 % of the messages redelivered",
    rounds: 3,
    entries: [
      { label: "all new", contender: "fetch-etl", messages: MANY },
      { label: "10 % redelivered", contender: "fetch-etl", messages: MANY, redelivered: MANY / 10 },
    ],
  },
  {
    name: "vault",
    title: "With the masked values kept for recovery, 60,000 messages",
    rounds: 3,
    entries: [
      { label: "without a vault", contender: "fetch-etl", messages: 3 * MANY },
      { label: "with a vault", contender: "fetch-etl", messages: 3 * MANY, vault: true },
      { label: "without, 20 ms", contender: "fetch-etl", messages: 3 * MANY, sqsDelayMs: 20 },
      { label: "with, 20 ms", contender: "fetch-etl", messages: 3 * MANY, sqsDelayMs: 20, vault: true },
    ],
  },
  {
    name: "empty",
    title: "An empty queue",
    rounds: 5,
    entries: [
      { label: "loopback", contender: "fetch-etl", messages: 0 },
      { label: "20 ms", contender: "fetch-etl", messages: 0, sqsDelayMs: 20 },
    ],
  },
  {
    name: "big-messages",
    title: "Messages of 1 MiB",
    rounds: 3,
    entries: [
      { label: "fetch-etl", contender: "fetch-etl", messages: 200, bodyBytes: MEBIBYTE },
      { label: "sdk-loop", contender: "sdk-loop", messages: 200, bodyBytes: MEBIBYTE },
    ],
  },
  {
    name: "memory",
    title: "Large messages, valid and rejected",
    rounds: 3,
    entries: [
      { label: "300 valid of 1 MB", contender: "fetch-etl", messages: 300, bodyBytes: 1_000_000 },
      {
        label: "300 rejected of 1 MB",
        contender: "fetch-etl",
        messages: 300,
        invalid: 300,
        bodyBytes: 1_000_000,
      },
      {
        label: "1,500 rejected of 250 kB",
        contender: "fetch-etl",
        messages: 1_500,
        invalid: 1_500,
        bodyBytes: 250_000,
      },
    ],
  },
  {
    // The server takes messages from the front of a list, which costs it the more the longer the list is, and SQS nothing:
    // what counts here is the contender's memory and CPU.
    name: "deep-queue",
    title: "20,000 and 200,000 messages waiting",
    rounds: 2,
    entries: [
      { label: "fetch-etl, 20,000", contender: "fetch-etl", messages: MANY },
      { label: "fetch-etl, 200,000", contender: "fetch-etl", messages: 10 * MANY },
      { label: "sdk-loop, 200,000", contender: "sdk-loop", messages: 10 * MANY },
    ],
  },
  {
    name: "grown-tables",
    title: "10 million rows in user_logins and in the ledger",
    rounds: 3,
    entries: [
      { label: "empty tables", contender: "fetch-etl", messages: MANY },
      { label: "grown tables", contender: "fetch-etl", messages: MANY, grown: true },
    ],
  },
  {
    name: "startup",
    title: "Starting up",
    rounds: 20,
    entries: [
      { label: "fetch-etl --version", contender: "version", messages: 0 },
      { label: "node -e 0", contender: "node", messages: 0 },
    ],
  },
];

/** Everybody over a network; the contenders that wait for each call get fewer messages. */
function network(
  ms: number,
  rounds: number,
  slow: Pick<Messages, "sqs-consumer" | "usual-answer">,
): Scenario {
  return {
    name: `${ms}ms`,
    title: `${ms} ms added to each SQS call, ${POSTGRES_DELAY_MS} ms to each Postgres round trip`,
    rounds,
    entries: everybody(ms, { "fetch-etl": MANY, "sdk-loop": MANY, wire: MANY, ...slow }),
  };
}

/**
 * With few receives at once in each process, so that waiting and not CPU time is what there is to share. All processes, both
 * servers and the proxies run on this machine: the longer the wait, the less they are in each other's way. Each process has as
 * many messages, so that starting up weighs the same; no more, because of the server's list (see deep-queue).
 */
function processes(ms: number, messages: number): Scenario {
  return {
    name: `processes-${ms}ms`,
    title: `1, 2 and 4 processes on one queue, ${ms} ms added to each SQS call, ${messages.toLocaleString("en-US")} messages a process`,
    rounds: 3,
    entries: [1, 2, 4].map((count) => ({
      label: `${count} × fetch-etl`,
      contender: "fetch-etl",
      messages: messages * count,
      processes: count,
      flags: ["--concurrency", "4"],
      sqsDelayMs: ms,
    })),
  };
}

function everybody(sqsDelayMs: number, messages: Messages): Entry[] {
  const contenders = ["fetch-etl", "sdk-loop", "wire", "sqs-consumer", "usual-answer"] as const;
  return contenders.map((contender) => ({
    label: contender,
    contender,
    messages: messages[contender],
    sqsDelayMs,
  }));
}
