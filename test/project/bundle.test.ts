// What the build bundles: no more than it may, with every license; it finds what it needs where npm has installed the rest.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { promisify } from "node:util";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { installedPackages } from "./installed-packages.ts";

const ROOT = new URL("../../", import.meta.url);
const BUNDLE = new URL("dist/bundle/", ROOT);
const files = new Map(
  readdirSync(BUNDLE)
    .filter((file) => file.endsWith(".js"))
    .map((file) => [file, readFileSync(new URL(file, BUNDLE), "utf8")]),
);

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}
function readPackage(folder: string): Package {
  return JSON.parse(readFileSync(new URL(`${folder}/package.json`, ROOT), "utf8")) as Package;
}

/** What is in the files: above each module stands its path. */
const bundled = [
  ...new Set(
    [...files.values()].flatMap((code) =>
      [...code.matchAll(/^\/\/ (.*node_modules\/(?:@[^/\n]+\/)?[^/\n]+)\/.*$/gm)].map(
        ([, folder = ""]) => folder,
      ),
    ),
  ),
].map(readPackage);

describe("the licenses", () => {
  const page = readFileSync(new URL("THIRD-PARTY-LICENSES.md", BUNDLE), "utf8");

  it("are of every package in the bundle, and of no other", () => {
    const headings = bundled.map(({ name, version, license }) => `## ${name} ${version} (${license})`);
    expect(page.match(/^## .*$/gm)?.sort()).toEqual(headings.sort());
    expect(headings.length).toBeGreaterThan(10);
  });

  it("are complete texts", () => {
    for (const section of page.split(/^## /m).slice(1)) {
      expect(section).toMatch(
        /Permission (?:is hereby granted|to use)|Redistribution and use|Apache License/,
      );
      expect(section).toMatch(/copyright/i);
    }
  });

  it("allow to hand the packages on under fetch-etl's own", () => {
    const permissive = ["MIT", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"];
    for (const { name, license } of bundled) expect(permissive, name).toContain(license);
  });
});

describe("the bundle", () => {
  const installed = installedPackages();

  it("has no package that npm installs: an update of it would change nothing", () => {
    const names = installed.map(({ name }) => name);
    expect(bundled.map(({ name }) => name).filter((name) => names.includes(name))).toEqual([]);
    // Those that have got fixes for their security, or talk to a server.
    expect(names).toEqual(expect.arrayContaining(["@aws-sdk/client-sqs", "@smithy/core", "postgres"]));
  });

  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(new URL("package.json", ROOT), "utf8"),
  ) as Readonly<Record<"dependencies" | "peerDependencies", Readonly<Record<string, string>>>>;
  const imports = new Map(
    [...files].map(([file, code]) => [
      file,
      ts.preProcessFile(code).importedFiles.map(({ fileName }) => fileName),
    ]),
  );

  it("imports its own files, Node's modules and dependencies, and nothing that happens to be there", () => {
    const others = [...imports.values()].flat().filter((name) => !isBuiltin(name));
    expect(others.filter((name) => name.startsWith("./") && !files.has(name.slice(2)))).toEqual([]);
    const packages = others
      .filter((name) => !name.startsWith("./"))
      .map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
    // kerberos: the proxy agents have an option for it, which is not used.
    const expected = [...Object.keys(dependencies), ...Object.keys(peerDependencies), "kerberos"];
    expect([...new Set(packages)].sort()).toEqual(expected.sort());
  });

  it.each([
    ["main.js", []],
    ["cli-program.js", ["./main.js", "./rolldown-runtime.js", "commander"]],
  ])("loads no more than it needs for --version and --help: %s", (file, needed) => {
    const code = ts.createSourceFile(file, files.get(file) ?? "", ts.ScriptTarget.Latest);
    const atOnce = code.statements.flatMap((statement) =>
      ts.isImportDeclaration(statement) && ts.isStringLiteral(statement.moduleSpecifier)
        ? [statement.moduleSpecifier.text]
        : [],
    );
    expect(atOnce.filter((name) => !isBuiltin(name)).sort()).toEqual(needed);
  });

  it("has the files that it reads beside it", () => {
    const paths = [...files.values()].flatMap((code) =>
      [...code.matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)].map(([, path = ""]) => path),
    );
    expect(paths.sort()).toEqual(["../../package.json", "rds-global-bundle.pem"]);
    for (const path of paths) expect(existsSync(new URL(path, BUNDLE)), path).toBe(true);
  });

  it("shows in a stack trace the names of functions, and lines that can be read", async () => {
    const script = `
      const { commandLine } = await import(${JSON.stringify(new URL("main.js", BUNDLE).href)});
      const error = (sentence, frames) => console.log(frames);
      await commandLine({
        versions: { fetchEtl: "1.0.0" },
        stdout: {},
        stderr: {},
        openContext: () => Promise.reject(new TypeError("a bug")),
        openErrorLog: () => Promise.resolve({ format: "json", error }),
      }).run(["keygen"]);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    const frames = /at async Object\.run \(file:.*\/([\w-]+\.js):(\d+):\d+\)$/m;
    const [, file = "", line = ""] = frames.exec(stdout) ?? [];
    expect(files.get(file)?.split("\n")[Number(line) - 1]?.trim()).toMatch(/^await command\.parseAsync\(/);
  });
});
