// The manual page tells what help tells, and is well-formed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { manualPage, tagged, text } from "../../scripts/manual-page.ts";
import { ENVIRONMENT } from "../../src/cli/environment.ts";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { COLUMN_KEYS, FILE_KEYS } from "../../src/mapping/described-keys.ts";
import { everyCommand, program } from "../support/program.ts";

const page = manualPage(program, "1.2.3");
/** As it is read: without the marks of fonts and escapes. */
const plain = page
  .replace(/\\f[BIR]|\\&/g, "")
  .replaceAll("\\-", "-")
  .replaceAll("\\(dq", '"')
  .replace(/\\\[u([0-9A-F]+)\]/g, (_, code: string) => String.fromCodePoint(parseInt(code, 16)));
const lines = plain.split("\n");

describe("the manual page", () => {
  it("has the usual sections in their usual order", () => {
    expect(lines.filter((line) => line.startsWith(".SH ")).map((line) => line.slice(4))).toEqual([
      ...["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "MAPPING", "ENVIRONMENT", "FILES"],
      ...["EXIT STATUS", "EXAMPLES", "SEE ALSO"],
    ]);
  });

  it.each(everyCommand)("tells of $words what its help tells", ({ words, command }) => {
    const help = command.createHelp();
    if (command.commands.length === 0) {
      expect(lines).toContain(`.SS ${help.commandUsage(command)}`);
      expect(lines).toContain(command.description());
    } else {
      expect(plain).toContain(`\n.SS ${words} `);
    }
    for (const option of command.options) {
      expect(plain).toContain(`\n.TP\n${option.flags}\n${help.optionDescription(option)}\n`);
    }
    for (const { line, meaning } of command.examples) {
      expect(plain).toContain(`\n.TP\n${line}\n${meaning}\n`);
    }
  });

  it.each(ENVIRONMENT)("names %s", (names, meaning) => {
    expect(plain).toContain(`\n.TP\n${names}\n${meaning}\n`);
  });

  it.each([...FILE_KEYS, ...COLUMN_KEYS])("names the key $name of a mapping", ({ name, meaning }) => {
    expect(plain).toContain(`\n.TP\n${name}\n${meaning}`);
  });

  it.each(EXIT_CODES)("names exit code %i: %s", (code, meaning) => {
    expect(plain).toContain(`\n.TP\n${code}\n${meaning}\n`);
  });

  it("is what the build made, with the package's version and no date", () => {
    const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
    const { version } = JSON.parse(read("package.json")) as { version: string };
    const built = read("dist/man/fetch-etl.1");
    expect(built).toBe(manualPage(program, version));
    expect(built.split("\n")[0]).toBe(
      `.TH FETCH\\-ETL 1 "" "fetch\\-etl ${version.replaceAll("-", "\\-")}" "User Commands"`,
    );
  });

  const hasMandoc = spawnSync("mandoc", ["-V"]).error === undefined;
  it.skipIf(!hasMandoc)(`passes mandoc's check${hasMandoc ? "" : " (skipped: there is no mandoc)"}`, () => {
    const { stdout } = spawnSync("mandoc", ["-T", "lint", "-W", "warning"], {
      input: page,
      encoding: "utf8",
    });
    const found = stdout.split("\n").filter((line) => line !== "");
    expect(found.filter((line) => !line.includes('missing date, using ""'))).toEqual([]);
    // The one warning that is meant, so that a check that does nothing is noticed.
    expect(found).toHaveLength(1);
  });
});

describe("roff", () => {
  it.each([
    [".env is read", "\\&.env is read"],
    ["'tis", "\\&'tis"],
    ["C:\\temp", "C:\\etemp"],
    ["--json", "\\-\\-json"],
    ["age1…", "age1\\[u2026]"],
    ['a "word"', "a \\(dqword\\(dq"],
  ])("takes %s for text", (given, written) => {
    expect(text(given)).toBe(written);
  });

  it("sets what is typed in bold and what it stands for in italics", () => {
    expect(tagged("-r, --report <file>", "where to")).toBe(
      ".TP\n\\fB\\-r, \\-\\-report \\fR\\fI<file>\\fR\nwhere to",
    );
  });
});
