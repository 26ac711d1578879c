// Puts the tables of a complete run into the documentation, between a pair of comments that name the table.
import { readFile, writeFile } from "node:fs/promises";
import { format, resolveConfig } from "prettier";
import { fileURLToPath } from "node:url";

/** Relative to `dist/bench/report`, where this file runs. */
const DOCS = new URL("../../../docs/", import.meta.url);

/** Where each table stands. */
export const PLACES = {
  programs: "performance.md",
  peers: "performance.md",
  marks: "benchmark.md",
} as const;

export type TableName = keyof typeof PLACES;

/** Replaces tables of the pages, in the form that Prettier gives them. */
export async function writeTable(name: TableName, table: string): Promise<void> {
  const path = fileURLToPath(new URL(PLACES[name], DOCS));
  const page = replaceTable(await readFile(path, "utf8"), name, table);
  await writeFile(path, await format(page, { ...(await resolveConfig(path)), filepath: path }));
}

/** @throws Error if the page has no place for the table */
export function replaceTable(page: string, name: TableName, table: string): string {
  const [start, end] = [`<!-- bench: ${name} -->`, `<!-- bench: end of ${name} -->`];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${PLACES[name]} has no place for the table of ${name}`);
  return `${page.slice(0, from + start.length)}\n\n${table}\n\n${page.slice(to)}`;
}
