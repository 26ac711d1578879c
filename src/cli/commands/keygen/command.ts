// The name, flags and examples of `fetch-etl keygen`.
import type { ActionFor, CliCommand } from "../../command.ts";

export function defineKeygen(program: CliCommand, action: ActionFor): void {
  program
    .command("keygen")
    .summary("print a new masking key as a line for .env")
    .description("Prints a new masking key as a line for .env: fetch-etl keygen >> .env")
    .option("--force", "print one although .env has one already")
    .example("fetch-etl keygen >> .env", "make the masking key, once")
    .action(action(async () => (await import("./run.ts")).runKeygen));
}
