// The definition of `fetch-etl completion`, which reads no `.env` and connects to nothing.
import { Argument, type Command } from "commander";
import type { CliCommand } from "../../command.ts";
import type { Shell } from "../../completion/script.ts";

export function defineCompletion(program: CliCommand): void {
  program
    .command("completion")
    .summary("print a shell completion script")
    .description(
      "Prints a script that completes commands, flags, flag values and file names when you press Tab. The script is static: completion does not start a program. After an update, print it again.",
    )
    .addArgument(new Argument("<shell>", "the shell").choices(["bash", "zsh", "fish"] satisfies Shell[]))
    .example("source <(fetch-etl completion bash)", "in ~/.bashrc")
    .example("source <(fetch-etl completion zsh)", "in ~/.zshrc, after compinit")
    .example("fetch-etl completion fish | source", "in ~/.config/fish/config.fish")
    .action(async (shell: Shell, _flags: object, command: Command) => {
      const { completionScript } = await import("../../completion/script.ts");
      command.configureOutput().writeOut?.(completionScript(program, shell));
    });
}
