// A commander command with examples, which the help and the manual page both show.
import { Command, type Option } from "commander";
import type { Context } from "./context.ts";
import { trimmed } from "./environment.ts";
import { CliHelp, type Example } from "./help.ts";

export class CliCommand extends Command {
  readonly #examples: Example[] = [];

  /** commander calls this for each subcommand. */
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  override createHelp(): CliHelp {
    return Object.assign(new CliHelp(this, this.#examples), this.configureHelp());
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
