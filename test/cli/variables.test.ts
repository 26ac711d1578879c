// The environment variables of flags.
import type { Command, Option } from "commander";
import { describe, expect, it } from "vitest";
import { ENVIRONMENT } from "../../src/cli/environment.ts";
import { createProgram } from "../../src/cli/program.ts";
import { ignoredVariables, readVariables } from "../../src/cli/variables.ts";
import { WITHOUT_VARIABLE, variableOf } from "../../src/config/flag-variables.ts";
import { Problems } from "../../src/config/readers.ts";
import { runHere } from "../support/command-line.ts";
import { everyCommand, NEEDED, program } from "../support/program.ts";

/** The commands that read settings, by their words without `fetch-etl`. */
const leaves = everyCommand
  .filter(({ command }) => command.commands.length === 0 && !/^(completion|help)$/.test(command.name()))
  .map(({ words, command }) => ({ words: words.replace(/^fetch-etl /, ""), command }));

const lineOf = (words: string): string[] => [...words.split(" "), ...(NEEDED[words] ?? [])];

/** Every option of every command, those of the program included. */
const options = leaves.flatMap(({ words, command }) =>
  [...command.options, ...program.options].map((option) => ({ words, option, flag: option.long ?? "" })),
);

/** Parses a command line with these variables; returns its options and the mistakes in the variables. */
async function flagsOf(
  line: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ flags: Record<string, unknown>; told: readonly string[] }> {
  const problems = new Problems();
  let flags: Record<string, unknown> = {};
  const { command: root } = createProgram("0.0.0", () => Promise.reject(new Error("not run here")));
  for (const command of root.commands.flatMap((each) => [each, ...each.commands])) {
    command.action(function (this: Command) {
      readVariables(this, env, problems);
      flags = this.optsWithGlobals();
    });
  }
  await root.parseAsync(line, { from: "user" });
  return { flags, told: problems.sentences };
}

describe("a flag's variable", () => {
  it.each(leaves.map(({ words }) => words))("sets each flag of %s that has one", async (words) => {
    const own = options.filter((each) => each.words === words && variableOf(each.flag, words) !== undefined);
    const valueOf = ({ required }: Option): string => (required ? "7" : "true");
    const env: NodeJS.ProcessEnv = {};
    for (const { flag, option } of own) env[variableOf(flag, words) ?? ""] = valueOf(option);
    const { flags, told } = await flagsOf(lineOf(words), env);
    for (const { flag, option } of own) {
      // With --dry-run, the variables of metrics are ignored.
      const isIdle = words === "drain" && flag.startsWith("--metrics");
      const value = option.required ? "7" : true;
      expect(flags[option.attributeName()], flag).toBe(isIdle ? undefined : value);
    }
    expect(own.length).toBeGreaterThan(1);
    expect(told).toEqual([]);
  });

  it("is named after the flag, and only the flags of the list have none", () => {
    expect(variableOf("--max-seconds")).toBe("FETCH_ETL_MAX_SECONDS");
    const without = options.filter(({ flag, words }) => variableOf(flag, words) === undefined);
    const found = without.map(({ flag, words }) => (WITHOUT_VARIABLE.has(flag) ? flag : `${words} ${flag}`));
    expect(new Set([...found, "--help"])).toEqual(new Set(WITHOUT_VARIABLE.keys()));
  });

  it("does not exist for a flag that commander requires on the command line", () => {
    const required = options.filter(({ option }) => option.mandatory);
    expect(required.length).toBeGreaterThan(0);
    for (const { flag, words } of required) expect(variableOf(flag, words), flag).toBeUndefined();
  });

  it("is never one that has another meaning for fetch-etl", () => {
    const others = ENVIRONMENT.flatMap(([names]) => names.split(", "));
    for (const { flag } of options) expect(others).not.toContain(variableOf(flag));
  });

  it("is overridden by the flag, even if the flag has its default value", async () => {
    const env = { FETCH_ETL_CONCURRENCY: "5", FETCH_ETL_TABLE: "a.b", FETCH_ETL_LOG_FORMAT: "json" };
    const line = "drain --concurrency 32 --table c.d --log-format text".split(" ");
    const { flags } = await flagsOf(line, env);
    expect(flags).toMatchObject({ concurrency: "32", table: "c.d", logFormat: "text" });
  });

  it.each([
    ["1", true],
    ["true", true],
    ["0", false],
    ["false", false],
    ["", undefined],
  ])("for a flag without a value may be %j", async (text, value) => {
    const { flags, told } = await flagsOf(["drain"], { FETCH_ETL_JSON: text });
    expect({ json: flags["json"], told }).toEqual({ json: value, told: [] });
  });

  it.each(["yes", "TRUE", "on", "constructor"])(
    "for a flag without a value is a mistake if it is %j, which is not shown",
    async (text) => {
      const { flags, told } = await flagsOf(["drain"], { FETCH_ETL_JSON: text });
      expect(flags["json"]).toBeUndefined();
      expect(told).toEqual(["FETCH_ETL_JSON must be one of: true, 1, false, 0."]);
    },
  );

  it.each([
    ["drain --dry-run", { FETCH_ETL_METRICS: "a.prom" }, "metrics"],
    ["drain", { FETCH_ETL_METRICS: "a.prom", FETCH_ETL_DRY_RUN: "1" }, "metrics"],
    ["init --print", { FETCH_ETL_JSON: "1" }, "json"],
    ["quarantine replay", { FETCH_ETL_QUEUE: "q" }, "queue"],
    ["peek", { FETCH_ETL_FORCE: "1" }, "force"],
  ])("of %s is ignored: %j", async (line, env, key) => {
    const { flags, told } = await flagsOf(line.split(" "), env);
    expect({ value: flags[key], told }).toEqual({ value: undefined, told: [] });
  });
});

