// A commander command with examples, which the help and the manual page both show, and with usage errors that lead to its own help.
import { Command, type ErrorOptions, type HelpContext, type Option } from "commander";
import type { Context } from "./context.ts";
import { trimmed, type Reader } from "./environment.ts";
import { CliHelp, type Example } from "./help.ts";

export class CliCommand extends Command {
  readonly #examples: Example[] = [];
  readonly #readers: Reader[] = [];

  /** commander calls this for each subcommand. */
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  override createHelp(): CliHelp {
    return Object.assign(new CliHelp(this, this.#examples, this.#readers), this.configureHelp());
  }

  /** Trims values like environment variables, because both can come from the same container definition. */
  override addOption(option: Option): this {
    return super.addOption(option.required ? option.argParser(trimmed) : option);
  }

  /** @param line the command line, including `fetch-etl` */
  example(line: string, meaning: string): this {
    this.#examples.push({ line, meaning });
    return this;
  }

  get examples(): readonly Example[] {
    return this.#examples;
  }

  /** Says which variables the command reads in addition to those of its flags, for its help. A command that reads none says so too. */
  reads(...readers: readonly Exclude<Reader, "all">[]): this {
    this.#readers.push("all", ...readers);
    // A key, a database's URL and its password can be references to AWS.
    if (readers.some((reader) => ["key", "database", "sqs"].includes(reader))) this.#readers.push("aws");
    return this;
  }

  /** Adds where to find the right usage. */
  override error(message: string, options?: ErrorOptions): never {
    const lists = this.commands.length > 0 ? "commands" : "flags";
    return super.error(`${message}\n(${this.#words()} --help lists the ${lists})`, options);
  }

  /** With `--help` after a word that is no command, commander would show the help of the command before it. */
  override helpInformation(context?: HelpContext): string {
    const [word] = this.args.slice(this.args[0] === "help" ? 1 : 0);
    const isMistyped =
      word !== undefined && !word.startsWith("-") && this.commands.every((each) => each.name() !== word);
    if (this.commands.length > 0 && isMistyped) this.parse([word], { from: "user" });
    return super.helpInformation(context);
  }

  /** The words that lead to it: `fetch-etl quarantine show`. */
  #words(): string {
    return this.parent instanceof CliCommand ? `${this.parent.#words()} ${this.name()}` : this.name();
  }
}

/** Runs a command; returns the exit code. */
export type Run<Flags> = (
  flags: Flags,
  context: Context,
  args: readonly string[],
) => number | Promise<number>;

/** Turns a command that is loaded on demand into a commander action. */
export type ActionFor = <Flags extends object>(
  load: () => Promise<Run<Flags>>,
) => (this: Command) => Promise<void>;
