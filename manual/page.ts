// Pure: the manual page, from what help is made of.
import type { Command } from "commander";
import { CliCommand } from "../src/cli/command.ts";
import { ENVIRONMENT } from "../src/cli/environment.ts";
import { EXIT_CODES } from "../src/cli/exit-codes.ts";
import type { Example } from "../src/cli/help.ts";
import { lines, paragraph, section, subsection, tagged, text, title } from "./roff.ts";

/** @returns a page in man(7) for section 1 */
export function manualPage(program: CliCommand, version: string): string {
  const commands = leavesOf(program);
  const help = program.createHelp();
  return `${[
    title(program.name(), version),
    section("NAME", text(`${program.name()} - ${program.summary()}`)),
    section("SYNOPSIS", lines(commands.map((command) => help.commandUsage(command)))),
    section(
      "DESCRIPTION",
      text(program.description()),
      paragraph(
        "Flags win over the environment, the environment over the file .env, that over the defaults. All mistakes in them are reported together. A secret is never a flag.",
      ),
    ),
    section("OPTIONS", text("Every command takes these:"), ...optionsOf(program)),
    section("COMMANDS", ...commands.map(commandSection)),
    section("ENVIRONMENT", ...ENVIRONMENT.map(([names, meaning]) => tagged(names, meaning))),
    section(
      "FILES",
      tagged(
        ".env",
        "in the working folder: lines NAME=value, which count where the environment has no such variable",
      ),
    ),
    section("EXIT STATUS", ...EXIT_CODES.map(([code, meaning]) => tagged(String(code), meaning))),
    section("EXAMPLES", ...program.examples.map(example)),
    section("SEE ALSO", text("age-keygen(1), crontab(5), psql(1)")),
  ].join("\n")}\n`;
}

/** The commands that do something, as opposed to groups of them. */
function leavesOf(command: CliCommand): CliCommand[] {
  const subcommands = command.commands.filter((each) => each instanceof CliCommand);
  return subcommands.length === 0 ? [command] : subcommands.flatMap(leavesOf);
}

function commandSection(command: CliCommand): string {
  const help = command.createHelp();
  return subsection(
    help.commandUsage(command),
    text(command.description()),
    ...command.registeredArguments.map((argument) =>
      tagged(`<${argument.name()}>`, help.argumentDescription(argument)),
    ),
    ...optionsOf(command),
    ...(command.examples.length === 0 ? [] : [paragraph("Examples:"), ...command.examples.map(example)]),
  );
}

function optionsOf(command: Command): string[] {
  const help = command.createHelp();
  const own = command.parent === null ? help.visibleOptions(command) : command.options;
  return own.map((option) => tagged(option.flags, help.optionDescription(option)));
}

function example({ line, meaning }: Example): string {
  return tagged(line, meaning);
}
