// commander's help plus examples, environment and exit codes, in a layout that also fits narrow terminals.
import { Help, type Argument, type Command, type Option } from "commander";
import { ENVIRONMENT } from "./environment.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { lacksVariable } from "./variables.ts";

export interface Example {
  readonly line: string;
  readonly meaning: string;
}

/** Indentation of a description below its term, columns. */
const BELOW = 6;

export class CliHelp extends Help {
  readonly #command: Command;
  readonly #examples: readonly Example[];
  override showGlobalOptions = true;
  /** Also the minimum width of a description beside its term; below this, it goes under the term. */
  override minWidthToWrap = 30;

  constructor(command: Command, examples: readonly Example[]) {
    super();
    this.#command = command;
    this.#examples = examples;
  }

  override formatHelp(command: Command, helper: Help): string {
    // Command lines are never wrapped, so that they can be copied.
    const examples = this.#examples.map(({ line, meaning }) => `  ${line}\n${this.#below(meaning)}`);
    const variables = ENVIRONMENT.map(([names, meaning]) => this.#stack(names, meaning));
    const codes = EXIT_CODES.map(([code, meaning]) =>
      helper.formatItem(String(code).padStart(3), 3, meaning, helper),
    );
    return [
      super.formatHelp(command, helper),
      ...this.formatItemList("Examples:", examples, helper),
      ...this.formatItemList(
        this.boxWrap("Environment (also read from .env in the working directory):", this.#width),
        variables,
        helper,
      ),
      "Exit codes:",
      ...codes,
      "",
    ].join("\n");
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
      ...(typeof standard === "string" ? [`default ${standard}`] : []),
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

function withNotes(description: string, notes: readonly string[]): string {
  return notes.length === 0 ? description : `${description} (${notes.join("; ")})`;
}

function indent(text: string, by: number): string {
  return text.replace(/^/gm, " ".repeat(by));
}
