// Reads what `drain` was asked to do.
import { APP_VERSION_STYLES, type AppVersionStyle } from "../login/app-version.ts";
import { DRAIN_DEFAULTS } from "./defaults.ts";
import { wholeNumber, oneOf, type Problems } from "./readers.ts";
import type { QueueFlags } from "./queue.ts";
import type { RunFileFlags } from "./files.ts";
import type { TableFlags } from "./table.ts";

export interface DrainFlags extends QueueFlags, TableFlags, RunFileFlags {
  readonly concurrency?: string;
  readonly batchSize?: string;
  readonly maxMessages?: string;
  readonly maxSeconds?: string;
  readonly retryFor?: string;
  readonly ledgerDays?: string;
  readonly appVersion?: string;
  readonly onReject?: string;
  readonly failOnQuarantine?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface DrainConfig {
  readonly concurrency: number;
  readonly batchSize: number;
  readonly maxMessages: number | undefined;
  readonly maxSeconds: number | undefined;
  readonly retryForSeconds: number;
  readonly ledgerDays: number;
  readonly appVersion: AppVersionStyle;
  readonly onReject: ReturnType<typeof readOnReject>;
}

const A_DAY_IN_SECONDS = 86_400;
/** SQS keeps a message for 14 days; a ledger that forgets sooner would load a late redelivery twice. */
const FEWEST_LEDGER_DAYS = 15;

/**
 * What a dry run receives it holds until its end, hidden from real drains, and SQS lets a queue have 120,000 messages in flight at once.
 */
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
    maxSeconds: wholeNumber(flags.maxSeconds, "--max-seconds", { min: 1, max: A_DAY_IN_SECONDS }, problems),
    retryForSeconds:
      wholeNumber(flags.retryFor, "--retry-for", { min: 0, max: A_DAY_IN_SECONDS }, problems) ??
      DRAIN_DEFAULTS.retryFor,
    ledgerDays:
      wholeNumber(flags.ledgerDays, "--ledger-days", { min: FEWEST_LEDGER_DAYS, max: 3650 }, problems) ??
      DRAIN_DEFAULTS.ledgerDays,
    appVersion: readAppVersionStyle(flags.appVersion, problems),
    onReject: readOnReject(flags.onReject, problems),
  };
}

function readMaxMessages({ maxMessages, dryRun }: DrainFlags, problems: Problems): number | undefined {
  if (dryRun !== true) return wholeNumber(maxMessages, "--max-messages", { min: 1 }, problems);
  const range = { min: 1, max: MOST_OF_A_DRY_RUN };
  return (
    wholeNumber(maxMessages, "--max-messages with --dry-run", range, problems) ??
    DRAIN_DEFAULTS.dryRunMessages
  );
}

/** Reads the flag `--app-version`; a mistake is added to `problems`, and reads as `full`. */
export function readAppVersionStyle(text: string | undefined, problems: Problems): AppVersionStyle {
  return oneOf(text ?? "full", "--app-version", APP_VERSION_STYLES, problems) ?? "full";
}

/** `leave` leaves it in the queue, so that the queue's own redrive policy moves it to the dead-letter queue. */
export const ON_REJECT = ["quarantine", "leave"] as const;

/** Reads the flag `--on-reject`; a mistake is added to `problems`, and reads as `quarantine`. */
export function readOnReject(text: string | undefined, problems: Problems): (typeof ON_REJECT)[number] {
  return oneOf(text ?? "quarantine", "--on-reject", ON_REJECT, problems) ?? "quarantine";
}
