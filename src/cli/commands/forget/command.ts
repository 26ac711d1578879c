// The name, flags and examples of `fetch-etl forget`.
import type { ActionFor, CliCommand } from "../../command.ts";

export function defineForget(program: CliCommand, action: ActionFor): void {
  program
    .command("forget")
    .summary("delete the values behind tokens for ever; leaves a record")
    .description(
      "Deletes what the vault holds for tokens, and tells which quarantined messages hold the same values. The rows keep their tokens. Recorded in fetch_etl.reveal_log.",
    )
    .argument("[tokens...]", "tokens; without them standard input is read, one a line")
    .requiredOption("--reason <text>", "why, for the record")
    .option("--purge-quarantine", "delete quarantined messages that hold the same values, too")
    .option("--json", "print one JSON object")
    .example(
      'fetch-etl forget --reason "request 12" < tokens.txt',
      "delete the values behind the tokens of a file",
    )
    .action(action(async () => (await import("./run.ts")).runForget));
}
