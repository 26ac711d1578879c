// The name, flags and examples of `fetch-etl mask`.
import { FIELDS } from "../../../masking/keys.ts";
import type { ActionFor, CliCommand } from "../../command.ts";
import { choice } from "../../option.ts";

export function defineMask(program: CliCommand, action: ActionFor): void {
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
    .action(action(async () => (await import("./run.ts")).runMask));
}
