// What docs/architecture.md says of the modules is so, and kept so by eslint.config.js.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ESLint, Linter } from "eslint";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Paths of modules, and what each imports: by its name in the import, whether it is for types, when it is needed, or at once. */
const imports = new Map(
  ["src", "sandbox", "bench", "scripts", "test"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { encoding: "utf8", recursive: true })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => join(folder, path))
      .map(
        (path) =>
          [path, ts.preProcessFile(read(path)).importedFiles.map(({ fileName }) => fileName)] as const,
      ),
  ),
);
const sources = [...imports.keys()].filter((path) => path.startsWith("src/"));

function targetOf(path: string, name: string): string {
  return name.startsWith(".") ? join(dirname(path), name) : name;
}

/** A way from the module back to itself; undefined where there is none. */
function cycleFrom(start: string): readonly string[] | undefined {
  const seen = new Set<string>();
  const ways = [[start]];
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    const last = way.at(-1) ?? start;
    for (const target of (imports.get(last) ?? []).map((name) => targetOf(last, name))) {
      if (target === start) return [...way, target];
      if (seen.has(target)) continue;
      seen.add(target);
      ways.push([...way, target]);
    }
  }
  return undefined;
}

it("no module imports itself by way of others", () => {
  expect([...imports.keys()].flatMap((path) => cycleFrom(path) ?? [])).toEqual([]);
  expect(imports.size).toBeGreaterThan(200);
});

/** The packages that a module loads at once, without waiting for their need. */
function packagesAtOnce(start: string): string[] {
  const atOnce = new Set<string>();
  const follow = (path: string): void => {
    if (atOnce.has(path)) return;
    atOnce.add(path);
    if (!path.startsWith("src/")) return;
    for (const statement of ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest).statements) {
      if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
      const typesOnly = ts.isImportDeclaration(statement)
        ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
        : statement.isTypeOnly;
      const from = statement.moduleSpecifier;
      if (!typesOnly && from !== undefined && ts.isStringLiteral(from)) follow(targetOf(path, from.text));
    }
  };
  follow(start);
  expect(atOnce.size).toBeGreaterThan(1);
  return [...atOnce].filter((name) => !name.startsWith("src/") && !name.startsWith("node:")).sort();
}

it.each([
  ["src/main.ts", []],
  ["src/cli/program.ts", ["commander"]],
  ["src/runtime.ts", ["chalk"]],
  ["src/cli/commands/drain/run.ts", ["chalk", "ipaddr.js"]],
])("%s loads only the packages that every run needs", (path, packages) => {
  expect(packagesAtOnce(path)).toEqual(packages);
});

describe("docs/architecture.md", () => {
  const text = read("docs/architecture.md");
  /** The table of the arrows. */
  const rows = new Map(
    [...text.matchAll(/^\| `([a-z/]+)\/` +\| (.*) \|$/gm)].map(([, folder = "", others = ""]) => [
      folder,
      [...others.matchAll(/`([a-z/]+)\/`/g)].map(([, other = ""]) => other),
    ]),
  );
  const linter = new Linter();
  const rules = new Map<string, Linter.Config>();
  beforeAll(async () => {
    const eslint = new ESLint({ cwd: ROOT });
    for (const folder of new Set([...rows.keys(), ...sources.map(dirname).map((path) => path.slice(4))])) {
      const { rules: all } = (await eslint.calculateConfigForFile(`src/${folder}/any.ts`)) as Linter.Config;
      rules.set(folder, { rules: { "no-restricted-imports": all?.["no-restricted-imports"] ?? "off" } });
    }
  });
  /** What eslint has to say of imports in a file of the folder. */
  const complaints = (folder: string, names: readonly string[]): string[] =>
    linter
      .verify(names.map((name) => `import ${JSON.stringify(name)};`).join("\n"), rules.get(folder) ?? [])
      .map(({ message }) => message);

  it("names every folder of src/, and no other", () => {
    const all = sources.map(dirname).filter((path) => path !== "src");
    // Each command has a folder of its own, and the types of columns are part of the mapping.
    const folders = new Set(
      all.map((path) => path.replace(/^(src\/cli\/commands|src\/mapping)\/[a-z]+$/, "$1")),
    );
    expect([...rows.keys()].map((folder) => `src/${folder}`).sort()).toEqual([...folders].sort());
  });

  it("names every module beside them", () => {
    for (const path of sources.filter((source) => dirname(source) === "src")) expect(text).toContain(path);
  });

  it.each([...rows])("has the arrows of src/%s/ as they are kept", (folder, others) => {
    const within = `src/${folder}`;
    const allowed = [...rows.keys()].filter((other) => {
      const path = relative(within, `src/${other}/any.ts`);
      return complaints(folder, [path.startsWith(".") ? path : `./${path}`]).length === 0;
    });
    // To leave out the folder around one's own is nothing that an import shows.
    const shown = (names: readonly string[]): string[] =>
      names.filter((name) => name !== folder && !folder.startsWith(`${name}/`)).sort();
    expect(shown(allowed)).toEqual(shown(others));
    const nobodys = ["../runtime.ts", "../../sandbox/ports.ts", "fauxqs"];
    expect(complaints(folder, nobodys)).toHaveLength(nobodys.length);
  });

  it("is right about every import, those that wait until they are needed too", () => {
    for (const path of sources.filter((source) => dirname(source) !== "src")) {
      expect(complaints(dirname(path).slice(4), imports.get(path) ?? []), path).toEqual([]);
    }
  });
});
