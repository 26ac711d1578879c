// A command as commander knows it, with examples that help and manual page both read.
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
    return Object.assign(new CliHelp(this.#examples), this.configureHelp());
  }

  /** A value may come from where variables come from, as in a container's arguments: it is trimmed as they are. */
  override addOption(option: Option): this {
    return super.addOption(option.required ? option.argParser(trimmed) : option);
  }

  /** @param line what to type, `fetch-etl` included */
  example(line: string, meaning: string): this {
    this.#examples.push({ line, meaning });
    return this;
  }

  get examples(): readonly Example[] {
    return this.#examples;
  }
}

/** Runs a command, and gives its exit code. */
type Run<Flags> = (flags: Flags, context: Context, args: readonly string[]) => number | Promise<number>;

/** Makes an action for commander of a command that is loaded when it runs. */
export type ActionFor = <Flags extends object>(
  load: () => Promise<Run<Flags>>,
) => (...given: [...unknown[], Flags, Command]) => Promise<void>;
