// The name, flags and examples of `fetch-etl drain`.
import { DRAIN_DEFAULTS, ON_REJECT } from "../../../drain/settings.ts";
import type { ActionFor, CliCommand } from "../../command.ts";
import { choice } from "../../option.ts";
import { appVersionOption, tableOption, withQueueOptions } from "../../shared-options.ts";

export function defineDrain(program: CliCommand, action: ActionFor): void {
  withQueueOptions(program.command("drain"))
    .summary("load every message of the queue, then exit")
    .description("Receives until the queue is empty, masks, loads, deletes what is committed, then exits.")
    .option("--concurrency <n>", "most receives under way at once", String(DRAIN_DEFAULTS.concurrency))
    .option("--batch-size <n>", "most rows a statement", String(DRAIN_DEFAULTS.batchSize))
    .option("--max-messages <n>", "stop after n messages")
    .option("--max-seconds <n>", "stop after n seconds")
    .option(
      "--retry-for <seconds>",
      "how long to wait for SQS or Postgres when it goes away",
      String(DRAIN_DEFAULTS.retryFor),
    )
    .option(
      "--ledger-days <n>",
      "prune the ledger of loaded messages after n days",
      String(DRAIN_DEFAULTS.ledgerDays),
    )
    .addOption(tableOption())
    .addOption(appVersionOption())
    .addOption(
      choice(
        "--on-reject <how>",
        ON_REJECT,
        "what becomes of a message that cannot be loaded; leave is for a dead-letter queue",
      ).default(DRAIN_DEFAULTS.onReject),
    )
    .option("--fail-on-quarantine", "exit 3 when a message was quarantined or left")
    .option(
      "--dry-run",
      `receive, decode, mask and count up to ${DRAIN_DEFAULTS.dryRunMessages} messages, then give them back`,
    )
    .option("--json", "print the report as one JSON object")
    .option("--report <file>", "write the report to a file too, also when the run fails")
    .option("--metrics <file>", "keep metrics for Prometheus in a file (.prom), one for each queue")
    .option("--quiet", "print nothing but warnings and errors")
    .example("fetch-etl drain", "load what the queue holds")
    .example("fetch-etl drain --dry-run", "see what a drain would do, and change nothing")
    .example(
      "fetch-etl drain --quiet --max-seconds 240 --metrics /var/metrics/etl.prom",
      "from cron, every five minutes, with metrics for Prometheus",
    )
    .action(action(async () => (await import("./run.ts")).runDrain));
}
