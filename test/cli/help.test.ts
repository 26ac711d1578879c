// Help: what it has to tell, and that it can be read on any terminal.
import { describe, expect, it } from "vitest";
import { ENVIRONMENT } from "../../src/cli/environment.ts";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import type { CliCommand } from "../../src/cli/command.ts";
import { choice } from "../../src/cli/option.ts";
import { COLUMN_KEYS, FILE_KEYS } from "../../src/mapping/described-keys.ts";
import { runHere } from "../support/command-line.ts";
import { everyCommand, NEEDED, program } from "../support/program.ts";

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
});

const leaves = everyCommand.filter(({ command }) => command.commands.length === 0);
const groups = everyCommand.filter(({ command }) => command.commands.length > 0);

it.each(leaves)("the help of $words names every exit code", ({ command }) => {
  for (const [code, meaning] of EXIT_CODES)
    expect(helpAt(command, 80)).toContain(`  ${String(code).padStart(3)}  ${meaning}\n`);
});

it.each(groups)(
  "the help of $words has less than 30 lines, and each of its commands on one",
  ({ command }) => {
    const lines = helpAt(command, 80).trimEnd().split("\n");
    expect(lines.length).toBeLessThan(30);
    for (const each of command.commands) {
      expect(lines.filter((line) => line.startsWith(`  ${each.name()} `))).toEqual([
        expect.stringContaining(each.summary()),
      ]);
    }
  },
);

/** Of each kind of reader, a variable whose wrong value a command reports. */
const READ = {
  key: "FETCH_ETL_MASKING_KEY",
  database: "FETCH_ETL_DATABASE_AUTH",
  sqs: "AWS_ENDPOINT_URL_SQS",
  recovery: "FETCH_ETL_RECOVERY_RECIPIENT",
};
/** Flags with which a command reads more. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  forget: ["--purge-quarantine"],
  "quarantine show": ["--raw", "--reason", "r"],
};

/** What a command reads if it is set, and ignores if it is wrong: the ids of keys for a hint, and the keys that find a re-masked token. */
const IGNORED: Readonly<Record<string, readonly string[]>> = {
  "quarantine list": [READ.key],
  reveal: [READ.key],
};

it.each(leaves.filter(({ words }) => !/ (help|completion)$/.test(words)))(
  "the help of $words lists the variables that the command reads, and no others",
  async ({ words, command }) => {
    const line = words.replace("fetch-etl ", "");
    const wrong = Object.fromEntries([...Object.values(READ), "PGHOST"].map((name) => [name, "wrong"]));
    const args = [...line.split(" "), ...(NEEDED[line] ?? []), ...(MORE[line] ?? [])];
    const { stdout, stderr } = await runHere(args, wrong, "{}\n");
    const told = Object.values(READ).filter(
      (name) =>
        new RegExp(`${name}\\b(?!=)`).test(`${stdout}${stderr}`) || IGNORED[line]?.includes(name) === true,
    );
    const [, listed = ""] = /\nEnvironment.*:\n([^]*?)\n\n/.exec(helpAt(command, 80)) ?? [];
    const names = listed.split(/,\s+/).map((name) => name.trim());
    expect(Object.values(READ).filter((name) => names.includes(name))).toEqual(told);
    expect(names.includes("AWS_REGION"), "AWS_REGION").toBe(
      [READ.key, READ.database, READ.sqs].some((name) => names.includes(name)) || line === "keygen",
    );
    expect(names).toContain("FETCH_ETL_<FLAG>");
    expect(names.includes("CI"), "CI").toBe(line === "drain");
  },
);

