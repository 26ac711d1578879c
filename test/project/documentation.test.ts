// The documentation says what the code does: nothing missing, nothing that is gone.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ENVIRONMENT } from "../../src/cli/environment.ts";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { createProgram } from "../../src/cli/program.ts";
import { LOGIN_COLUMNS } from "../../src/login/row.ts";

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

const readme = read("README.md");
const { command: program } = createProgram("0.0.0", () => {
  throw new Error("no command is run here");
});
const variables = ENVIRONMENT.flatMap(([names]) => names.split(", "));
const subcommands = program.commands.flatMap((group) =>
  group.commands.map((command) => ({ name: `${group.name()} ${command.name()}`, command })),
);
const options = [program, ...program.commands, ...subcommands.map(({ command }) => command)]
  .flatMap((command) => command.options)
  .filter(({ long }) => long !== "--version");

/** Prettier pads the cells of a table. */
function cells(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
}

describe("the README", () => {
  it.each(program.commands.map((command) => command.name()))("names the command %s", (name) => {
    expect(readme).toContain(`fetch-etl ${name}`);
  });

  it.each(subcommands.map(({ name }) => name))("names the command %s", (name) => {
    expect(readme).toContain(`\`${name}`);
  });

  it.each([...new Set(options.map(({ flags }) => flags))])("names the flag %s", (flags) => {
    expect(readme).toContain(`\`${flags}\``);
  });

  it("names no flag that is gone", () => {
    const long = new Set([...options.map((option) => option.long), "--help", "--wait", "--rm"]);
    const commands = /(?:fetch-etl(?:\.js)?|docker) [^\n`]*/g;
    const named = [...readme.matchAll(/`(--[a-z-]+)/g)].map(([, flag]) => flag);
    const used = [...readme.matchAll(commands)].flatMap(([line]) => line.match(/--[a-z][a-z-]+/g) ?? []);
    for (const flag of [...named, ...used]) expect(long).toContain(flag);
  });

  it.each(variables)("names the variable %s", (name) => {
    expect(readme).toContain(`\`${name}\``);
  });

  it.each(EXIT_CODES)("names exit code %i: %s", (code, meaning) => {
    expect(cells(readme)).toContainEqual(["", String(code), meaning, ""]);
  });

  it("tells each default that a flag has", () => {
    for (const { flags, defaultValue } of options) {
      if (typeof defaultValue !== "string") continue;
      const row = cells(readme).find(([, flag]) => flag === `\`${flags}\``);
      expect(row?.[2]?.replaceAll("`", "")).toBe(defaultValue);
    }
  });
});

it.each([...new Set([...readme.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, path = ""]) => path))])(
  "the README's %s exists",
  (path) => {
    expect(read(path)).toMatch(/\bit\b|\btest\b/);
  },
);

describe(".env.example", () => {
  it("sets only variables that are read", () => {
    const set = [...read(".env.example").matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name]) => name);
    expect(set.length).toBeGreaterThan(0);
    for (const name of set) expect(variables).toContain(name);
  });
});

describe("the code", () => {
  it("reads no environment variable that help does not name", () => {
    const sources = [
      "config/database.ts",
      "config/queue.ts",
      "config/masking-key.ts",
      "cli/report/color.ts",
      "config/log-format.ts",
    ];
    const read_ = sources.flatMap((path) => [
      ...read(`src/${path}`).matchAll(/"((?:FETCH_ETL|AWS|PG|NO|FORCE)_?[A-Z_]+)"/g),
    ]);
    expect(read_.length).toBeGreaterThan(10);
    for (const [, name] of read_) expect(variables).toContain(name);
  });

  it("has the assignment's columns", () => {
    expect(LOGIN_COLUMNS).toHaveLength(7);
  });
});
