// What npm would publish: what is needed to run, and no more; installed elsewhere, it runs.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

it("the package holds bin, the built sources and the usual texts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-pack-"));
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
          .replace(/^dist\/src\/.*\.js$/, "dist/src/*.js")
          .replace(/^deploy\/.*/, "deploy/*")
          .replace(/^docs\/[^/]*\.md$/, "docs/*.md")
          .replace(/^examples\/\w+\/(?:mapping\.yaml|(?:messages|rows)\.jsonl)$/, "examples/*")
          .replace(/^schemas\/[^/]*\.schema\.json$/, "schemas/*.schema.json")
          .replace(/^docs\/examples\/fetch_etl_token\.(?:py|go|sql)$/, "docs/examples/*"),
      ),
    );
    expect(kinds).toEqual(
      new Set([
        ...["package.json", "README.md", "LICENSE", "CHANGELOG.md", "bin/fetch-etl.js", "dist/src/*.js"],
        ...[
          "deploy/*",
          "docs/*.md",
          "examples/*",
          "schemas/*.schema.json",
          "dist/man/fetch-etl.1",
          "dist/schemas/mapping.schema.json",
          "dist/src/postgres/rds-global-bundle.pem",
        ],
        ...["docs/token-vectors.json", "docs/examples/*"],
      ]),
    );
    // npm links a manual page only where `man` is a list.
    const { man } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { man: unknown };
    expect(man).toEqual(["dist/man/fetch-etl.1"]);
    // Unpacked elsewhere, beside the dependencies, it runs.
    await run("tar", ["xzf", join(folder, packed?.filename ?? ""), "-C", folder]);
    await mkdir(join(folder, "elsewhere"));
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const bin = join(folder, "package", "bin", "fetch-etl.js");
    const { stdout: key } = await run(process.execPath, [bin, "keygen"], { cwd: join(folder, "elsewhere") });
    expect(key).toMatch(/^FETCH_ETL_MASKING_KEY=/);
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
