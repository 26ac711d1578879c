// Pure: the completion script of a shell, from the commander program.
import type { CliCommand } from "../command.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { placesOf } from "./place.ts";
import { zshScript } from "./zsh.ts";

const WRITERS = { bash: bashScript, zsh: zshScript, fish: fishScript };
export type Shell = keyof typeof WRITERS;

export function completionScript(program: CliCommand, shell: Shell): string {
  return WRITERS[shell](program.name(), placesOf(program));
}
