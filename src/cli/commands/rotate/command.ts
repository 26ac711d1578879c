// The name, flags and examples of `fetch-etl rotate`.
import type { ActionFor, CliCommand } from "../../command.ts";
import { tableOption } from "../../shared-options.ts";

export function defineRotate(program: CliCommand, action: ActionFor): void {
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
    .action(action(async () => (await import("./run.ts")).runRotate));
}
