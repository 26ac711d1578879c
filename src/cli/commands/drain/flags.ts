// Reads the flags of `fetch-etl drain`.
import type { RunFileFlags } from "../../../config/files.ts";
import type { MetricsPushFlags } from "../../../config/metrics-push.ts";
import type { MappingFlags } from "../../../config/mapping.ts";
import type { QueueFlags } from "../../../config/queue.ts";
import { duration, oneOf, wholeNumber, type Problems } from "../../../config/readers.ts";
import type { TableFlags } from "../../../config/table.ts";
import { readWait } from "../../opening.ts";
import { DRAIN_DEFAULTS, ON_REJECT, type DrainSettings } from "../../../drain/settings.ts";

export interface DrainFlags extends QueueFlags, MappingFlags, TableFlags, RunFileFlags, MetricsPushFlags {
  readonly concurrency?: string;
  readonly batchSize?: string;
  readonly maxMessages?: string;
  readonly maxSeconds?: string;
  readonly retryFor?: string;
  readonly wait?: string;
  readonly ledgerDays?: string;
  readonly onReject?: string;
  readonly failOnQuarantine?: boolean;
  readonly strictKey?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface DrainConfig extends DrainSettings {
  readonly ledgerDays: number;
  /** How long to wait for a queue and a database that are still starting, seconds. */
  readonly waitSeconds: number;
}

const A_DAY_IN_SECONDS = 86_400;
/** SQS retains a message for up to 14 days; a ledger pruned earlier would let a late redelivery load twice. */
const FEWEST_LEDGER_DAYS = 15;

/** A dry run keeps all its messages in flight until it ends, and SQS allows 120,000 in flight per queue. */
const MOST_OF_A_DRY_RUN = 100_000;

/** Reads the flags; mistakes are added to `problems`. */
export function readDrain(flags: DrainFlags, problems: Problems): DrainConfig {
  return {
    concurrency:
      wholeNumber(flags.concurrency, "--concurrency", { min: 1, max: 256 }, problems) ??
      DRAIN_DEFAULTS.concurrency,
    batchSize:
      wholeNumber(flags.batchSize, "--batch-size", { min: 1, max: 10_000 }, problems) ??
      DRAIN_DEFAULTS.batchSize,
    maxMessages: readMaxMessages(flags, problems),
    maxSeconds: duration(
      flags.maxSeconds,
      "--max-seconds",
      "second",
      { min: 1, max: A_DAY_IN_SECONDS },
      problems,
    ),
    retryForSeconds:
      duration(flags.retryFor, "--retry-for", "second", { min: 0, max: A_DAY_IN_SECONDS }, problems) ??
      DRAIN_DEFAULTS.retryFor,
    waitSeconds: readWait(flags.wait, problems),
    ledgerDays:
      duration(flags.ledgerDays, "--ledger-days", "day", { min: FEWEST_LEDGER_DAYS, max: 3650 }, problems) ??
      DRAIN_DEFAULTS.ledgerDays,
    onReject:
      oneOf(flags.onReject ?? DRAIN_DEFAULTS.onReject, "--on-reject", ON_REJECT, problems) ??
      DRAIN_DEFAULTS.onReject,
  };
}

function readMaxMessages({ maxMessages, dryRun }: DrainFlags, problems: Problems): number | undefined {
  const range = dryRun === true ? { min: 1, max: MOST_OF_A_DRY_RUN } : { min: 1 };
  const read = wholeNumber(maxMessages, "--max-messages", range, problems);
  return dryRun === true ? (read ?? DRAIN_DEFAULTS.dryRunMessages) : read;
}
