import { FIELDS } from "../../../masking/keys.ts";
import type { ActionFor, CliCommand } from "../../command.ts";
import { choice } from "../../option.ts";

export function defineMask(program: CliCommand, action: ActionFor): void {
  program
    .command("mask")
    .summary("print the token of an address or device id")
    .description(
      "Prints the tokens of addresses or device ids, one per line. Reads them from standard input, one per line, if you give no arguments. Arguments are visible in the process list.",
    )
    .argument("[values...]", "addresses or device ids; if omitted, read from standard input")
    .addOption(choice("--field <field>", FIELDS, "field that the values belong to").makeOptionMandatory())
    .option("--key-id <id>", "use the configured masking key with this id instead of the first one")
    .option("--json", "print the result as one JSON object")
    .example("echo 192.0.2.7 | fetch-etl mask --field ip", "print the token to search for in masked_ip")
    .action(action(async () => (await import("./run.ts")).runMask));
}
