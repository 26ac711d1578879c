// Workers that drain one queue into one database: the drain's own loop, in virtual time.
import { drain } from "../../src/drain/loop.ts";
import type { EntryMaker } from "../../src/drain/entry.ts";
import type { Clock } from "../../src/drain/clock.ts";
import type { Loader } from "../../src/drain/ports.ts";
import type { DrainReport } from "../../src/drain/report.ts";
import { mulberry32 } from "../../sandbox/messages.ts";
import { Cores, Thread } from "./cores.ts";
import { SimulatedSqs, type SqsLimits } from "./sqs.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** CPU times are microseconds of one core. */
export interface Fleet {
  readonly workers: number;
  /** All of them, in the queue at the start. */
  readonly messages: number;
  readonly concurrency: number;
  readonly batchSize: number;
  readonly sqs: {
    readonly limits: SqsLimits;
    readonly latencyMs: number;
    /** Message groups of a FIFO queue. */
    readonly groups?: number;
    /** As `--on-reject leave` receives. */
    readonly leave?: boolean;
  };
  readonly postgres: {
    readonly roundTripMs: number;
    /** Of the machine that Postgres has for itself. */
    readonly cores: number;
    readonly cpuPerRow: number;
  };
  /** A worker's, beside its start. */
  readonly cpuPerMessage: number;
  /** Until a worker's first receive, milliseconds of its CPU. */
  readonly startMs: number;
  /** Where workers and both servers are on one machine: its cores, and what the SQS server does for a message. */
  readonly sharedMachine?: { readonly cores: number; readonly sqsCpuPerMessage: number };
}

export interface FleetResult {
  /** Messages a second, from the start to the last delete. */
  readonly throughput: number;
  readonly mostInFlight: number;
  readonly throttled: number;
  readonly loaded: number;
  readonly duplicates: number;
  readonly left: number;
  readonly reports: readonly DrainReport[];
}

/** Postgres's round trips for a statement that is not prepared by name. */
const ROUND_TRIPS = 2;

/** Runs the workers to their ends. */
export async function simulate(fleet: Fleet): Promise<FleetResult> {
  const {
    workers,
    messages,
    sqs: { limits, groups, leave = false, latencyMs },
    sharedMachine,
  } = fleet;
  const clock = new VirtualClock();
  const shared = sharedMachine === undefined ? undefined : new Cores(sharedMachine.cores);
  const sqs = new SimulatedSqs(clock, { messages, groups, limits });
  const sqsServer = shared && new Thread(clock, shared);
  const postgres = shared ?? new Cores(fleet.postgres.cores);
  const loaded = new Set<string>();
  const random = mulberry32(1);

  const work = async (): Promise<DrainReport> => {
    const thread = new Thread(clock, shared ?? new Cores(1));
    await thread.compute(fleet.startMs);
    // A message is received once and deleted once.
    const costs = {
      latencyMs,
      serve: async (count: number) =>
        sqsServer?.compute(((sharedMachine?.sqsCpuPerMessage ?? 0) * count) / 2000),
      digest: (count: number) => thread.compute((fleet.cpuPerMessage * count) / 2000),
    };
    return drain(
      {
        concurrency: fleet.concurrency,
        batchSize: fleet.batchSize,
        retryForSeconds: 300,
        onReject: leave ? "leave" : "quarantine",
      },
      {
        queue: sqs.port(costs, groups !== undefined),
        loader: simulatedLoader(clock, new Thread(clock, postgres), loaded, fleet.postgres),
        entries,
        clock,
        random,
        stop: new AbortController().signal,
      },
    );
  };
  const reports = await Promise.all(Array.from({ length: workers }, work));
  const sum = (of: (report: DrainReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    throughput: messages / (sqs.lastDeleteAt / 1000),
    mostInFlight: sqs.mostInFlight,
    throttled: sqs.throttled,
    loaded: sum((report) => report.loaded),
    duplicates: sum((report) => report.duplicates),
    left: sqs.left,
    reports,
  };
}

/** One connection to a database whose ledger knows what was loaded. */
function simulatedLoader(
  clock: Clock,
  backend: Thread,
  ledger: Set<string>,
  { roundTripMs, cpuPerRow }: Fleet["postgres"],
): Loader {
  return {
    load: async (batch) => {
      await clock.wait(ROUND_TRIPS * roundTripMs);
      await backend.compute((cpuPerRow * batch.length) / 1000);
      const fresh = batch.filter(({ messageId }) => !ledger.has(messageId));
      for (const { messageId } of fresh) ledger.add(messageId);
      return { loaded: fresh.length, quarantined: 0, duplicates: batch.length - fresh.length };
    },
  };
}

const ROW = {
  user_id: "",
  device_type: null,
  masked_ip: null,
  masked_device_id: null,
  locale: null,
  app_version: null,
  create_date: "2030-01-01",
};

/** What a message holds does not matter, and costs what the worker's CPU time says. */
const entries: EntryMaker = {
  fromMessage: ({ messageId, sentAt }) => ({ messageId, sentAt, bodyMac: new Uint8Array(), row: ROW }),
  reject: () => {
    throw new Error("nothing is refused here");
  },
};
