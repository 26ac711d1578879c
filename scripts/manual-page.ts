// Writes the manual page to dist/man/ from the definitions of the commands. A step of the build.
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { CliCommand } from "../src/cli/command.ts";
import { ENVIRONMENT } from "../src/cli/environment.ts";
import { EXIT_CODES } from "../src/cli/exit-codes.ts";
import type { Example } from "../src/cli/help.ts";
import { createProgram } from "../src/cli/program.ts";
import { COLUMN_KEYS, FILE_KEYS, type DescribedKey } from "../src/mapping/described-keys.ts";

if (realpathSync(process.argv[1] ?? ".") === fileURLToPath(import.meta.url)) write();

function write(): void {
  // Relative to dist/scripts, where this file runs.
  const root = new URL("../../", import.meta.url);
  const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string };
  const { command } = createProgram(version, () =>
    Promise.reject(new Error("the manual page runs no command")),
  );
  mkdirSync(new URL("dist/man/", root), { recursive: true });
  writeFileSync(new URL("dist/man/fetch-etl.1", root), manualPage(command, version));
}

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
        "A flag overrides the environment, which overrides the file .env and then the defaults. fetch-etl reports all errors in its settings together. There is no flag for a secret.",
      ),
    ),
    section("OPTIONS", text("Every command accepts these:"), ...optionsOf(program)),
    section("COMMANDS", ...commands.map(commandSection)),
    section(
      "MAPPING",
      text("The keys of a mapping, which is a YAML file:"),
      ...FILE_KEYS.map(keyOf),
      paragraph("The keys of a column:"),
      ...COLUMN_KEYS.map(keyOf),
    ),
    section("ENVIRONMENT", ...ENVIRONMENT.map(([names, meaning]) => tagged(names, meaning))),
    section(
      "FILES",
      tagged(
        ".env",
        "in the working directory: lines NAME=value, used if the environment does not set the variable",
      ),
    ),
    section("EXIT STATUS", ...EXIT_CODES.map(([code, meaning]) => tagged(String(code), meaning))),
    section("EXAMPLES", ...program.examples.map(example)),
    section("SEE ALSO", text("age-keygen(1), crontab(5), psql(1)")),
  ].join("\n")}\n`;
}

/** The commands, without the groups that only hold subcommands. */
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

function keyOf({ name, meaning, standard }: DescribedKey): string {
  return tagged(name, standard === undefined ? meaning : `${meaning} (default ${standard})`);
}

function example({ line, meaning }: Example): string {
  return tagged(line, meaning);
}

// The macros of man(7) that the page uses. Arguments are plain text.

/** The title line. It has no date, so that the same source always gives the same page. */
function title(name: string, version: string): string {
  return `.TH ${escape(name.toUpperCase())} 1 "" "${escape(`${name} ${version}`)}" "User Commands"`;
}

function section(heading: string, ...content: readonly string[]): string {
  return [`.SH ${escape(heading)}`, ...content].join("\n");
}

function subsection(heading: string, ...content: readonly string[]): string {
  return [`.SS ${escape(heading)}`, ...content].join("\n");
}

/** Text right after a heading. For more paragraphs, use {@link paragraph}. */
export function text(plain: string): string {
  return escape(plain);
}

function paragraph(plain: string): string {
  return `.PP\n${escape(plain)}`;
}

/** A term to type literally, except for the parts in brackets, and its meaning. */
export function tagged(term: string, meaning: string): string {
  return `.TP\n${typed(term)}\n${escape(meaning)}`;
}

/** Lines to type, without line breaks. */
function lines(each: readonly string[]): string {
  return [".nf", ...each.map(typed), ".fi"].join("\n");
}

function typed(term: string): string {
  const parts = term.split(/(<[^>]+>|\[[^\]]+\])/).filter((part) => part !== "");
  return parts.map((part) => `\\f${/^[<[]/.test(part) ? "I" : "B"}${escape(part)}\\fR`).join("");
}

function escape(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replace(/[^\x20-\x7e]/gu, (character) => `\\[u${hex(character)}]`)
    .replace(/^[.']/, "\\&$&");
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}
