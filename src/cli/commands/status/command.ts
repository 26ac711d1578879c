import type { ActionFor, CliCommand } from "../../command.ts";
import { withQueueOptions } from "../../option.ts";

export function defineStatus(program: CliCommand, action: ActionFor): void {
  withQueueOptions(program.command("status"))
    .summary("show the last runs and waiting messages; change nothing")
    .description(
      "Shows the last ten drains of the queue, the last failure, and how many messages are in the queue and in the quarantine. Exits with 0 even if the last drain failed. Changes nothing.",
    )
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl status", "see how the last drains ended")
    .example("fetch-etl status --json | jq .lastFailure.error", "print the last error in a script")
    .reads("database")
    .action(action(async () => (await import("./run.ts")).runStatus));
}
