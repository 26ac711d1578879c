// Bundles src/ into dist/bundle/, which bin/ runs: together with the packages that it imports and that are not dependencies in
// package.json. A step of the build.
import { copyFileSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown, type PreRenderedChunk } from "rolldown";

/** The folder of a package, in the path of a module. */
const PACKAGE = /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/;

if (realpathSync(process.argv[1] ?? ".") === fileURLToPath(import.meta.url)) await write();

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly repository?: { readonly url: string };
}

async function write(): Promise<void> {
  // Relative to dist/scripts, where this file runs.
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const folder = join(root, "dist", "bundle");
  const moduleIds = await bundle(root, folder);
  copyFileSync(join(root, "src/postgres/rds-global-bundle.pem"), join(folder, "rds-global-bundle.pem"));
  writeFileSync(join(folder, "THIRD-PARTY-LICENSES.md"), licenses(moduleIds));
}

/**
 * Writes one file per command and per package, and files for what several of them need, each loaded only when it is needed. Nothing is
 * minified, so that stack traces are readable.
 *
 * @returns the paths of the bundled modules
 * @throws Error if the bundler has an error or a warning
 */
async function bundle(root: string, folder: string): Promise<string[]> {
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly peerDependencies: Readonly<Record<string, string>>;
  };
  const installed = Object.keys({ ...dependencies, ...peerDependencies });
  const build = await rolldown({
    cwd: root,
    input: join(root, "src/main.ts"),
    platform: "node",
    // Lets main.js export what other files use. Otherwise its code would be in a second file.
    preserveEntrySignatures: "allow-extension",
    // They stay outside, so that `npm update` reaches them. With the AWS SDK inside, a drain would start 0.07 s sooner.
    external: (id) => installed.some((name) => id === name || id.startsWith(`${name}/`)),
    // Modules of one command import it statically, the others when they need it.
    checks: { ineffectiveDynamicImport: false },
    onLog: (_level, log) => {
      throw new Error(log.message);
    },
  });
  const { output } = await build.write({
    dir: folder,
    cleanDir: true,
    comments: { legal: true, annotation: false, jsdoc: false },
    entryFileNames: "[name].js",
    chunkFileNames: (chunk) => `${nameOf(chunk)}.js`,
    codeSplitting: {
      groups: [
        // One file for `--version`, and another for what runs before a command is known.
        { name: "start", tags: ["$initial"], priority: 3 },
        { name: "program", test: /[\\/]src[\\/]cli[\\/]program\.ts$/, priority: 2 },
        { name: packageName, debugName: "packages", priority: 1 },
      ],
    },
  });
  await build.close();
  return output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
}

/** The module that is imported, or else the last one, gives the name: `drain-run` for src/cli/commands/drain/run.ts. */
function nameOf({ name, facadeModuleId, moduleIds }: PreRenderedChunk): string {
  const path = facadeModuleId ?? moduleIds.at(-1) ?? "";
  // The bundler's own module has no path.
  if (path.startsWith("\0") || packageFolder(path) !== undefined) return name;
  const folder = basename(dirname(path));
  return folder === "src" || folder === name ? name : `${folder}-${name}`;
}

/** The folder of the package that has the module; undefined for a module of fetch-etl. */
function packageFolder(moduleId: string): string | undefined {
  return PACKAGE.exec(moduleId)?.[0];
}

function packageName(moduleId: string): string | null {
  const folder = packageFolder(moduleId);
  return folder === undefined
    ? null
    : readPackage(folder).name.replace(/^@/, "").replace("/", "-").replace(/\.js$/, "");
}

function readPackage(folder: string): Package {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Package;
}

/** The licenses of the packages that have one of the modules, in Markdown. */
function licenses(moduleIds: readonly string[]): string {
  const folders = new Set(moduleIds.flatMap((id) => packageFolder(id) ?? []));
  const packages = [...folders].map((folder) => ({ ...readPackage(folder), text: licenseIn(folder) }));
  const sections = packages.map(({ name, version, license, repository, text }) => {
    // Some packages of a repository leave the file out.
    const beside = packages.find((other) => other.text !== "" && other.repository?.url === repository?.url);
    const given = text === "" && repository !== undefined ? beside?.text : text;
    if (given === undefined || given === "") throw new Error(`${name} has no license file`);
    return `## ${name} ${version} (${license})\n\n${given}\n`;
  });
  return ["# Packages in this bundle, and their licenses\n", ...sections.sort()].join("\n");
}

/** Empty if there is no such file. */
function licenseIn(folder: string): string {
  const files = readdirSync(folder).filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file));
  return files.map((file) => readFileSync(join(folder, file), "utf8").trim()).join("\n\n");
}
