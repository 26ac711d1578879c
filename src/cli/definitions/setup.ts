// The commands that get a place ready.
import type { ActionFor, CliCommand } from "../command.ts";
import type { KeygenFlags } from "../commands/keygen.ts";

export function defineSetup(program: CliCommand, action: ActionFor): void {
  program.commandsGroup("Set up:");

  program
    .command("keygen")
    .summary("print a new masking key as a line for .env")
    .description("Prints a new masking key as a line for .env: fetch-etl keygen >> .env")
    .option("--force", "print one although .env has one already")
    .example("fetch-etl keygen >> .env", "make the masking key, once")
    .action(
      action(async (flags: KeygenFlags, context) =>
        (await import("../commands/keygen.ts")).runKeygen(flags, context),
      ),
    );
}
