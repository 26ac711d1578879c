// The command line's tree, for tests that look at it and run nothing.
import { CliCommand } from "../../src/cli/command.ts";
import { createProgram } from "../../src/cli/program.ts";

export const { command: program } = createProgram("0.0.0", () => {
  throw new Error("no command is run here");
});

/** A command with the words that lead to it, `fetch-etl` included. */
export interface Spelt {
  readonly words: string;
  readonly command: CliCommand;
}

/** The program, its groups and its commands. */
export const everyCommand: readonly Spelt[] = spell(program, []);

function spell(command: CliCommand, before: readonly string[]): Spelt[] {
  const words = [...before, command.name()];
  const subcommands = command.commands.filter((each) => each instanceof CliCommand);
  return [{ words: words.join(" "), command }, ...subcommands.flatMap((each) => spell(each, words))];
}
