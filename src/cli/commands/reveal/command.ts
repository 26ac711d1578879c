// The name, flags and examples of `fetch-etl reveal`.
import type { ActionFor, CliCommand } from "../../command.ts";

export function defineReveal(program: CliCommand, action: ActionFor): void {
  program
    .command("reveal")
    .summary("open the values behind tokens; leaves a record")
    .description(
      "Opens the values behind tokens with an age identity. Who, when, why and which tokens is written to fetch_etl.reveal_log, and committed, before anything is opened.",
    )
    .argument("[tokens...]", "tokens; without them standard input is read, one a line")
    .requiredOption("--identity <file>", "age identity file, as age-keygen writes it")
    .requiredOption("--reason <text>", "why, for the record")
    .option("--json", "print one JSON object")
    .example(
      'fetch-etl reveal --identity identity.txt --reason "ticket 4711" < tokens.txt',
      "open the values behind the tokens of a file",
    )
    .action(action(async () => (await import("./run.ts")).runReveal));
}
