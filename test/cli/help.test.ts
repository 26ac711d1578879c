// Help: what it has to tell, and that it can be read on any terminal.
import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import type { CliCommand } from "../../src/cli/command.ts";
import { choice } from "../../src/cli/option.ts";
import { everyCommand, program } from "../support/program.ts";

function helpAt(command: CliCommand, columns: number): string {
  return command.configureOutput({ getOutHelpWidth: () => columns }).helpInformation();
}

describe.each(everyCommand)("the help of $words", ({ command }) => {
  it("fits 80 columns", () => {
    for (const line of helpAt(command, 80).split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it("fits 40 columns, but for what must not be broken: usage, lines to copy, a long word", () => {
    const unbroken = new Set(command.examples.map(({ line }) => line));
    for (const line of helpAt(command, 40).split("\n")) {
      const text = line.trim();
      if (unbroken.has(text) || text.startsWith("Usage:") || !text.includes(" ")) continue;
      expect(line.length, line).toBeLessThanOrEqual(40);
    }
  });

  it("says the same at every width", () => {
    const wordsAt = (columns: number): string => helpAt(command, columns).replace(/\s+/g, " ");
    expect(wordsAt(40)).toBe(wordsAt(200));
  });

  it("names every exit code", () => {
    for (const [code, meaning] of EXIT_CODES)
      expect(helpAt(command, 80)).toContain(`  ${String(code).padStart(3)}  ${meaning}\n`);
  });
});

const leaves = everyCommand.filter(({ command }) => command.commands.length === 0);
it.each(leaves)("the help of $words has examples, each with the command's name", ({ words, command }) => {
  expect(command.examples.length).toBeGreaterThan(0);
  const [, shown = ""] = helpAt(command, 80).split("\nExamples:\n");
  for (const { line, meaning } of command.examples) {
    expect(line).toContain(words);
    expect(shown).toContain(`  ${line}\n      ${meaning}\n`);
  }
});

it("shows every command in a group with a heading that says what for", () => {
  const headings = [...helpAt(program, 80).matchAll(/^(\w.*:)$/gm)].map(([, heading]) => heading);
  expect(headings.slice(0, -2)).toEqual([
    "Options:",
    "Load:",
    "Personal data:",
    "Set up:",
    "Help:",
    "Examples:",
  ]);
});

it("puts help and completion into one group", () => {
  expect(helpAt(program, 80)).toMatch(/\nHelp:\n {2}completion <shell> .*\n {2}help \[command\] /);
});

it("tells that a flag is required, its choices and its default", () => {
  const option = choice("--colour <colour>", ["red", "green"], "the colour").default("red");
  const describe_ = (): string => program.createHelp().optionDescription(option);
  expect(describe_()).toBe("the colour (one of red, green; default red)");
  option.makeOptionMandatory();
  expect(describe_()).toBe("the colour (required; one of red, green; default red)");
});
