import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { judge } from "../../bench/figures/marks.ts";
import { drawChart } from "../../bench/report/chart.ts";
import { growthTable, marksTable, programTable } from "../../bench/report/page.ts";
import { makeReport, reportAsJson, type Report } from "../../bench/report/report.ts";
import { markTable, scenarioTable } from "../../bench/report/tables.ts";
import { unpadded } from "../support/markdown.ts";
import { sample } from "./sample.ts";

const loopback = sample("loopback", {
  "fetch-etl": [
    { throughput: 4000, cpu: 100.4, receives: 0.101, deletes: 0.1, others: 0.001, requests: 0.202 },
  ],
  "sdk-loop": [{ throughput: 2000 }],
});
const machine = { cpu: "a CPU", cores: 2, memoryGiB: 8, system: "Linux x64", node: "v20", postgres: "18" };

test("a scenario's table has a line an entry, with a dash for what was not measured", () => {
  const lines = scenarioTable(loopback).split("\n");
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe("Scenario loopback");
  expect(lines[3]).toMatch(/fetch-etl +20,000 +4,000 +100 +- +0\.202 = 0\.101 \+ 0\.100 \+ 0\.001/);
  expect(lines[4]).toMatch(/sdk-loop +20,000 +2,000 +- +- +- +- +1\.00/);
});

test("the marks' table says what was wanted, and whether it was met", () => {
  const table = markTable(judge([loopback]));
  expect(table).toMatch(/throughput on loopback vs. the SDK loop +2\.00x +1\.3 or more +met/);
  expect(table).toMatch(/CPU per message vs. the SDK loop +- /);
  expect(markTable([])).toContain("No mark");
});

test("the chart is an SVG with a name, a description and a bar for each contender", () => {
  const svg = drawChart(makeReport([loopback, sample("empty", {})], machine));
  expect(svg).toMatch(/^<svg [^>]*role="img">\n<title>/);
  expect(svg).toContain("<desc>loopback. fetch-etl drain: 4000; SDK loop, no database: 2000.</desc>");
  expect(svg).toContain(">4,000</text>");
  expect(svg).toContain("prefers-color-scheme");
  expect(svg).not.toContain("NaN");
  expect(svg.match(/fill="#2f81f7"/g)).toHaveLength(1);
});

test("the report is JSON, with the machine and the date", () => {
  const report = makeReport([loopback], machine);
  expect(JSON.parse(reportAsJson(report))).toMatchObject({ schemaVersion: 1, machine, marks: report.marks });
  expect(new Date(report.date).getTime()).not.toBeNaN();
});

test("docs/performance.md has the tables that follow from the results that are kept", () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const { scenarios, marks } = JSON.parse(read("bench/results/latest.json")) as Report;
  const page = unpadded(read("docs/performance.md"));
  for (const table of [programTable(scenarios), marksTable(marks), growthTable(scenarios)])
    expect(page).toContain(unpadded(table));
});
