// The documentation says what the code does: nothing missing, nothing that is gone.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { ENVIRONMENT } from "../../src/cli/environment.ts";
import { EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { MIGRATIONS } from "../../src/postgres/migrations.ts";
import { TOKEN_PATTERN } from "../../src/masking/token.ts";
import { program, variables } from "../support/program.ts";

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}

const documents = new Map(
  [
    ...["README.md", "CONTRIBUTING.md", "SECURITY.md"],
    ...readdirSync(new URL("../../docs", import.meta.url))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ].map((path) => [path, read(path)] as const),
);
const readme = read("README.md");
const reference = ["settings", "connection", "commands"].map((name) => read(`docs/${name}.md`)).join("");
const everything = [...documents.values()].join("\n");
const listed = ENVIRONMENT.flatMap(([names]) => names.split(", "));
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

/** As `wc -w` counts them. */
function words(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}

describe("the README", () => {
  it("is short enough to be read to the end", () => {
    expect(words(readme)).toBeLessThan(900);
  });

  it.each([...documents.keys()].filter((path) => path !== "README.md"))("leads to %s", (path) => {
    expect(readme).toContain(`](${path})`);
  });
});

describe.each([...documents])("%s", (path, text) => {
  it("is no longer than a reader looks through for one sentence", () => {
    expect(words(text)).toBeLessThanOrEqual(1_200);
  });

  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) =>
    /^https?:/.test(link) ? [] : [link],
  );

  it("has no link that leads nowhere", () => {
    for (const link of links) {
      const [file = "", heading] = link.split("#");
      const target = file === "" ? path : posix.join(posix.dirname(path), file);
      expect(existsSync(new URL(`../../${target}`, import.meta.url)), link).toBe(true);
      if (heading !== undefined) expect(anchorsOf(read(target)), link).toContain(heading);
    }
  });

  it("names no flag that is gone", () => {
    const long = new Set([...options.map((option) => option.long), ...OTHERS_FLAGS]);
    const commands = /(?:fetch-etl(?:\.js)?|docker) [^\n`]*/g;
    const named = [...text.matchAll(/`(--[a-z-]+)/g)].map(([, flag]) => flag);
    const used = [...text.matchAll(commands)].flatMap(([line]) => line.match(/--[a-z][a-z-]+/g) ?? []);
    for (const flag of [...named, ...used]) expect(long).toContain(flag);
  });

  it.each([...new Set([...text.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, test = ""]) => test))])(
    "names a test that is there: %s",
    (test) => {
      expect(read(test)).toMatch(/\bit\b|\btest\b/);
    },
  );
});

/** Of docker, npm, node and commander itself. */
const OTHERS_FLAGS = [
  "--platform",
  "--env-file",
  "--help",
  "--version",
  "--wait",
  "--rm",
  "--max-semi-space-size",
  "--collector",
];

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("the documentation", () => {
  it.each(program.commands.map((command) => command.name()))("names the command %s", (name) => {
    expect(everything).toContain(`fetch-etl ${name}`);
  });

  it.each(subcommands.map(({ name }) => name))("names the command %s", (name) => {
    expect(everything).toContain(`\`${name}`);
  });
});

describe("the reference", () => {
  it.each([...new Set(options.map(({ flags }) => flags))])("names the flag %s", (flags) => {
    expect(reference).toContain(`\`${flags}\``);
  });

  it.each(listed)("names the variable %s", (name) => {
    expect(reference).toContain(`\`${name}\``);
  });

  it.each(EXIT_CODES)("names exit code %i: %s", (code, meaning) => {
    expect(cells(reference)).toContainEqual(["", String(code), meaning, ""]);
  });

  it("tells each default that a flag has", () => {
    for (const { flags, defaultValue } of options) {
      if (typeof defaultValue !== "string") continue;
      const row = cells(reference).find(([, flag]) => flag === `\`${flags}\``);
      expect(row?.[2]?.replaceAll("`", "")).toBe(defaultValue);
    }
  });
});

describe("docs/upgrading.md", () => {
  it("names the schema version and the token format of this version", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    const [, , schema, format] =
      cells(read("docs/upgrading.md")).find(([, of]) => of === version.replace(/\.\d+$/, "")) ?? [];
    expect(schema).toBe(String(MIGRATIONS.length));
    expect(TOKEN_PATTERN).toContain(`^${format?.replaceAll("`", "")}\\.`);
  });
});

describe("CONTRIBUTING.md", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };
  // npm runs these by itself.
  const own = Object.keys(scripts).filter((name) => !name.startsWith("pre"));
  const named = [...read("CONTRIBUTING.md").matchAll(/`npm (?:run )?((?<=run )[\w:-]+|test)`/g)];

  it("names every script, and none that is gone", () => {
    expect(new Set(named.map(([, name]) => name))).toEqual(new Set(own));
  });
});

describe(".env.example", () => {
  it("sets only variables that are read", () => {
    const set = [...read(".env.example").matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name]) => name);
    expect(set.length).toBeGreaterThan(0);
    for (const name of set) expect(variables).toContain(name);
  });
});

/** Named in the code, and read by nobody: the SDK's own switch, which is set; a person's name for the user they are; the home folder, which is set where there is none. */
const NOT_READ = new Set([
  "FETCH_ETL_",
  "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_DEFAULT_REGION",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "USER",
  "HOME",
]);

describe("the code", () => {
  it("reads no environment variable that help does not name", () => {
    const sources = readdirSync(new URL("../../src", import.meta.url), { recursive: true, encoding: "utf8" });
    const names = sources
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) => [
        ...read(`src/${path}`).matchAll(
          /\benv\["([A-Z][A-Z_]+)"\]|"([A-Z_]+)" in env\b|"((?:FETCH_ETL|AWS|PG)_?[A-Z_]+)"/g,
        ),
      ])
      .flatMap((groups) => groups.slice(1).filter(Boolean))
      .filter((name) => !NOT_READ.has(name));
    expect(new Set(names).size).toBeGreaterThan(15);
    for (const name of names) expect(variables).toContain(name);
  });
});
