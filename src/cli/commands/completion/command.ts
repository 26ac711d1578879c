// The name and examples of `fetch-etl completion`, which reads no `.env` and uses neither queue nor database.
import { Argument, type Command } from "commander";
import type { CliCommand } from "../../command.ts";
import { SHELLS, type Shell } from "../../completion/place.ts";

export function defineCompletion(program: CliCommand): void {
  program
    .command("completion")
    .summary("print a script that completes commands and flags")
    .description(
      "Prints a script by which a shell completes commands, flags, their values and file names at the press of Tab. It is fixed text: pressing Tab runs nothing. Print it anew after an update.",
    )
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .example("source <(fetch-etl completion bash)", "in ~/.bashrc")
    .example("source <(fetch-etl completion zsh)", "in ~/.zshrc, after compinit")
    .example("fetch-etl completion fish | source", "in ~/.config/fish/config.fish")
    .action(async (shell: Shell, _flags: object, command: Command) => {
      const { completionScript } = await import("../../completion/script.ts");
      command.configureOutput().writeOut?.(completionScript(program, shell));
    });
}