describe("a variable that no command reads", () => {
  it.each([
    ["FETCH_ETL_MAX_SECOND", "fetch-etl has no such setting. Did you mean FETCH_ETL_MAX_SECONDS?"],
    ["FETCH_ETL_QUEU", "fetch-etl has no such setting. Did you mean FETCH_ETL_QUEUE?"],
    ["FETCH_ETL_MASKING_KEY_FIEL", "fetch-etl has no such setting. Did you mean FETCH_ETL_MASKING_KEY_FILE?"],
    ["FETCH_ETL_max_seconds", "fetch-etl has no such setting. Did you mean FETCH_ETL_MAX_SECONDS?"],
    ["FETCH_ETL_IMAGE_OF_THE_TEAM", "fetch-etl has no such setting."],
    ["FETCH_ETL_FORCE", "--force works only on the command line."],
    ["FETCH_ETL_OLDER_THAN", "--older-than works only on the command line."],
  ])("such as %s is told, without its value", async (name, why) => {
    const { stderr } = await runHere(["mask", "--field", "ip", "192.0.2.1"], { [name]: "s3cret" });
    expect(stderr).toContain(`${name} is ignored: ${why}\n`);
    expect(stderr).not.toContain("s3cret");
  });

  it("is not one of another command", async () => {
    const { command } = createProgram("0.0.0", () => Promise.reject(new Error("not run here")));
    const names = options.flatMap(({ flag, words }) => variableOf(flag, words) ?? []);
    const others = ENVIRONMENT.flatMap(([listed]) => listed.split(", "));
    const env = Object.fromEntries([...names, ...others].map((name) => [name, "1"]));
    expect(await ignoredVariables(command, { ...env, FETCH_ETL_: "", MY_FETCH_ETL_QUEU: "" })).toEqual([]);
  });
});

it.each(["http://u:s3cret@h", "http://s3cret@h"])(
  "rejects %s on the command line, even if the variable contains it too",
  async (url) => {
    const { told } = await flagsOf(["drain", "--metrics-push", url], { FETCH_ETL_METRICS_PUSH: url });
    expect(told).toEqual([
      "--metrics-push must not contain a user or a password, which other users can see in the process list. Set FETCH_ETL_METRICS_PUSH instead.",
    ]);
    expect((await flagsOf(["drain"], { FETCH_ETL_METRICS_PUSH: url })).told).toEqual([]);
  },
);

it.each(leaves.map(({ words }) => words))(
  "%s tells a mistake in a variable with all others, and does nothing else",
  async (words) => {
    const env = { FETCH_ETL_DEBUG: "maybe", FETCH_ETL_LOG_FORMAT: "xml" };
    const { code, stdout, stderr } = await runHere(lineOf(words), env);
    expect(`${stdout}${stderr}`).toContain("FETCH_ETL_DEBUG must be one of: true, 1, false, 0.");
    expect(`${stdout}${stderr}`).toContain("FETCH_ETL_LOG_FORMAT must be one of: text, json");
    expect(code).toBe(2);
    expect(stdout === "" || words === "doctor").toBe(true);
  },
);
