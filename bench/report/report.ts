// The whole outcome of a bench: what `--json` prints, and what is kept in `bench/results/`.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { judge, type MarkResult } from "../figures/marks.ts";
import type { ScenarioResult } from "../figures/results.ts";
import { drawChart } from "./chart.ts";
import type { Machine } from "./machine.ts";
import { LEGEND } from "./tables.ts";

export interface Report {
  readonly schemaVersion: 1;
  /** ISO, with the time. */
  readonly date: string;
  readonly machine: Machine;
  /** What the figures mean. */
  readonly legend: readonly string[];
  readonly marks: readonly MarkResult[];
  readonly scenarios: readonly ScenarioResult[];
}

/** From `dist/bench/report`, where this file runs. */
const RESULTS = new URL("../../../bench/results/", import.meta.url);

export function makeReport(scenarios: readonly ScenarioResult[], machine: Machine): Report {
  return {
    schemaVersion: 1,
    date: new Date().toISOString(),
    machine,
    legend: LEGEND,
    marks: judge(scenarios),
    scenarios,
  };
}

export function reportAsJson(report: Report): string {
  return JSON.stringify(report, undefined, 2);
}

/** The report of the last time. */
export async function readKept(): Promise<Report> {
  return JSON.parse(await readFile(new URL("latest.json", RESULTS), "utf8")) as Report;
}

/** Writes the report and its chart, over those of the last time. */
export async function keep(report: Report): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL("latest.json", RESULTS), `${reportAsJson(report)}\n`);
  await writeFile(new URL("latest.svg", RESULTS), drawChart(report));
}
