// The definition of `fetch-etl help`, which reads no `.env` and connects to nothing.
import type { Command } from "commander";
import type { CliCommand } from "../../command.ts";

export function defineHelp(program: CliCommand): void {
  program
    .command("help")
    .summary("explain a command, or environment, exit-codes, mapping")
    .description(
      "Shows the help of a command. The topics environment and exit-codes explain all variables and exit codes, and mapping also lists the keys of a mapping.",
    )
    .argument("[command or topic...]", "the words of a command, such as quarantine show, or a topic")
    .example("fetch-etl help drain", "show the flags of drain, with examples")
    .example("fetch-etl help quarantine show", "show those of a command with two words")
    .example("fetch-etl help environment", "explain the environment variables")
    .action(async (words: readonly string[], _flags: object, command: Command) => {
      const { helpOn } = await import("./run.ts");
      await helpOn(program, words, (text) => command.configureOutput().writeOut?.(text));
    });
}
