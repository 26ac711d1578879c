import { expect, it } from "vitest";
import { readRunFiles, type RunFileFlags, type RunFiles } from "../../src/config/files.ts";
import { reading } from "./told.ts";

const NONE: RunFiles = { report: undefined, metrics: undefined };

/** Files under `there/` can be written. */
function checkWritable(path: string): void {
  if (!path.startsWith("there/")) throw Object.assign(new Error("no"), { code: "ENOENT" });
}
const read = (flags: RunFileFlags) => reading((problems) => readRunFiles(flags, checkWritable, problems));

it.each<[string, RunFileFlags, Partial<RunFiles>]>([
  ["nothing", {}, {}],
  ["a report", { report: "there/run.json" }, { report: "there/run.json" }],
  ["metrics", { metrics: "there/run.prom" }, { metrics: "there/run.prom" }],
  ["a dry run's report", { report: "there/run.json", dryRun: true }, { report: "there/run.json" }],
])("takes %s", (_, flags, files) => {
  expect(read(flags)).toEqual({ value: { ...NONE, ...files }, told: [] });
});

it.each<[string, RunFileFlags, Partial<RunFiles>, string]>([
  [
    "a report that cannot be written",
    { report: "nowhere/run.json" },
    {},
    "--report / FETCH_ETL_REPORT: the file nowhere/run.json cannot be written: its folder does not exist. Create it, or name another file (ENOENT).",
  ],
  [
    "metrics that cannot be written",
    { metrics: "nowhere/run.prom", report: "there/a" },
    { report: "there/a" },
    "--metrics / FETCH_ETL_METRICS: the file nowhere/run.prom cannot be written: its folder does not exist. Create it, or name another file (ENOENT).",
  ],
  ["a report without a name", { report: "" }, {}, "--report / FETCH_ETL_REPORT is empty: name a file."],
  ["metrics under a name that node_exporter skips", { metrics: "there/run.txt" }, {}, ".prom"],
  ["metrics of a dry run", { metrics: "there/run.prom", dryRun: true }, {}, "--dry-run"],
  ["one file for both", { metrics: "there/run.prom", report: "there/run.prom" }, {}, "the same file"],
])("refuses %s, and writes no file that is named by mistake", (_, flags, files, says) => {
  const { value, told } = read(flags);
  expect(value).toEqual({ ...NONE, ...files });
  expect(told).toEqual([expect.stringContaining(says)]);
});
