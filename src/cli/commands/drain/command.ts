import { count } from "../../../failure.ts";
import { DRAIN_DEFAULTS, ON_REJECT } from "../../../drain/settings.ts";
import type { ActionFor, CliCommand } from "../../command.ts";
import { appVersionOption, choice, waitOption, withMappingOptions, withQueueOptions } from "../../option.ts";

export function defineDrain(program: CliCommand, action: ActionFor): void {
  withMappingOptions(withQueueOptions(program.command("drain")))
    .summary("load every message in the queue, then exit")
    .description(
      "Receives messages until the queue is empty, masks and loads them, and deletes each one after Postgres has committed it. Then exits.",
    )
    .option("--concurrency <n>", "maximum concurrent receives", String(DRAIN_DEFAULTS.concurrency))
    .option("--batch-size <n>", "maximum rows per statement", String(DRAIN_DEFAULTS.batchSize))
    .option("--max-messages <n>", "stop after exactly n messages")
    .option("--max-seconds <duration>", "stop this long after the command starts")
    .option(
      "--retry-for <duration>",
      "how long to retry when SQS or Postgres becomes unavailable",
      `${DRAIN_DEFAULTS.retryFor}s`,
    )
    .addOption(waitOption("SQS and Postgres"))
    .option(
      "--ledger-days <duration>",
      "how long to remember loaded messages, at least 15 days",
      `${DRAIN_DEFAULTS.ledgerDays}d`,
    )
    .addOption(appVersionOption())
    .addOption(
      choice(
        "--on-reject <how>",
        ON_REJECT,
        "what to do with a message that cannot be loaded; leave requires a dead-letter queue",
      ).default(DRAIN_DEFAULTS.onReject),
    )
    .option("--fail-on-quarantine", "exit 3 if a message was quarantined or left in the queue")
    .option("--strict-key", "exit 2 if the most recent rows were masked with another key")
    .option(
      "--dry-run",
      `receive, decode, mask and count up to ${count(DRAIN_DEFAULTS.dryRunMessages)} messages, then return them to the queue`,
    )
    .option("--json", "print the result as one JSON object")
    .option("--report <file>", "also write the report to a file, even if the run fails")
    .option("--metrics <file>", "update Prometheus metrics in a file (.prom); use one file per queue")
    .option("--metrics-push <url>", "send Prometheus metrics to a Pushgateway")
    .option("--quiet", "print only warnings and errors")
    .example("fetch-etl drain", "load every message in the queue")
    .example("fetch-etl drain --dry-run", "show what a drain would do, and change nothing")
    .example(
      "fetch-etl drain --quiet --max-seconds 4m --metrics /var/metrics/etl.prom",
      "from cron, every five minutes, with Prometheus metrics",
    )
    .reads("key", "database", "recovery", "progress")
    .action(action(async () => (await import("./run.ts")).runDrain));
}
