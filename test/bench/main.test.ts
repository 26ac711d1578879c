// Runs the built program: `npm test` builds it first. Checks that the figures exist, not their size.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Report } from "../../bench/report/report.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../dist/bench/main.js", import.meta.url));

test("a small benchmark runs over loopback and over a delay, and prints its figures", async () => {
  const args = ["--scenario", "requests", "--messages", "200", "--rounds", "1", "--json"];
  const { stdout } = await run(process.execPath, [MAIN, ...args]);
  const report = JSON.parse(stdout) as Report;
  expect(report.scenarios.map(({ name }) => name)).toEqual(["requests"]);
  const [loopback, delayed] = report.scenarios[0]?.entries ?? [];
  expect(loopback).toMatchObject({ messages: 200 });
  expect(delayed).toMatchObject({ messages: 200, sqsDelayMs: 20 });
  for (const entry of [loopback, delayed]) {
    expect(entry?.rounds).toEqual([entry?.median]);
    // SQS allows at most ten messages per call.
    expect(entry?.median.receives).toBeGreaterThanOrEqual(0.1);
    expect(entry?.median.deletes).toBeCloseTo(0.1, 1);
    expect(entry?.median.memory).toBeGreaterThan(10);
    expect(entry?.median.cpu).toBeGreaterThan(0);
    expect(entry?.median.throughput).toBeGreaterThan(0);
  }
});

test.each([
  [["--scenario", "nonsense"], "Allowed choices"],
  [["--rounds", "0"], "whole number"],
])("%j is refused with a sentence", async (args, sentence) => {
  await expect(run(process.execPath, [MAIN, ...args])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining(sentence) as string,
  });
});
