import type { ActionFor, CliCommand } from "../../command.ts";
import { withMappingOptions } from "../../option.ts";

export function defineForget(program: CliCommand, action: ActionFor): void {
  withMappingOptions(program.command("forget"))
    .summary("permanently delete masked values; recorded in the database")
    .description(
      "Permanently deletes the vault entries of tokens, or of the tokens in one person's rows. First shows which tokens, in how many rows of how many users, and which quarantined messages contain the same values, and asks. The rows keep their tokens. The request is recorded in fetch_etl.reveal_log.",
    )
    .argument("[tokens...]", "tokens; if omitted, read from standard input, one per line")
    .requiredOption("--reason <text>", "the reason, which is recorded")
    .option(
      "--where <column=value>",
      "the tokens in all rows with this value, and the quarantined messages that have it; not with tokens",
    )
    .option("--purge-quarantine", "also delete quarantined messages that contain the same values")
    .option("--dry-run", "show what would be deleted, and delete nothing")
    .option("--yes", "delete without asking; needed without a terminal")
    .option("--json", "print the result as one JSON object")
    .example(
      'fetch-etl forget --where user_id=u-1 --reason "request 12"',
      "delete the values in one person's rows",
    )
    .example(
      'fetch-etl forget --reason "request 12" --yes < tokens.txt',
      "delete the values of the tokens in a file",
    )
    .reads("key", "database")
    .action(action(async () => (await import("./run.ts")).runForget));
}