describe("help", () => {
  const shownBy = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await runHere(line.split(" "), {});
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };

  it.each(everyCommand.slice(1))("shows what $words --help shows", async ({ words }) => {
    const line = words.replace("fetch-etl ", "");
    const shown = await shownBy(`help ${line}`);
    const own = await shownBy(`${line} --help`);
    expect(shown.startsWith(own)).toBe(true);
    expect(own.startsWith(`Usage: ${words} `)).toBe(true);
    expect(shown === own || line === "mapping").toBe(true);
  });

  it("explains the environment, the exit codes and the keys of a mapping", async () => {
    const environment = await shownBy("help environment");
    for (const [names, meaning] of ENVIRONMENT)
      expect(environment.replace(/\s+/g, " ")).toContain(` ${names} ${meaning} `);
    const codes = await shownBy("help exit-codes");
    for (const [code, meaning] of EXIT_CODES)
      expect(codes).toContain(`  ${String(code).padStart(3)}  ${meaning}\n`);
    const mapping = (await shownBy("help mapping")).replace(/\s+/g, " ");
    for (const { name, meaning } of [...FILE_KEYS, ...COLUMN_KEYS])
      expect(mapping).toContain(` ${name} ${meaning}`);
    for (const text of [environment, codes, await shownBy("help mapping")])
      for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("without a word shows the overview", async () => {
    expect(await shownBy("help")).toBe(await shownBy("--help"));
  });

  it.each([
    ["help drian", "error: unknown command or topic 'drian'", "drain", "fetch-etl"],
    ["help environmnt", "error: unknown command or topic 'environmnt'", "environment", "fetch-etl"],
    ["help quarantine shwo", "error: unknown command 'shwo'", "show", "fetch-etl quarantine"],
    ["quarantine help shwo", "error: unknown command 'shwo'", "show", "fetch-etl quarantine"],
    ["quarantine shwo", "error: unknown command 'shwo'", "show", "fetch-etl quarantine"],
    ["quarantine shwo --help", "error: unknown command 'shwo'", "show", "fetch-etl quarantine"],
    ["drian --help", "error: unknown command 'drian'", "drain", "fetch-etl"],
  ])("%s is a mistake that names what was meant", async (line, mistake, meant, where) => {
    expect(await runHere(line.split(" "), {})).toEqual({
      code: 2,
      stdout: "",
      stderr: `${mistake}\n(Did you mean ${meant}?)\n(${where} --help lists the commands)\n`,
    });
  });

  it.each([
    ["peek --cuont 3", "fetch-etl peek --help lists the flags"],
    ["quarantine show", "fetch-etl quarantine show --help lists the flags"],
    ["quarantine show a b", "fetch-etl quarantine show --help lists the flags"],
    ["help drain x", "fetch-etl drain --help lists the flags"],
  ])("is named after the mistake in: %s", async (line, hint) => {
    const { code, stderr } = await runHere(line.split(" "), {});
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`^error: .*\\n(\\(Did you mean .*\\n)?\\(${hint}\\)\\n$`));
    const inJson = await runHere(["--log-format", "json", ...line.split(" ")], {});
    expect(JSON.parse(inJson.stderr)).toMatchObject({ msg: expect.stringContaining(hint) });
  });

  it("is shown in place of a command that is missing, as a mistake, or named in the JSON log", async () => {
    expect(await runHere(["quarantine"], {})).toEqual({
      code: 2,
      stdout: "",
      stderr: await shownBy("help quarantine"),
    });
    const { stderr } = await runHere(["quarantine", "--log-format", "json"], {});
    expect(JSON.parse(stderr)).toMatchObject({
      msg: "The command is missing; fetch-etl quarantine --help lists the commands.",
    });
  });
});
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
  expect(headings).toEqual(["Load:", "Personal data:", "Set up:", "Help:"]);
});

it("puts help and completion into one group", () => {
  expect(helpAt(program, 80)).toMatch(/\nHelp:\n {2}completion .*\n {2}help /);
});

it("tells that a flag is required, its choices and its default", () => {
  const option = choice("--colour <colour>", ["red", "green"], "the colour").default("red");
  const describe_ = (): string => program.createHelp().optionDescription(option);
  expect(describe_()).toBe("the colour (one of red, green; default red)");
  option.makeOptionMandatory();
  expect(describe_()).toBe("the colour (required; one of red, green; default red)");
});
