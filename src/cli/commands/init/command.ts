import type { ActionFor, CliCommand } from "../../command.ts";
import { waitOption, withMappingOptions } from "../../option.ts";

export function defineInit(program: CliCommand, action: ActionFor): void {
  withMappingOptions(program.command("init"))
    .summary("create the schema and tables")
    .description(
      "Creates the schema and the tables that are missing, including the vault. You can run it again. With --print, prints the SQL instead, including the loader role and its grants.",
    )
    .option("--print", "print the SQL, including the loader role and its grants; needs no database")
    .option("--loader-role <name>", "with --print: the role that runs drains (default fetch_etl_loader)")
    .addOption(waitOption("Postgres"))
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl init", "create whatever is missing")
    .example(
      "fetch-etl init --print | psql -v ON_ERROR_STOP=1 postgres://owner@host/logins",
      "create the tables and the loader role as another user",
    )
    .reads("database")
    .action(action(async () => (await import("./run.ts")).runInit));
}
