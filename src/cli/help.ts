// commander's help plus examples, variables, exit codes and topics, in a layout that also fits narrow terminals.
import { Help, type Argument, type Command, type Option } from "commander";
import type { DescribedKey } from "../mapping/described-keys.ts";
import { ENVIRONMENT, type Reader } from "./environment.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { lacksVariable } from "./variables.ts";

export interface Example {
  readonly line: string;
  readonly meaning: string;
}

/** What can be explained besides commands. */
export const TOPICS: readonly (readonly [name: string, meaning: string])[] = [
  ["environment", "explain the environment variables"],
  ["exit-codes", "explain the exit codes"],
];

/** Indentation of a description below its term, columns. */
const BELOW = 6;
/** Width of the longest key of a mapping, columns. */
const KEY_WIDTH = "normalize".length;

export class CliHelp extends Help {
  readonly #command: Command;
  readonly #examples: readonly Example[];
  readonly #readers: readonly Reader[];
  override showGlobalOptions = true;
  /** Also the minimum width of a description beside its term; below this, it goes under the term. */
  override minWidthToWrap = 30;

  /** @param readers whose variables the command reads */
  constructor(command: Command, examples: readonly Example[], readers: readonly Reader[] = []) {
    super();
    this.#command = command;
    this.#examples = examples;
    this.#readers = readers;
  }

  override formatHelp(command: Command, helper: Help): string {
    if (command.commands.length > 0) return this.#overview(command, helper);
    return [
      super.formatHelp(command, helper),
      ...this.#shownExamples(helper),
      ...this.#variables(helper),
      ...["Exit codes:", ...this.#exitCodes(helper), ""],
    ].join("\n");
  }

  /** What `help environment` shows. */
  environment(): string {
    const variables = ENVIRONMENT.map(([names, meaning]) => this.#stack(names, meaning));
    return this.#topic(
      "Environment variables, also read from the file .env in the working directory. A flag overrides its variable, and the environment overrides .env.",
      variables,
    );
  }

  /** What `help exit-codes` shows. */
  exitCodes(): string {
    return this.#topic("Exit codes of all commands:", this.#exitCodes(this));
  }

  /** What `help mapping` adds to the help of the command. */
  mappingKeys(ofFile: readonly DescribedKey[], ofColumn: readonly DescribedKey[]): string {
    const [file = "", column = ""] = [
      ["Keys of a mapping, which is a YAML file:", ofFile] as const,
      ["Keys of a column:", ofColumn] as const,
    ].map(([heading, keys]) => {
      const items = keys.map(({ name, meaning, standard }) =>
        this.formatItem(name, KEY_WIDTH, withNotes(meaning, noteOfDefault(standard)), this),
      );
      return this.#topic(heading, items);
    });
    return `\n${file}\n${column}`;
  }

  /** The help of the program and of its groups: no more than fits on a screen. */
  #overview(command: Command, helper: Help): string {
    const isProgram = command.parent === null;
    const subcommands = helper.visibleCommands(command);
    const width = Math.max(...subcommands.map((each) => each.name().length));
    const groups = this.groupItems([...command.commands], subcommands, (each) =>
      isProgram ? each.helpGroup() : "Commands:",
    );
    const text = isProgram ? `${capitalized(command.summary())}.` : command.description();
    const more = "Every command accepts --help, --debug and --log-format. See also --version.";
    return [
      ...[`Usage: ${helper.commandUsage(command)}`, ""],
      ...[this.boxWrap(text, this.#width), ""],
      ...[...groups].flatMap(([heading, commands]) =>
        this.formatItemList(
          heading,
          commands.map((each) =>
            helper.formatItem(each.name(), width, helper.subcommandDescription(each), helper),
          ),
          helper,
        ),
      ),
      ...(isProgram ? [] : this.#shownExamples(helper)),
      ...[this.boxWrap(more, this.#width), ""],
    ].join("\n");
  }

  /** Command lines are never wrapped, so that they can be copied. */
  #shownExamples(helper: Help): string[] {
    const examples = this.#examples.map(({ line, meaning }) => `  ${line}\n${this.#below(meaning)}`);
    return this.formatItemList("Examples:", examples, helper);
  }

  /** The variables that the command reads. */
  #variables(helper: Help): string[] {
    const names = ENVIRONMENT.flatMap(([each, , reader]) =>
      this.#readers.includes(reader) ? [each.replace(/^PGHOST, .*/, "PG* (as in libpq)")] : [],
    );
    if (names.length === 0) return [];
    const list = indent(this.boxWrap(names.join(", "), this.#width - 2), 2);
    const heading = this.boxWrap(
      'Environment ("fetch-etl help environment" explains the variables):',
      this.#width,
    );
    return this.formatItemList(heading, [list], helper);
  }

  #exitCodes(helper: Help): string[] {
    return EXIT_CODES.map(([code, meaning]) =>
      helper.formatItem(String(code).padStart(3), 3, meaning, helper),
    );
  }

  #topic(heading: string, items: readonly string[]): string {
    return `${[this.boxWrap(heading, this.#width), ...items].join("\n")}\n`;
  }

  override formatItem(term: string, termWidth: number, description: string, helper: Help): string {
    const beside = this.#width - termWidth - 4;
    return description !== "" && beside < this.minWidthToWrap
      ? this.#stack(term, description)
      : super.formatItem(term, termWidth, description, helper);
  }

  override optionDescription(option: Option): string {
    const standard: unknown = option.defaultValueDescription ?? option.defaultValue;
    return withNotes(option.description, [
      ...(option.mandatory ? ["required"] : []),
      ...noteOfChoices(option.argChoices),
      ...noteOfDefault(standard),
      ...(lacksVariable(option, this.#command) ? ["no variable"] : []),
    ]);
  }

  override argumentDescription({ description, argChoices }: Argument): string {
    return withNotes(description, noteOfChoices(argChoices));
  }

  get #width(): number {
    return this.helpWidth ?? 80;
  }

  #stack(term: string, description: string): string {
    return `${indent(this.boxWrap(term, this.#width - 2), 2)}\n${this.#below(description)}`;
  }

  #below(description: string): string {
    return indent(this.boxWrap(description, this.#width - BELOW), BELOW);
  }
}

function noteOfChoices(choices: readonly string[] | undefined): string[] {
  return choices === undefined ? [] : [`one of ${choices.join(", ")}`];
}

function noteOfDefault(standard: unknown): string[] {
  return typeof standard === "string" ? [`default ${standard}`] : [];
}

function withNotes(description: string, notes: readonly string[]): string {
  return notes.length === 0 ? description : `${description} (${notes.join("; ")})`;
}

function indent(text: string, by: number): string {
  return text.replace(/^/gm, " ".repeat(by));
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
