// Pure: the places on a command line that words lead to, and what may stand there. The scripts of all shells are made from this.
import type { Command } from "commander";
import { valueOf, type OptionValue } from "../option.ts";

/** Where some words lead: `[]` to the program itself, `["quarantine", "show"]` to a command. */
export interface Place {
  readonly words: readonly string[];
  readonly flags: readonly Flag[];
  /** Which words lead on: subcommands, or the values of an argument. */
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

/** Every place, the program itself first. */
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
      // commander's own help command is none of the commands, and takes their names.
      return command.commands.includes(each)
        ? placesOf(each, at)
        : { words: at, flags: [], next: command.commands.map(wordOf) };
    }),
  ];
}

function wordOf(command: Command): Word {
  return { word: command.name(), meaning: command.summary() || command.description() };
}

/** How the scripts of bash and fish spell the way to a place: with a blank before each word. */
export function wayTo(words: readonly string[]): string {
  return words.map((word) => ` ${word}`).join("");
}

/** Every way that a script has to know, quoted, because words lead on from it or flags stand there. */
export function waysOf(places: readonly Place[]): string[] {
  const ways = places.flatMap(({ words, next }) => [words, ...next.map(({ word }) => [...words, word])]);
  return [...new Set(ways.map(wayTo))].filter((way) => way !== "").map((way) => `"${way}"`);
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];
