// Pure: the command tree, from which the completion scripts of all shells are generated.
import type { Command } from "commander";
import { TOPICS } from "../help.ts";
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
  const subcommands = command.createHelp().visibleCommands(command);
  const values = command.registeredArguments
    .flatMap(({ argChoices }) => argChoices ?? [])
    .map((word) => ({ word, meaning: "" }));
  return [
    { words, flags: flagsOf(command), next: [...subcommands.map(wordOf), ...values] },
    ...subcommands.flatMap((each) => {
      const at = [...words, each.name()];
      if (each.name() !== HELP) return placesOf(each, at);
      const topics = command.parent === null ? TOPICS.map(([word, meaning]) => ({ word, meaning })) : [];
      return placesOfHelp(command, at, flagsOf(each), topics);
    }),
  ];
}

const HELP = "help";

/** After `help`, the words of the commands can follow, without their flags. */
function placesOfHelp(
  of: Command,
  words: readonly string[],
  flags: readonly Flag[],
  topics: readonly Word[] = [],
): Place[] {
  const commands = of.commands.filter((each) => each.name() !== HELP);
  return [
    { words, flags, next: [...commands.map(wordOf), ...topics] },
    ...commands
      .filter((each) => each.commands.length > 0)
      .flatMap((each) => placesOfHelp(each, [...words, each.name()], flags)),
  ];
}

function flagsOf(command: Command): Flag[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].map((option) => ({
    names: [option.long, option.short].filter((name) => name !== undefined),
    meaning: option.description,
    value: valueOf(option),
  }));
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
