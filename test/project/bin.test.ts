// bin/fetch-etl.js says in one sentence which Node.js it needs, in versions that cannot run the rest.
import { readFileSync } from "node:fs";
import { Linter } from "eslint";
import { expect, it } from "vitest";
import { BIN, startCli, type Outcome } from "../support/bench.ts";

const { engines } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly engines: { readonly node: string };
};
const needed = engines.node.replace(">=", "");
const [major = 0, minor = 0] = needed.split(".").map(Number);

/** Runs `--version` in a Node.js that says it is this version. */
function runIn(node: string): Promise<Outcome> {
  const code = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${node}" } })`;
  return startCli(["--version"], {
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}`,
  }).outcome;
}

it.each(["12.22.12", `${major - 1}.99.0`, `${major}.${minor - 1}.9`])(
  "Node.js %s is told to be too old, in one sentence",
  async (node) => {
    expect(await runIn(node)).toEqual({
      code: 2,
      stdout: "",
      stderr: `error: fetch-etl needs Node.js ${needed} or later, and this is ${node}: install a newer version, or select one in your version manager or PATH.\n`,
    });
  },
);

it.each([`${needed}.0`, `${major + 1}.0.0`])("Node.js %s is not", async (node) => {
  expect(await runIn(node)).toMatchObject({ code: 0, stderr: "" });
});

it("old versions can parse the file, as a module and as a script", () => {
  const mistakesIn = (text: string): string[] =>
    new Linter()
      // ES2018 is what Node.js 10 has in full. It has import() too, which is of ES2020.
      .verify(text.replaceAll("import(", "load("), {
        languageOptions: { ecmaVersion: 2018, sourceType: "script" },
      })
      .map(({ message }) => message);
  expect(mistakesIn(readFileSync(BIN, "utf8"))).toEqual([]);
  for (const newer of ['import "node:fs";', "await 1;", "a ?? b;", "a?.b;", "export {};"])
    expect(mistakesIn(newer)).toHaveLength(1);
});
