// docs/connection.md says which parameters there are, and which ways lead to the database.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readDatabase } from "../../src/config/database.ts";
import { PARAMETERS } from "../../src/config/parameters.ts";
import { reading } from "../config/told.ts";
import { sourcesOf } from "../support/sources.ts";

const page = readFileSync(new URL("../../docs/connection.md", import.meta.url), "utf8");

/** The code in each cell of the table under a heading. */
function table(heading: string): string[][][] {
  const [, section = ""] = page.split(`## ${heading}\n`);
  const [text = ""] = section.split("\n## ");
  const rows = text.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row.split("|").map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code)),
  );
}

it("the parameters are those that are read, with their variables", () => {
  const rows = table("Parameters");
  expect(rows.flatMap(([, names = []]) => names).sort()).toEqual(Object.keys(PARAMETERS).sort());
  const named = Object.fromEntries(
    rows.flatMap(([, names = [], variables = []]) => names.map((name, index) => [name, variables[index]])),
  );
  expect(named).toEqual(PARAMETERS);
});

describe("a way to log in is accepted:", () => {
  const ways = table("Ways to log in, and what tests them").map(([, [example = ""] = []]) => example);

  it.each(ways)("%s", (example) => {
    const [name = "", value = ""] = example.split("=");
    const env = example.startsWith("postgres:")
      ? { DATABASE_URL: example }
      : example.startsWith("?")
        ? { DATABASE_URL: `postgres://etl@db/logins${example}` }
        : { DATABASE_URL: "postgres://etl@db/logins", [name]: value };
    const files = { "/home/me/.pg_service.conf": "[prod]\nhost=db\n" };
    const { value: settings, told } = reading((problems) => readDatabase(sourcesOf(env, files), problems));
    expect(told).toEqual([]);
    expect(settings).toMatchObject({ database: "logins" });
  });
});
