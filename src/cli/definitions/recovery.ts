// The commands around masked values: finding them, opening them, deleting them, changing their key.
import { FIELDS } from "../../masking/field.ts";
import type { ActionFor, CliCommand } from "../command.ts";
import { choice } from "../option.ts";
import { tableOption } from "./shared-options.ts";

export function defineRecovery(program: CliCommand, action: ActionFor): void {
  program.commandsGroup("Personal data:");

  program
    .command("mask")
    .summary("print the token of a value, to look for it in the table")
    .description(
      "Prints the tokens of values, one a line: from arguments or, better, from standard input, one value a line, because arguments show in the list of processes.",
    )
    .argument("[values...]", "addresses or device ids; without them standard input is read")
    .addOption(choice("--field <field>", FIELDS, "what the values are").makeOptionMandatory())
    .option("--key-id <id>", "use the configured masking key with this id, not the first one")
    .option("--json", "print one JSON object")
    .example("echo 192.0.2.7 | fetch-etl mask --field ip", "print the token to look for in masked_ip")
    .action(action(async () => (await import("../commands/mask.ts")).runMask));

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
    .action(action(async () => (await import("../commands/reveal.ts")).runReveal));

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
    .action(action(async () => (await import("../commands/forget.ts")).runForget));

  program
    .command("rotate")
    .summary("bring rows and vault from earlier masking keys to the first one")
    .description(
      "Masks rows and vault anew under the first masking key, in batches that can be killed at any moment and run again.",
    )
    .requiredOption("--identity <file>", "age identity file, as age-keygen writes it")
    .addOption(tableOption("the table of the rows, in place of FETCH_ETL_TABLE"))
    .option("--json", "print one JSON object")
    .option("--quiet", "print nothing but warnings and errors")
    .example("fetch-etl rotate --identity identity.txt", "after FETCH_ETL_MASKING_KEY became new,old")
    .action(action(async () => (await import("../commands/rotate.ts")).runRotate));
}
