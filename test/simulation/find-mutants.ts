// Applies each mutant to a copy of the compiled code, and searches seeds until one fails.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { RECORD_MUTANTS } from "./mutants-records.ts";
import { RECOVERY_MUTANTS } from "./mutants-recovery.ts";
import { RUN_MUTANTS } from "./mutants-runs.ts";
import { LOOP_MUTANTS, type Mutant } from "./mutants.ts";
import { kindOf } from "./shrink.ts";
import { search } from "./search.ts";

/** From the root of the repository, where npm runs scripts. */
const COPY = ".cache/simulation";

export const MUTANTS = [...LOOP_MUTANTS, ...RUN_MUTANTS, ...RECORD_MUTANTS, ...RECOVERY_MUTANTS];

interface Options {
  readonly first: number;
  /** Seeds per mutant. */
  readonly count: number;
  readonly threads: number;
  /** Part of the names of the mutants to try; undefined for all. */
  readonly only: string | undefined;
}

/** @returns whether each was found */
export async function findMutants({ first, count, threads, only = "" }: Options): Promise<boolean> {
  const mutants = MUTANTS.filter(({ name }) => name.includes(only));
  let missed = 0;
  await rm(COPY, { recursive: true, force: true });
  for (const folder of ["src", "test/simulation"]) {
    await mkdir(`${COPY}/${folder}`, { recursive: true });
    await cp(`dist/${folder}`, `${COPY}/${folder}`, { recursive: true });
  }
  for (const mutant of mutants) {
    const compiled = `${COPY}/${mutant.file.replace(/ts$/, "js")}`;
    const before = await readFile(compiled, "utf8");
    await writeFile(compiled, compile(await mutate(mutant)));
    const worker = pathToFileURL(`${COPY}/test/simulation/worker.js`);
    const found = await search({ first, count, until: Infinity, threads, worker });
    await writeFile(compiled, before);
    if (found.failed === undefined) missed += 1;
    const result =
      found.failed === undefined
        ? `NOT FOUND in ${found.seeds.toLocaleString("en-US")} seeds`
        : `${found.seeds.toLocaleString("en-US").padStart(6)} seeds: ${kindOf(found.failed.broken)}`;
    console.log(`${mutant.name}\n    ${result}`);
  }
  console.log(`${mutants.length - missed} of ${mutants.length} mutants found.`);
  return missed === 0;
}

/** @throws if the mutant does not fit the file any more */
export async function mutate({ name, file, from, to }: Mutant): Promise<string> {
  const text = await readFile(file, "utf8");
  if (text.split(from).length !== 2) throw new Error(`${file} does not have exactly one place for "${name}"`);
  return text.replace(from, () => to);
}

function compile(text: string): string {
  const module = ts.ModuleKind.ESNext;
  const target = ts.ScriptTarget.ES2023;
  const options = { module, target, rewriteRelativeImportExtensions: true, verbatimModuleSyntax: true };
  return ts.transpileModule(text, { compilerOptions: options }).outputText;
}
