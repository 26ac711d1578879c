import type { ActionFor, CliCommand } from "../../command.ts";
import { withMappingOptions, withQueueOptions } from "../../option.ts";

export function defineDoctor(program: CliCommand, action: ActionFor): void {
  withMappingOptions(withQueueOptions(program.command("doctor")))
    .summary("check everything a drain needs; change nothing")
    .description(
      "Checks settings, keys, credentials, queue, permissions, clocks, database and tables, and tells you how to fix problems. Does not receive, delete or write anything.",
    )
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl doctor", "before the first drain, and when a drain fails")
    .reads("key", "database", "recovery")
    .action(action(async () => (await import("./run.ts")).runDoctor));
}
