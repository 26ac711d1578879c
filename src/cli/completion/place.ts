// Pure: the command tree, from which the completion scripts of all shells are generated.
import type { Command } from "commander";
import { valueOf, type OptionValue } from "../option.ts";

/** A position on the command line, after the given words: `[]` for the program, `["quarantine", "show"]` for a command. */
export interface Place {
  readonly words: readonly string[];
  readonly flags: readonly Flag[];
  /** Words that can follow: subcommands, or values of an argument. */
  readonly next: readonly Word[];
}

export interface Flag {
  /** `--help` and `-h`; the long one first. */
  readonly names: readonly string[];
  readonly meaning: string;
  readonly value: OptionValue | undefined;
}

interface Word {
  readonly word: string;
  /** May be empty. */
  readonly meaning: string;
}

/** All places, the program first. */
export function placesOf(command: Command, words: readonly string[] = []): Place[] {
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  const next = subcommands.map(wordOf);
  const values = command.registeredArguments
    .flatMap(({ argChoices }) => argChoices ?? [])
    .map((word) => ({ word, meaning: "" }));
  const flags = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].map((option) => ({
    names: [option.long, option.short].filter((name) => name !== undefined),
    meaning: option.description,
    value: valueOf(option),
  }));
  return [
    { words, flags, next: [...next, ...values] },
    ...subcommands.flatMap((each) => {
      const at = [...words, each.name()];
      // commander's help command is not in `commands`, and its argument is a command name.
      return command.commands.includes(each)
        ? placesOf(each, at)
        : { words: at, flags: [], next: command.commands.map(wordOf) };
    }),
  ];
}

function wordOf(command: Command): Word {
  return { word: command.name(), meaning: command.summary() || command.description() };
}

/** The path to a place in the bash and fish scripts: each word with a space before it. */
export function wayTo(words: readonly string[]): string {
  return words.map((word) => ` ${word}`).join("");
}

/** All paths that the scripts must know, quoted. */
export function waysOf(places: readonly Place[]): string[] {
  const ways = places.flatMap(({ words, next }) => [words, ...next.map(({ word }) => [...words, word])]);
  return [...new Set(ways.map(wayTo))].filter((way) => way !== "").map((way) => `"${way}"`);
}
