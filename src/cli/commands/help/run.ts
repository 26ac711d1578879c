import { printable } from "../../../failure.ts";
import { CliCommand } from "../../command.ts";
import { TOPICS } from "../../help.ts";

/**
 * Shows the help of a command, or explains a topic.
 *
 * @throws {CommanderError} for a word that is neither
 */
export async function helpOn(
  program: CliCommand,
  [first, ...others]: readonly string[],
  write: (text: string) => void,
): Promise<void> {
  const help = program.createHelp();
  help.helpWidth = program.configureOutput().getOutHelpWidth?.() ?? 80;
  if (others.length === 0 && first === "environment") write(help.environment());
  else if (others.length === 0 && first === "exit-codes") write(help.exitCodes());
  else {
    let command = program;
    for (const word of first === undefined ? [] : [first, ...others])
      command = await subcommandOf(command, word, command === program ? TOPICS.map(([name]) => name) : []);
    command.outputHelp();
    if (first === "mapping" && others.length === 0) {
      const { FILE_KEYS, COLUMN_KEYS } = await import("../../../mapping/described-keys.ts");
      write(help.mappingKeys(FILE_KEYS, COLUMN_KEYS));
    }
  }
}

/** @param topics what else the word could be */
async function subcommandOf(
  command: CliCommand,
  word: string,
  topics: readonly string[],
): Promise<CliCommand> {
  const found = command.commands.find((each) => each.name() === word);
  if (found instanceof CliCommand) return found;
  const { nearest } = await import("../../../mapping/nearest.ts");
  const meant = nearest(word, [...command.commands.map((each) => each.name()), ...topics]);
  const hint = meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
  const what = topics.length > 0 ? "command or topic" : "command";
  return command.error(`error: unknown ${what} '${printable(word)}'${hint}`);
}
