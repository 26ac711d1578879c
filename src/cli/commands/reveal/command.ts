import type { ActionFor, CliCommand } from "../../command.ts";

export function defineReveal(program: CliCommand, action: ActionFor): void {
  program
    .command("reveal")
    .summary("decrypt masked values; recorded in the database")
    .description(
      "Decrypts masked values with an age identity. Before it decrypts anything, it records the user, the time, the reason and the tokens in fetch_etl.reveal_log.",
    )
    .argument("[tokens...]", "tokens; if omitted, read from standard input, one per line")
    .requiredOption("--identity <file>", "age identity file, as age-keygen writes it or encrypted by KMS")
    .requiredOption("--reason <text>", "the reason, which is recorded")
    .option("--json", "print the result as one JSON object")
    .example(
      'fetch-etl reveal --identity identity.txt --reason "ticket 4711" < tokens.txt',
      "decrypt the values of the tokens in a file",
    )
    .reads("key", "database")
    .action(action(async () => (await import("./run.ts")).runReveal));
}
