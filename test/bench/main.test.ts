// Runs the built program: `npm test` builds it first. No timing is looked at: only that the figures are there.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Report } from "../../bench/report/report.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../dist/bench/main.js", import.meta.url));

test("a small bench runs to its end and prints its figures", async () => {
  const args = ["--scenario", "invalid", "--messages", "200", "--rounds", "1", "--json"];
  const { stdout } = await run(process.execPath, [MAIN, ...args]);
  const report = JSON.parse(stdout) as Report;
  expect(report.scenarios.map(({ name }) => name)).toEqual(["invalid"]);
  const [valid, invalid] = report.scenarios[0]?.entries ?? [];
  expect(valid).toMatchObject({ messages: 200, invalid: 0 });
  expect(invalid).toMatchObject({ messages: 200, invalid: 2 });
  for (const entry of [valid, invalid]) {
    expect(entry?.rounds).toEqual([entry?.median]);
    // Ten messages a call are the most that SQS takes and gives.
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
