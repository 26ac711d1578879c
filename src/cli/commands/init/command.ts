// The name, flags and examples of `fetch-etl init`.
import type { ActionFor, CliCommand } from "../../command.ts";
import { tableOption } from "../../shared-options.ts";

export function defineInit(program: CliCommand, action: ActionFor): void {
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
    .action(action(async () => (await import("./run.ts")).runInit));
}
