// The name, flags and examples of `fetch-etl verify`.
import type { ActionFor, CliCommand } from "../../command.ts";
import { appVersionOption, tableOption, withQueueOptions } from "../../shared-options.ts";

export function defineVerify(program: CliCommand, action: ActionFor): void {
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
    .action(action(async () => (await import("./run.ts")).runVerify));
}
