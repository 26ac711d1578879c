// The definitions of the `fetch-etl mapping` commands.
import type { ActionFor, CliCommand } from "../../command.ts";

export function defineMapping(program: CliCommand, action: ActionFor): void {
  const mapping = program
    .command("mapping")
    .helpGroup("Set up:")
    .summary("print, check and try mappings: which message becomes which row")
    .description(
      'Prints, checks and tries mappings. A mapping is a YAML file that says which message becomes which row; "fetch-etl help mapping" lists its keys.',
    );
  mapping
    .command("show")
    .summary("print the built-in mapping, as a file to start from")
    .description("Prints the built-in mapping as YAML. Edit a copy of it for your own messages and table.")
    .example("fetch-etl mapping show > mapping.yaml", "start a mapping of your own")
    .reads()
    .action(action(async () => (await import("./show.ts")).runMappingShow));
  mapping
    .command("check")
    .summary("check a mapping and report all of its mistakes")
    .description(
      "Checks a mapping and reports all of its mistakes, each with its line and column. Needs no queue, no database and no masking key.",
    )
    .argument("<file>", "the mapping; - reads standard input")
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl mapping check mapping.yaml", "before you use the mapping")
    .reads()
    .action(action(async () => (await import("./check.ts")).runMappingCheck));
  mapping
    .command("try")
    .summary("show which rows message bodies become")
    .description(
      "Reads message bodies from standard input, one per line, and prints the masked rows that they become, or the reasons for rejecting them, as JSON lines. Needs no queue and no database, and a masking key only if the mapping masks something.",
    )
    .argument("[file]", "the mapping; if omitted, FETCH_ETL_MAPPING or the built-in mapping")
    .example("fetch-etl mapping try mapping.yaml < bodies.jsonl", "before you drain with the mapping")
    .reads("key")
    .action(action(async () => (await import("./try.ts")).runMappingTry));
}
