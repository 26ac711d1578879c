// The commands that get a place ready.
import type { ActionFor, CliCommand } from "../command.ts";
import { tableOption, withQueueOptions } from "./shared-options.ts";

export function defineSetup(program: CliCommand, action: ActionFor): void {
  program.commandsGroup("Set up:");

  program
    .command("keygen")
    .summary("print a new masking key as a line for .env")
    .description("Prints a new masking key as a line for .env: fetch-etl keygen >> .env")
    .option("--force", "print one although .env has one already")
    .example("fetch-etl keygen >> .env", "make the masking key, once")
    .action(action(async () => (await import("../commands/keygen.ts")).runKeygen));

  program
    .command("init")
    .summary("make schema and tables")
    .description(
      "Makes the schema and the tables that are missing, the vault's too. Can be run again. With --print it shows the SQL that does it, and that gives a role the rights of a drain.",
    )
    .addOption(tableOption())
    .option("--print", "print the SQL, with the loader's role and rights; needs no database")
    .option("--loader-role <name>", "with --print: the role that drains (default fetch_etl_loader)")
    .option("--json", "print one JSON object")
    .example("fetch-etl init", "make what is missing")
    .example(
      "fetch-etl init --print | psql -v ON_ERROR_STOP=1 postgres://owner@host/logins",
      "make it as another user, and the loader's role with it",
    )
    .action(action(async () => (await import("../commands/init.ts")).runInit));

  withQueueOptions(program.command("doctor"))
    .summary("check all that a drain needs, and change nothing")
    .description(
      "Checks settings, keys, credentials, queue, rights, clocks, database and tables, and tells the way out of what is wrong. Receives, deletes and writes nothing.",
    )
    .addOption(tableOption())
    .option("--json", "print one JSON object")
    .example("fetch-etl doctor", "before the first drain, and when one fails")
    .action(action(async () => (await import("../commands/doctor.ts")).runDoctor));
}
