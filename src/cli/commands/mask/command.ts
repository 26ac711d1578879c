import type { ActionFor, CliCommand } from "../../command.ts";
import { mappingOption } from "../../option.ts";

export function defineMask(program: CliCommand, action: ActionFor): void {
  program
    .command("mask")
    .summary("print the tokens of values")
    .description(
      "Prints the tokens of values such as addresses, one per line. Reads them from standard input, one per line, if you give no arguments. Arguments are visible in the process list.",
    )
    .argument("[values...]", "values of the field; if omitted, read from standard input")
    .requiredOption("--field <field>", "masked field of the mapping, such as ip or device_id")
    .addOption(mappingOption())
    .option("--key-id <id>", "use the configured masking key with this id instead of the first one")
    .option("--json", "print the result as one JSON object")
    .example("echo 192.0.2.7 | fetch-etl mask --field ip", "print the token to search for in masked_ip")
    .reads("key")
    .action(action(async () => (await import("./run.ts")).runMask));
}
