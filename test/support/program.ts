// The command line's tree, for tests that look at it and run nothing.
import { CliCommand } from "../../src/cli/command.ts";
import { ENVIRONMENT } from "../../src/cli/environment.ts";
import { createProgram } from "../../src/cli/program.ts";
import { variableOf } from "../../src/config/flag-variables.ts";

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

/** The minimum that the command line of a command must contain, by the words of the command without `fetch-etl`. */
export const NEEDED: Readonly<Record<string, readonly string[]>> = {
  "mapping check": ["-"],
  "quarantine show": ["id"],
  "quarantine purge": ["--older-than", "1d"],
  mask: ["--field", "ip"],
  reveal: ["--identity", "none", "--reason", "r"],
  forget: ["--reason", "r"],
  rotate: ["--identity", "none"],
};

/** Every variable that fetch-etl reads, also those of its flags. */
export const variables: readonly string[] = [
  ...ENVIRONMENT.flatMap(([names]) => names.split(", ")).filter((name) => name !== "FETCH_ETL_<FLAG>"),
  ...new Set(
    everyCommand.flatMap(({ words, command }) =>
      command.options.flatMap(({ long = "" }) => variableOf(long, words.replace(/^fetch-etl ?/, "")) ?? []),
    ),
  ),
];
