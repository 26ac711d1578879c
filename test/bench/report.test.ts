import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { judge } from "../../bench/figures/marks.ts";
import { PLACES, type TableName } from "../../bench/report/pages.ts";
import { conditions, makeReport, reportAsJson, type Report } from "../../bench/report/report.ts";
import { marksTable, programTable, scenarioTable } from "../../bench/report/tables.ts";
import { unpadded } from "../support/markdown.ts";
import { sample } from "./sample.ts";

const loopback = sample("loopback", {
  "fetch-etl": [
    { throughput: 4000, cpu: 100.4, receives: 0.101, deletes: 0.1, others: 0.001, requests: 0.202 },
  ],
  "sdk-loop": [{ throughput: 2000 }],
});

test("a scenario's table has one line per entry, with a dash for a missing figure", () => {
  const lines = scenarioTable(loopback).split("\n");
  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe("Scenario loopback");
  expect(lines[4]).toBe(
    "| fetch-etl | 20,000 | 4,000 | 100 | - | 0.202 = 0.101 + 0.100 + 0.001 | - | 1.00 |",
  );
  expect(lines[5]).toBe("| sdk-loop | 20,000 | 2,000 | - | - | - | - | 1.00 |");
});

test("the table of marks states the target and whether it was met", () => {
  const table = marksTable(judge([loopback]));
  expect(table).toContain("| throughput on loopback vs. the SDK loop | 2.2× or more | **2.00×, missed** |");
  expect(table).toContain("| CPU per message vs. the SDK loop | 0.38× or less | - |");
  const slow = sample("loopback", { "fetch-etl": [{ throughput: 1 }], "sdk-loop": [{ throughput: 2 }] });
  expect(marksTable(judge([slow]))).toContain("| 2.2× or more | **0.50×, missed** |");
});

test("the report is JSON, with the machine and the date", () => {
  const report = makeReport([loopback], "18");
  const { machine, marks, schemaVersion } = JSON.parse(reportAsJson(report)) as Report;
  expect({ machine, marks, schemaVersion }).toEqual({
    machine: report.machine,
    marks: report.marks,
    schemaVersion: 1,
  });
  expect(machine).toMatchObject({ node: process.version, postgres: "18" });
  expect(new Date(report.date).getTime()).not.toBeNaN();
});

test("the pages contain the tables of the stored results", () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const report = JSON.parse(read("bench/results/latest.json")) as Report;
  const { scenarios, marks } = report;
  const page = (name: TableName): string => unpadded(read(`docs/${PLACES[name]}`));
  expect(page("programs")).toContain(unpadded(programTable(scenarios)));
  expect(page("marks")).toContain(unpadded(marksTable(marks)));
  // Prettier breaks its lines.
  expect(page("marks").replaceAll("\n", " ")).toContain(conditions(report));
});

test("a stored report names no folder of the machine", () => {
  const flags = ["--mapping", `${process.cwd()}/bench/twelve-columns.yaml`];
  expect(JSON.parse(reportAsJson({ flags }))).toEqual({ flags: ["--mapping", "bench/twelve-columns.yaml"] });
});
