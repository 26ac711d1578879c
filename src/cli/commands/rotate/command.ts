import type { ActionFor, CliCommand } from "../../command.ts";
import { withMappingOptions } from "../../option.ts";

export function defineRotate(program: CliCommand, action: ActionFor): void {
  withMappingOptions(program.command("rotate"))
    .summary("re-mask rows and vault with the current (first) key")
    .description(
      "Re-masks rows and vault entries of earlier masking keys with the current (first) key. Works in batches: you can stop it at any time and run it again.",
    )
    .option(
      "--identity <file>",
      "age identity file, as age-keygen writes it or encrypted by KMS; not needed with --dry-run",
    )
    .option("--dry-run", "count what would be re-masked and what could not, and change nothing")
    .option("--yes", "allow a rotation back to an earlier key")
    .option("--json", "print the result as one JSON object")
    .option("--quiet", "print only warnings and errors")
    .example("fetch-etl rotate --dry-run", "from which key to which, how many rows and vault entries")
    .example("fetch-etl rotate --identity identity.txt", "after you set FETCH_ETL_MASKING_KEY to new,old")
    .reads("key", "database")
    .action(action(async () => (await import("./run.ts")).runRotate));
}
