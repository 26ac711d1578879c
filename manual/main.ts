// Writes the manual page into dist/man/, from where the package takes it. A step of the build.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createProgram } from "../src/cli/program.ts";
import { manualPage } from "./page.ts";

const root = new URL("../../", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string };
const { command } = createProgram(version, () => Promise.reject(new Error("no command is run here")));
mkdirSync(new URL("dist/man/", root), { recursive: true });
writeFileSync(new URL("dist/man/fetch-etl.1", root), manualPage(command, version));
