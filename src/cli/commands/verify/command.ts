import type { ActionFor, CliCommand } from "../../command.ts";
import { appVersionOption, withMappingOptions, withQueueOptions } from "../../option.ts";

export function defineVerify(program: CliCommand, action: ActionFor): void {
  withMappingOptions(withQueueOptions(program.command("verify")))
    .summary("count and check the loaded rows; change nothing")
    .description(
      "Counts and checks the loaded rows. Also counts the quarantine and the messages left in the queue. Changes nothing.",
    )
    .option("--expect <n>", "exit 4 unless the table has n rows")
    .addOption(appVersionOption("how versions were stored: full reads 2003001 as 2.3.1"))
    .option("--html <file>", "also write the result as a page with charts")
    .option("--json", "print the result as one JSON object")
    .option("--quiet", "print only warnings and errors")
    .example("fetch-etl verify", "count and check the loaded rows")
    .example("fetch-etl verify --html logins.html", "also save the result as a page with charts")
    .example("fetch-etl verify --expect 99 --quiet", "check the rows in a script, by the exit code")
    .reads("database")
    .action(action(async () => (await import("./run.ts")).runVerify));
}
