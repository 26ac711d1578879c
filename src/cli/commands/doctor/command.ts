// The name, flags and examples of `fetch-etl doctor`.
import type { ActionFor, CliCommand } from "../../command.ts";
import { tableOption, withQueueOptions } from "../../shared-options.ts";

export function defineDoctor(program: CliCommand, action: ActionFor): void {
  withQueueOptions(program.command("doctor"))
    .summary("check all that a drain needs, and change nothing")
    .description(
      "Checks settings, keys, credentials, queue, rights, clocks, database and tables, and tells the way out of what is wrong. Receives, deletes and writes nothing.",
    )
    .addOption(tableOption())
    .option("--json", "print one JSON object")
    .example("fetch-etl doctor", "before the first drain, and when one fails")
    .action(action(async () => (await import("./run.ts")).runDoctor));
}
