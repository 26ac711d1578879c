// What npm would publish: what is needed to run, and no more; installed elsewhere, it runs.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { diskSpace, installedPackages } from "./installed-packages.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The files and folders of the package that a page links to. */
function linkedFiles(page: string, text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)/g)].flatMap(([, link = ""]) =>
    /^[a-z]+:/.test(link) ? [] : [join(dirname(page), link).replace(/\/$/, "")],
  );
}

it("the package holds bin, the bundle and the texts that they link to, and runs elsewhere", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-pack-"));
  const installed = installedPackages();
  try {
    // Without scripts: the build that the tests run against must not be taken away under them.
    const { stdout } = await run(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
      { cwd: ROOT },
    );
    const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
    const paths = packed?.files.map(({ path }) => path) ?? [];
    const kinds = new Set(
      paths.map((path) =>
        path
          .replace(/^dist\/bundle\/[\w-]+\.js$/, "dist/bundle/*.js")
          .replace(/^deploy\/.*/, "deploy/*")
          .replace(/^docs\/[^/]*\.md$/, "docs/*.md")
          .replace(/^examples\/\w+\/(?:mapping\.yaml|(?:messages|rows)\.jsonl)$/, "examples/*")
          .replace(/^schemas\/[^/]*\.schema\.json$/, "schemas/*.schema.json")
          .replace(/^docs\/examples\/fetch_etl_token\.(?:py|go|sql)$/, "docs/examples/*"),
      ),
    );
    expect(kinds).toEqual(
      new Set([
        ...["package.json", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"],
        ...[".env.example", "bin/fetch-etl.js", "dist/bundle/*.js"],
        ...[
          "deploy/*",
          "docs/*.md",
          "examples/*",
          "schemas/*.schema.json",
          "dist/man/fetch-etl.1",
          "dist/schemas/mapping.schema.json",
          "dist/bundle/rds-global-bundle.pem",
          "dist/bundle/THIRD-PARTY-LICENSES.md",
        ],
        ...["docs/token-vectors.json", "docs/examples/*", "docs/drain.svg"],
      ]),
    );
    // Who contributes has the repository.
    for (const path of paths.filter((path) => path.endsWith(".md") && path !== "CONTRIBUTING.md"))
      for (const target of linkedFiles(path, await readFile(join(ROOT, path), "utf8")))
        expect(
          paths.some((packed) => packed === target || packed.startsWith(`${target}/`)),
          target,
        ).toBe(true);
    // npm links a manual page only where `man` is a list.
    const { man, version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
      man: unknown;
      version: string;
    };
    expect(man).toEqual(["dist/man/fetch-etl.1"]);
    await run("tar", ["xzf", join(folder, packed?.filename ?? ""), "-C", folder]);
    await mkdir(join(folder, "elsewhere"));
    for (const { path } of installed) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await symlink(join(ROOT, path), join(folder, path));
    }
    const bin = join(folder, "package", "bin", "fetch-etl.js");
    const { stdout: key } = await run(process.execPath, [bin, "keygen"], { cwd: join(folder, "elsewhere") });
    expect(key).toMatch(/^FETCH_ETL_MASKING_KEY=/);
    // The one is answered before commander is loaded, the other by it.
    for (const flag of ["--version", "-V"]) {
      expect((await run(process.execPath, [bin, flag])).stdout).toBe(`${version}\n`);
    }
    // What a plain install brings: this package and its dependencies.
    expect(installed.length + 1).toBeLessThanOrEqual(60);
    const space = [join(folder, "package"), ...installed.map(({ path }) => join(ROOT, path))].map(diskSpace);
    const megabytes = space.reduce((sum, size) => sum + size) / 2 ** 20;
    expect(megabytes).toBeLessThanOrEqual(25);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("names every package with an install script, on whichever system, so that npm does not warn of one", async () => {
  const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(ROOT, file), "utf8"));
  const { packages } = (await read("package-lock.json")) as {
    packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
  };
  const { allowScripts } = (await read("package.json")) as {
    allowScripts: Readonly<Record<string, boolean>>;
  };
  const withScripts = Object.entries(packages)
    .filter(([path, { hasInstallScript }]) => path !== "" && hasInstallScript === true)
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
  expect(withScripts.length).toBeGreaterThan(0);
  expect(Object.keys(allowScripts)).toEqual(expect.arrayContaining(withScripts));
});
