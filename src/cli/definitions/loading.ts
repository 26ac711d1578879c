// The commands of the main job.
import { DRAIN_DEFAULTS, PEEK_DEFAULTS } from "../../config/defaults.ts";
import { ON_REJECT } from "../../config/on-reject.ts";
import type { ActionFor, CliCommand } from "../command.ts";
import { choice } from "../option.ts";
import { appVersionOption, tableOption, withQueueOptions } from "./shared-options.ts";

export function defineLoading(program: CliCommand, action: ActionFor): void {
  program.commandsGroup("Load:");

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
      ).default("quarantine"),
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
    .action(action(async () => (await import("../commands/drain.ts")).runDrain));

  withQueueOptions(program.command("peek"))
    .summary("show messages, masked, and leave them in the queue")
    .description("Shows messages, masked, and leaves every one of them in the queue.")
    .option("--count <n>", "most messages to show", String(PEEK_DEFAULTS.count))
    .addOption(appVersionOption())
    .option("--raw", "show the bodies as they are, personal data included")
    .option("--force", "look even where it may move a message to the dead-letter queue")
    .option("--json", "print one JSON object a message")
    .option("--quiet", "print nothing but messages, warnings and errors")
    .example("fetch-etl peek --count 5", "look at five messages")
    .example("fetch-etl peek --json | jq .rejection", "see why messages would be quarantined")
    .action(action(async () => (await import("../commands/peek.ts")).runPeek));

  withQueueOptions(program.command("verify"))
    .summary("count and check the rows and what is left in the queue")
    .description("Counts and checks the rows, the quarantine and what is left in the queue. Changes nothing.")
    .addOption(tableOption("the table of the rows, in place of FETCH_ETL_TABLE"))
    .option("--expect <n>", "exit 4 when the table does not have n rows")
    .addOption(appVersionOption("how the rows' versions were stored"))
    .option("--html <file>", "write the result as a page too, with charts")
    .option("--json", "print the result as one JSON object")
    .option("--quiet", "print nothing but warnings and errors")
    .example("fetch-etl verify", "see what is loaded")
    .example("fetch-etl verify --html logins.html", "and keep it as a page with charts")
    .example("fetch-etl verify --expect 99 --quiet", "check in a script, by the exit code")
    .action(action(async () => (await import("../commands/verify.ts")).runVerify));
}
