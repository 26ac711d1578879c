import type { ActionFor, CliCommand } from "../../command.ts";
import { mappingOption } from "../../option.ts";

export function defineForget(program: CliCommand, action: ActionFor): void {
  program
    .command("forget")
    .summary("permanently delete masked values; recorded in the database")
    .description(
      "Permanently deletes the vault entries of tokens, and names the quarantined messages that contain the same values. The rows keep their tokens. The request is recorded in fetch_etl.reveal_log.",
    )
    .argument("[tokens...]", "tokens; if omitted, read from standard input, one per line")
    .requiredOption("--reason <text>", "the reason, which is recorded")
    .addOption(mappingOption())
    .option("--purge-quarantine", "also delete quarantined messages that contain the same values")
    .option("--json", "print the result as one JSON object")
    .example(
      'fetch-etl forget --reason "request 12" < tokens.txt',
      "delete the values of the tokens in a file",
    )
    .reads("key", "database")
    .action(action(async () => (await import("./run.ts")).runForget));
}
