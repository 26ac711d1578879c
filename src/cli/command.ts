// A command as commander knows it, with examples that help, manual page and completion all read.
import { Command } from "commander";
import type { Context } from "./context.ts";

export interface Example {
  readonly line: string;
  readonly meaning: string;
}

export class CliCommand extends Command {
  readonly #examples: Example[] = [];

  constructor(name?: string) {
    super(name);
    this.addHelpText("after", () => (this.#examples.length === 0 ? "" : `\n${examplesHelp(this.#examples)}`));
  }

  /** commander calls this for each subcommand. */
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
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

function examplesHelp(examples: readonly Example[]): string {
  return ["Examples:", ...examples.flatMap(({ line, meaning }) => [`  ${line}`, `      ${meaning}`])].join(
    "\n",
  );
}

/** Makes an action for commander of a function that runs a command and gives its exit code. */
export type ActionFor = <Flags extends object>(
  run: (flags: Flags, context: Context, args: readonly string[]) => Promise<number>,
) => (...given: [...unknown[], Flags, Command]) => Promise<void>;
