// The report of a benchmark: what `--json` prints, and what is stored in `bench/results/`.
import { writeFile } from "node:fs/promises";
import { arch, cpus, totalmem, type } from "node:os";
import { judge, type MarkResult } from "../figures/marks.ts";
import type { ScenarioResult } from "../figures/results.ts";
import { LEGEND } from "./tables.ts";

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly postgres: string;
}

/** What every report has. */
export interface Measurement {
  readonly schemaVersion: 1;
  /** ISO 8601, with the time. */
  readonly date: string;
  readonly machine: Machine;
  readonly marks: readonly MarkResult[];
  readonly scenarios: readonly ScenarioResult[];
}

export interface Report extends Measurement {
  /** What the figures mean. */
  readonly legend: readonly string[];
}

/** Relative to `dist/bench/report`, where this file runs. */
const RESULTS = new URL("../../../bench/results/", import.meta.url);

export function makeReport(scenarios: readonly ScenarioResult[], postgres: string): Report {
  return { ...measurement(scenarios, postgres), legend: LEGEND };
}

/** @param postgres the version of the server */
export function measurement(scenarios: readonly ScenarioResult[], postgres: string): Measurement {
  return {
    schemaVersion: 1,
    date: new Date().toISOString(),
    machine: describeMachine(postgres),
    marks: judge(scenarios),
    scenarios,
  };
}

/** The machine, the software and the day. The machine also ran both servers. */
export function conditions({ date, machine }: Measurement, versions: readonly string[] = []): string {
  const day = new Date(date).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
  const software = [`Node.js ${machine.node.slice(1)}`, `PostgreSQL ${machine.postgres}`, ...versions];
  return `${machine.cores} cores (${machine.cpu}, ${machine.memoryGiB} GiB), which also ran both servers; ${[...new Set(software)].join(", ")}; ${day}.`;
}

function describeMachine(postgres: string): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model ?? "unknown",
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${arch()}`,
    node: process.version,
    postgres,
  };
}

/** Paths within the working directory become relative to it. */
export function reportAsJson(report: object): string {
  const root = `${process.cwd()}/`;
  const relative = (_key: string, value: unknown): unknown =>
    typeof value === "string" && value.startsWith(root) ? value.slice(root.length) : value;
  return JSON.stringify(report, relative, 2);
}

/** Replaces a stored report. */
export async function store(name: "latest" | "peers", report: Measurement): Promise<void> {
  await writeFile(new URL(`${name}.json`, RESULTS), `${reportAsJson(report)}\n`);
}
