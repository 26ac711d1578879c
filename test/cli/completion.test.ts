// What the completion scripts are made from.
import { expect, it } from "vitest";
import { CliCommand } from "../../src/cli/command.ts";
import { placesOf } from "../../src/cli/completion/place.ts";
import { choice, valueOf } from "../../src/cli/option.ts";
import { everyCommand, program } from "../support/program.ts";

it.each([
  ["--report <file>", undefined, { name: "file", kind: "file", choices: [] }],
  ["--queue <name or URL>", undefined, { name: "name or URL", kind: "text", choices: [] }],
  ["--style <style>", ["a", "b"], { name: "style", kind: "choice", choices: ["a", "b"] }],
  ["-j, --json", undefined, undefined],
])("knows what follows %s", (flags, choices, value) => {
  const option = choices === undefined ? program.createOption(flags) : choice(flags, choices, "");
  expect(valueOf(option)).toEqual(value);
});

it("knows every command as a place, with its flags and those of the program", () => {
  const places = placesOf(program);
  for (const { words, command } of everyCommand) {
    const place = places.find((each) => ["fetch-etl", ...each.words].join(" ") === words);
    const names = place?.flags.flatMap((flag) => flag.names) ?? [];
    for (const option of command.options) expect(names).toContain(option.long);
    expect(names).toEqual(expect.arrayContaining(["--help", "-h", "--debug"]));
    for (const each of command.commands) expect(place?.next.map(({ word }) => word)).toContain(each.name());
  }
});

it("offers no hidden command and no hidden flag", () => {
  const command = new CliCommand("tool");
  command.command("seen");
  command.command("unseen", { hidden: true });
  command.addOption(command.createOption("--secret").hideHelp());
  const [root] = placesOf(command);
  expect(root?.next.map(({ word }) => word)).toEqual(["seen", "help"]);
  expect(root?.flags.flatMap(({ names }) => names)).toEqual(["--help", "-h"]);
});
