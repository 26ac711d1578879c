// The examples of mappings: those of examples/, and those that docs/mapping.md shows.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { runHere } from "../support/command-line.ts";

const FOLDER = new URL("../../examples/", import.meta.url);
const page = readFileSync(new URL("../../docs/mapping.md", import.meta.url), "utf8");
/** The key that the page tells the reader to try the examples with. */
const [, key = ""] = /FETCH_ETL_MASKING_KEY=(\S+)/.exec(page) ?? [];
const examples = readdirSync(FOLDER);

function pathOf(example: string, file: string): string {
  return fileURLToPath(new URL(`${example}/${file}`, FOLDER));
}

function read(example: string, file: string): string {
  return readFileSync(pathOf(example, file), "utf8");
}

function tryMapping(example: string, bodies: string): ReturnType<typeof runHere> {
  return runHere(["mapping", "try", pathOf(example, "mapping.yaml")], { FETCH_ETL_MASKING_KEY: key }, bodies);
}

describe.each(examples)("examples/%s", (example) => {
  it("has a mapping without mistakes and warnings", async () => {
    const checked = await runHere(["mapping", "check", pathOf(example, "mapping.yaml")], {});
    expect(checked).toMatchObject({ code: 0, stderr: "" });
  });

  it("has the rows of its messages", async () => {
    expect(await tryMapping(example, read(example, "messages.jsonl"))).toEqual({
      code: 0,
      stdout: read(example, "rows.jsonl"),
      stderr: "",
    });
  });

  it("is in the documentation", () => {
    expect(page).toContain(`](../examples/${example}/mapping.yaml)`);
  });
});

/** The sections of the page with the code blocks of an example. */
const shown = page.split("\n## ").flatMap((section) => {
  const [, example] = /^Example: .*\n[^]*?\]\(\.\.\/examples\/(\w+)\/mapping\.yaml\)/.exec(section) ?? [];
  return example === undefined ? [] : [{ example, section }];
});

function blocks(section: string, language: string): string[] {
  return [...section.matchAll(new RegExp(`\`\`\`${language}\n([^]*?\n) *\`\`\``, "g"))].map(
    ([, code = ""]) => code,
  );
}

it.each(blocks(page, " *yaml"))("the documented mapping %# has no mistakes", async (mapping) => {
  const checked = await runHere(["mapping", "check", "-"], {}, mapping);
  expect(checked).toMatchObject({ code: 0, stderr: "" });
});

it("the documentation shows three examples", () => {
  expect(shown).toHaveLength(3);
});

describe.each(shown)("the documented example of $example", ({ example, section }) => {
  const messages = blocks(section, "json").map((message) => JSON.stringify(JSON.parse(message)));

  it("shows the mapping of the folder", () => {
    expect(blocks(section, "yaml")).toEqual([read(example, "mapping.yaml")]);
  });

  it("shows the rows that its messages become, compressed or not", async () => {
    const rows = blocks(section, "text").join("");
    expect(rows).not.toBe("");
    for (const bodies of [messages, messages.map((body) => gzipSync(body).toString("base64"))]) {
      const { stdout } = await tryMapping(example, bodies.join("\n"));
      expect(stdout).toBe(rows);
    }
    expect(read(example, "rows.jsonl")).toContain(rows);
  });
});
